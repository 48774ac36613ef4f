//! Stands between a client and a server, and does to their connections what networks do.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// What becomes of what goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It arrives.
    Fair,
    /// Nothing of what the server says arrives, and nothing fails.
    Silent,
    /// Connections are cut when the server answers, and new ones as soon as they are made.
    Cut,
    /// What the server says arrives as something else.
    Garbled,
    /// The server's side is closed when it answers; the client may go on talking.
    HalfClosed,
}

/// A proxy on a port of its own.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    weather: Mutex<Weather>,
    changed: Condvar,
    accepted: AtomicUsize,
    open: AtomicUsize,
}

impl Proxy {
    /// Starts one before a server of this host.
    ///
    /// # Panics
    /// If no port is free.
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            weather: Mutex::new(Weather::Fair),
            changed: Condvar::new(),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let proxied = shared.clone();
        // Ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = proxied.clone();
                thread::spawn(move || shared.serve(client, SocketAddr::from((Ipv4Addr::LOCALHOST, server))));
            }
        });
        Self { port, shared }
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, also for connections that are open.
    pub fn set(&self, weather: Weather) {
        *self.shared.weather.lock().expect("nothing panics under it") = weather;
        self.shared.changed.notify_all();
    }

    /// How many connections were made.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many of them the client has not closed, nor the server.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn weather(&self) -> Weather {
        *self.weather.lock().expect("nothing panics under it")
    }

    fn serve(self: Arc<Self>, client: TcpStream, server: SocketAddr) {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        if self.weather() == Weather::Cut {
            return;
        }
        let Ok(server) = TcpStream::connect(server) else { return };
        self.open.fetch_add(1, Ordering::SeqCst);
        let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else { return };
        let shared = self.clone();
        thread::spawn(move || shared.answer(server, client));
        copy(from_client, to_server);
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn answer(&self, mut server: TcpStream, mut client: TcpStream) {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = server.read(&mut bytes) {
            let bytes = &mut bytes[..length];
            let mut weather = self.weather.lock().expect("nothing panics under it");
            while *weather == Weather::Silent {
                weather = self.changed.wait(weather).expect("nothing panics under it");
            }
            let weather = *weather;
            match weather {
                Weather::Garbled => bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31) ^ 0x5a),
                Weather::Cut => break,
                Weather::HalfClosed => {
                    client.shutdown(Shutdown::Write).ok();
                    continue;
                }
                Weather::Fair | Weather::Silent => {}
            }
            if client.write_all(bytes).is_err() {
                break;
            }
        }
        for end in [server, client] {
            end.shutdown(Shutdown::Both).ok();
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    // The client has gone, or the server; the other one hears of it.
    for end in [from, to] {
        end.shutdown(Shutdown::Both).ok();
    }
}
