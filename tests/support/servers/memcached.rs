//! memcached: one server.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::Command,
    time::Duration,
};

use super::{Service, free_port, need};

/// One server. It is stopped when this is dropped.
pub struct Server(Service);

impl Server {
    /// Starts one; `None` if there is no memcached here.
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// Starts one with arguments of its own.
    ///
    /// # Panics
    /// If it does not start with these.
    pub fn with(settings: &[&str]) -> Option<Self> {
        let program = need("memcached", "memcached", &[])?;
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let command = move |port: u16| {
            let mut command = Command::new(&program);
            // It refuses to be root.
            let fixed = ["-l", "127.0.0.1", "-U", "0", "-u", "nobody", "-t", "2", "-p"];
            command.args(fixed).arg(port.to_string()).args(&settings);
            command
        };
        Some(Self(Service::start(free_port, command, answers)))
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// What it is found by, with what stands behind the port.
    pub fn url(&self, rest: &str) -> String {
        format!("memcached://127.0.0.1:{}{rest}", self.port())
    }

    /// SIGKILL; what it held is lost.
    pub fn kill(&mut self) {
        self.0.process().kill();
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// If somebody else took the port.
    pub fn start_again(&mut self) {
        self.0.start_again();
    }

    /// What it holds under a key.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut reader = self.ask(format!("get {key}\r\n").as_bytes());
        let head = line(&mut reader);
        let length = head.strip_prefix("VALUE ")?.split(' ').nth(2)?.parse().expect("a length");
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).expect("the server answers");
        Some(bytes)
    }

    /// Puts something there, as another program would.
    ///
    /// # Panics
    /// If it does not take it.
    pub fn set(&self, key: &str, bytes: &[u8]) {
        let mut asked = format!("set {key} 0 0 {}\r\n", bytes.len()).into_bytes();
        asked.extend_from_slice(bytes);
        asked.extend_from_slice(b"\r\n");
        assert_eq!(line(&mut self.ask(&asked)), "STORED");
    }

    /// Takes something away, as the server does when it needs the room; was it there?
    pub fn drop(&self, key: &str) -> bool {
        line(&mut self.ask(format!("delete {key}\r\n").as_bytes())) == "DELETED"
    }

    /// One of its counters, such as `cmd_flush`.
    ///
    /// # Panics
    /// If it has none of that name.
    pub fn counter(&self, name: &str) -> u64 {
        let mut reader = self.ask(b"stats\r\n");
        loop {
            let line = line(&mut reader);
            assert_ne!(line, "END", "there is no counter {name}");
            if let Some((_, number)) = line.split_once(&format!("STAT {name} ")) {
                return number.parse().expect("a number");
            }
        }
    }

    /// Puts many small things there, so that it has to drop others of their size.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn flood(&self, name: &str, size: usize) {
        let value = "x".repeat(size);
        let mut asked: Vec<String> =
            (0..20_000).map(|n| format!("set {name}{n} 0 0 {size} noreply\r\n{value}\r\n")).collect();
        asked.push("mn\r\n".to_owned());
        assert_eq!(line(&mut self.ask(asked.concat().as_bytes())), "MN");
    }

    fn ask(&self, words: &[u8]) -> BufReader<TcpStream> {
        ask(self.port(), words).expect("the server answers")
    }
}

/// Does somebody speak the protocol here? One that wants a password says so.
fn answers(port: u16) -> bool {
    let said = ask(port, b"version\r\n").map(|mut reader| line(&mut reader));
    said.is_some_and(|said| said.starts_with("VERSION") || said.starts_with("CLIENT_ERROR"))
}

fn ask(port: u16, words: &[u8]) -> Option<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(words).ok()?;
    Some(BufReader::new(stream))
}

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).ok();
    line.trim_end().to_owned()
}
