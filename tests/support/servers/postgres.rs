//! PostgreSQL: one server, through TCP, TLS or a socket.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        net::UnixStream,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, Weak},
};

use tempfile::{NamedTempFile, TempDir};

use super::{Process, Service, free_port, need, patient};

/// The password of its user `memo`.
pub const PASSWORD: &str = "correct-horse";

/// One server. It is stopped when this is dropped.
pub struct Server {
    service: Service,
    dir: TempDir,
}

/// Whom a server runs as.
#[derive(Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

impl Server {
    /// Starts one; `None` if there is no PostgreSQL here.
    pub fn start() -> Option<Self> {
        Self::with("")
    }

    /// Starts one with lines of `postgresql.conf`.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn with(settings: &str) -> Option<Self> {
        Self::made(settings, &[])
    }

    fn made(settings: &str, files: &[(&str, String)]) -> Option<Self> {
        let initdb = need("initdb", "postgresql", &folders())?;
        let program = need("postgres", "postgresql", &folders())?;
        let dir = TempDir::new().expect("a folder can be made");
        let user = ordinary_user(dir.path());
        fs::write(dir.path().join("password"), PASSWORD).expect("a file can be written");
        let mut command = Command::new(initdb);
        command.args(["--username=memo", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]);
        command.args(["--no-locale", "--encoding=UTF8"]).arg("--pwfile").arg(dir.path().join("password"));
        let made = as_user(command.arg("-D").arg(dir.path().join("data")), user).output().expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let config = dir.path().join("data/postgresql.conf");
        let lines = "listen_addresses = '127.0.0.1'\nfsync = off\nshared_buffers = 16MB\nmax_connections = 200\n";
        let more = settings.replace("{dir}", &dir.path().display().to_string());
        fs::write(config, format!("{lines}unix_socket_directories = '{}'\n{more}\n", dir.path().display()))
            .expect("a file can be written");
        for (name, text) in files {
            let file = dir.path().join(name);
            fs::write(&file, text).expect("a file can be written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
            give(&file, user);
        }
        let folder = dir.path().to_owned();
        let command = move |port: u16| {
            let mut command = Command::new(&program);
            command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]).current_dir(&folder);
            as_user(&mut command, user);
            command
        };
        let folder = dir.path().to_owned();
        let answers = move |port: u16| Session::open(&folder, port).is_some();
        Some(Self { service: Service::start(free_port, command, answers), dir })
    }

    /// Starts one that speaks through TLS, too, in the name of a host; beside it the file with its certificate, which it signed itself.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn with_tls(host: &str) -> Option<(Self, PathBuf)> {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).expect("a certificate can be made");
        let files = [("cert.pem", made.cert.pem()), ("key.pem", made.signing_key.serialize_pem())];
        let server = Self::made("ssl = on\nssl_cert_file = '{dir}/cert.pem'\nssl_key_file = '{dir}/key.pem'", &files)?;
        let certificate = server.dir.path().join("cert.pem");
        Some((server, certificate))
    }

    /// A file with the certificate of somebody whom no server knows.
    ///
    /// # Panics
    /// If it can't be made.
    pub fn certificate_of_others() -> NamedTempFile {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
        let mut file = NamedTempFile::new().expect("a file can be made");
        file.write_all(made.cert.pem().as_bytes()).expect("a file can be written");
        file
    }

    /// One for all tests of a process that need none of their own. It is stopped when nobody holds it.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.service.port()
    }

    /// The folder with its socket.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it is found by, with parameters from `?` on. It is waited for as long as a busy machine may need, if they don't say how long.
    pub fn url(&self, rest: &str) -> String {
        format!("postgres://memo:{PASSWORD}@127.0.0.1:{}/postgres{}", self.port(), patient(rest))
    }

    /// Has it do something, as a user with `psql` would; gives the rows as texts.
    ///
    /// # Panics
    /// If it refuses.
    pub fn sql(&self, text: &str) -> Vec<Vec<Option<String>>> {
        let mut session = Session::open(self.dir.path(), self.port()).expect("the server answers");
        session.ask(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// The one number that something gives.
    ///
    /// # Panics
    /// If it is none.
    pub fn number(&self, text: &str) -> i64 {
        let rows = self.sql(text);
        let first = rows.first().and_then(|row| row.first()?.as_ref()).unwrap_or_else(|| panic!("{text}: no number"));
        first.parse().unwrap_or_else(|error| panic!("{text}: {first}: {error}"))
    }

    /// SIGQUIT: it ends at once, as in a crash.
    pub fn crash(&mut self) {
        end(self.service.process());
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// If somebody else took the port.
    pub fn start_again(&mut self) {
        self.service.start_again();
    }

    /// SIGSTOP for everything of it that runs: it is there, and says nothing.
    pub fn freeze(&self) {
        self.signal_all("STOP");
    }

    /// The end of that.
    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    /// To the server, then to the processes that it has started.
    fn signal_all(&self, name: &str) {
        let id = self.service.id();
        signal(name, id);
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|child| child.parse().ok()).for_each(|child| signal(name, child));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.thaw();
        end(self.service.process());
    }
}

/// Stops a server and what it has started. (SIGKILL would leave its shared memory.)
fn end(process: &mut Process) {
    signal("QUIT", process.id());
    process.wait();
}

fn signal(name: &str, id: u32) {
    Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).output().ok();
}

/// Where Debian keeps programs that depend on the version, the latest first.
fn folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort_unstable();
    folders.reverse();
    folders
}

/// PostgreSQL refuses to run as root; then it runs as the user `postgres`, or as nobody, and the folder is theirs.
fn ordinary_user(dir: &Path) -> Option<User> {
    if fs::metadata(dir).expect("it was made").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map_while(|number| number.parse().ok());
        Some(User { id: numbers.next()?, group: numbers.next()? })
    };
    let user = user("postgres").or_else(|| user("nobody")).unwrap_or(User { id: 65534, group: 65534 });
    give(dir, Some(user));
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("root may do that");
    Some(user)
}

fn give(file: &Path, user: Option<User>) {
    if let Some(User { id, group }) = user {
        chown(file, Some(id), Some(group)).expect("root may do that");
    }
}

fn as_user(command: &mut Command, user: Option<User>) -> &mut Command {
    if let Some(User { id, group }) = user {
        command.uid(id).gid(group);
    }
    command
}

/// A connection through the socket, which needs no password: what `psql` would be.
struct Session(UnixStream);

impl Session {
    fn open(dir: &Path, port: u16) -> Option<Self> {
        let mut session = Self(UnixStream::connect(dir.join(format!(".s.PGSQL.{port}"))).ok()?);
        let mut hello = 196_608_i32.to_be_bytes().to_vec();
        hello.extend_from_slice(b"user\0memo\0database\0postgres\0\0");
        session.send(None, &hello)?;
        session.answer()?.ok()?;
        Some(session)
    }

    fn ask(&mut self, text: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        let gone = || "the server has gone".to_owned();
        self.send(Some(b'Q'), &[text.as_bytes(), b"\0"].concat()).ok_or_else(gone)?;
        self.answer().ok_or_else(gone)?
    }

    fn send(&mut self, kind: Option<u8>, bytes: &[u8]) -> Option<()> {
        let length = i32::try_from(bytes.len() + 4).ok()?;
        let message: Vec<u8> = kind.into_iter().chain(length.to_be_bytes()).chain(bytes.iter().copied()).collect();
        self.0.write_all(&message).ok()
    }

    /// All that is said until the server is ready for more.
    fn answer(&mut self) -> Option<Result<Vec<Vec<Option<String>>>, String>> {
        let (mut rows, mut error) = (Vec::new(), None);
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head).ok()?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
            self.0.read_exact(&mut body).ok()?;
            match head[0] {
                b'D' => rows.push(row(&body)?),
                b'E' => error = Some(String::from_utf8_lossy(&body).replace('\0', " ")),
                b'Z' => return Some(error.map_or(Ok(rows), Err)),
                _ => {}
            }
        }
    }
}

fn row(mut body: &[u8]) -> Option<Vec<Option<String>>> {
    let mut take = |length: usize| {
        let (taken, rest) = body.split_at_checked(length)?;
        body = rest;
        Some(taken)
    };
    let columns = take(2)?;
    let mut texts = Vec::new();
    for _ in 0..u16::from_be_bytes(columns.try_into().ok()?) {
        let length = i32::from_be_bytes(take(4)?.try_into().ok()?);
        // None has a length of its own.
        texts.push(match usize::try_from(length) {
            Ok(length) => Some(String::from_utf8_lossy(take(length)?).into_owned()),
            Err(_) => None,
        });
    }
    Some(texts)
}
