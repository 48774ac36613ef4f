//! Redis: one server, through TCP, TLS or a socket, or six of them as a cluster.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{PATIENCE, Service, free_port, need, patient};
use crate::in_time;

/// One server. It is stopped when this is dropped.
pub struct Server {
    service: Service,
    dir: TempDir,
}

impl Server {
    /// Starts one; `None` if there is no Redis here.
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// Starts one with settings as in `redis.conf`.
    pub fn with(settings: &[&str]) -> Option<Self> {
        let program = need("redis-server", "redis-server", &[])?;
        let dir = TempDir::new().expect("a folder can be made");
        let config = config(dir.path(), settings);
        let file = dir.path().join("redis.conf");
        let command = move |port: u16| {
            fs::write(&file, format!("port {port}\n{config}")).expect("a file can be written");
            let mut command = Command::new(&program);
            command.arg(&file);
            command
        };
        Some(Self { service: Service::start(low_port, command, answers), dir })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.service.port()
    }

    /// What it is found by, with what stands behind the port.
    pub fn url(&self, rest: &str) -> String {
        format!("redis://127.0.0.1:{}{}", self.port(), patient(rest))
    }

    /// Starts one that also listens to TLS, with a certificate of its own; gives its port for that, and the file with the
    /// certificate. `None` if there is no Redis here, or none that knows TLS.
    ///
    /// # Panics
    /// If no certificate can be made.
    pub fn with_tls() -> Option<(Self, u16, PathBuf)> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        let made = made.expect("a certificate can be made");
        let dir = TempDir::new().expect("a folder can be made").keep();
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.join(name));
        fs::write(&cert, made.cert.pem()).expect("a file can be written");
        fs::write(&key, made.signing_key.serialize_pem()).expect("a file can be written");
        let port = free_port();
        let settings = [
            format!("tls-port {port}"),
            format!("tls-cert-file {}", cert.display()),
            format!("tls-key-file {}", key.display()),
            "tls-auth-clients no".to_owned(),
        ];
        let server = Self::with(&settings.each_ref().map(String::as_str))?;
        Some((server, port, cert))
    }

    /// The socket that it listens on, beside its port.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// SIGKILL; what it held is lost.
    pub fn kill(&mut self) {
        self.service.process().kill();
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// If somebody else took the port.
    pub fn start_again(&mut self) {
        self.service.start_again();
    }

    /// Has it do something, as a user with `redis-cli` would; gives the answer as it comes.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn ask(&self, words: &[&[u8]]) -> Answer {
        ask(self.port(), words).expect("the server answers")
    }

    /// The same in words.
    pub fn tell(&self, words: &str) -> Answer {
        self.ask(&words.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }
}

fn config(dir: &Path, settings: &[&str]) -> String {
    let dir = dir.display().to_string();
    let fixed = format!("bind 127.0.0.1\ndir {dir}\nunixsocket {dir}/socket\nsave \"\"\nappendonly no\n");
    settings.iter().fold(fixed, |config, setting| config + &setting.replace("{dir}", &dir) + "\n")
}

/// A free port: a cluster's servers talk to each other on a port that is 10,000 higher.
fn low_port() -> u16 {
    loop {
        let port = free_port();
        if port <= 55_000 {
            return port;
        }
    }
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is none.
    Nothing,
    /// Bytes, or a word such as `OK`.
    Text(Vec<u8>),
    /// A whole number.
    Number(i64),
    /// A refusal, in its words.
    Error(String),
    /// Several answers.
    List(Vec<Self>),
}

impl Answer {
    /// The number that it is.
    ///
    /// # Panics
    /// If it is none.
    pub fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("{other:?} is no number"),
        }
    }

    /// The texts that it is made of.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![String::from_utf8_lossy(text).into_owned()],
            Self::List(list) => list.iter().flat_map(Self::texts).collect(),
            _ => Vec::new(),
        }
    }
}

/// Does somebody speak the protocol here?
fn answers(port: u16) -> bool {
    // One that wants a password, or is loading, is there.
    ask(port, &[b"PING"]).is_some()
}

fn ask(port: u16, words: &[&[u8]]) -> Option<Answer> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    stream.write_all(&request).ok()?;
    read(&mut BufReader::new(stream))
}

fn read(from: &mut impl BufRead) -> Option<Answer> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    let (kind, rest) = line.trim_end().split_at_checked(1)?;
    Some(match kind {
        "+" => Answer::Text(rest.as_bytes().to_vec()),
        "-" => Answer::Error(rest.to_owned()),
        ":" => Answer::Number(rest.parse().ok()?),
        "$" => match rest.parse::<i64>().ok()? {
            -1 => Answer::Nothing,
            length => {
                let mut text = vec![0; usize::try_from(length).ok()? + 2];
                from.read_exact(&mut text).ok()?;
                text.truncate(text.len() - 2);
                Answer::Text(text)
            }
        },
        "*" => Answer::List((0..rest.parse::<i64>().ok()?).map(|_| read(from)).collect::<Option<_>>()?),
        _ => return None,
    })
}

/// Several servers that are one store.
pub struct Cluster(Vec<Server>);

impl Cluster {
    /// Six servers, of which three have a replica each; `None` if there is no Redis here.
    ///
    /// # Panics
    /// If they can't agree.
    pub fn start() -> Option<Self> {
        let settings = ["cluster-enabled yes", "cluster-config-file {dir}/nodes.conf", "cluster-node-timeout 2000"];
        let servers = (0..6).map(|_| Server::with(&settings)).collect::<Option<Vec<_>>>()?;
        let (masters, replicas) = servers.split_at(3);
        for (number, master) in masters.iter().enumerate() {
            let (first, last) = (number * 16_384 / 3, (number + 1) * 16_384 / 3 - 1);
            expect_ok(&master.tell(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")));
        }
        for other in &servers[1..] {
            let bus = other.port() + 10_000;
            expect_ok(&servers[0].tell(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", other.port())));
        }
        let known = |server: &Server| server.tell("CLUSTER NODES").texts().concat().lines().count();
        // They agree in their own time.
        in_time(PATIENCE, "all know each other", || servers.iter().all(|server| known(server) == 6));
        for (master, replica) in masters.iter().zip(replicas) {
            let id = master.tell("CLUSTER MYID").texts().concat();
            expect_ok(&replica.tell(&format!("CLUSTER REPLICATE {id}")));
        }
        let is_whole = |server: &Server| {
            let says = |words: &str, what: &str| server.tell(words).texts().concat().contains(what);
            says("CLUSTER INFO", "cluster_state:ok")
        };
        let replicates =
            |server: &Server| server.tell("INFO replication").texts().concat().contains("master_link_status:up");
        let is_done = || servers.iter().all(is_whole) && replicas.iter().all(replicates);
        in_time(PATIENCE, "the servers of a cluster agree", is_done);
        Some(Self(servers))
    }

    /// What it is found by, with what stands behind the ports.
    pub fn url(&self, rest: &str) -> String {
        let hosts: Vec<String> = self.0[..2].iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
        format!("redis-cluster://{}{}", hosts.join(","), patient(rest))
    }

    /// Those that hold entries.
    pub fn masters(&self) -> &[Server] {
        &self.0[..3]
    }
}

fn expect_ok(answer: &Answer) {
    assert_eq!(*answer, Answer::Text(b"OK".to_vec()));
}
