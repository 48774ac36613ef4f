//! A Redis of one's own, for examples that are given none.

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// A server on a free port, in a folder of its own. Both go when this is dropped.
pub struct Server {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl Server {
    /// Starts one; `None`, and says so, if Redis is not installed.
    ///
    /// # Errors
    ///
    /// If it can't be started, or is not installed and `MEMO_REQUIRE_SERVERS=1`.
    pub fn start() -> io::Result<Option<Self>> {
        match Self::start_installed() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                println!("There is nothing to see: `redis-server` is not installed (Debian's package redis-server).");
                if env::var_os("MEMO_REQUIRE_SERVERS").is_some_and(|value| value == "1") {
                    Err(error)
                } else {
                    Ok(None)
                }
            }
            started => started.map(Some),
        }
    }

    fn start_installed() -> io::Result<Self> {
        loop {
            let dir = TempDir::new()?;
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            let process = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"])
                .arg(dir.path())
                .stdout(Stdio::null())
                .spawn()?;
            let mut server = Self { process, port, _dir: dir };
            // It ends if somebody else took the port meanwhile: then another is tried.
            while server.process.try_wait()?.is_none() {
                if server.answers().is_ok_and(|answers| answers) {
                    return Ok(server);
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn answers(&self) -> io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer == *b"+PONG")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
