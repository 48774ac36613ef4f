//! Private servers for tests: started on free ports, in folders of their own, and stopped by the handle that is held.
//!
//! Where a server is not installed, its tests are skipped: they say so, and `tests/zz_skipped.rs` counts them at the end of the run.
//! With `MEMO_REQUIRE_SERVERS=1` that fails them instead.

pub mod memcached;
#[cfg(unix)]
pub mod postgres;
pub mod proxy;
pub mod redis;

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::Write,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::in_time;

/// How long a server may need to start on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process that is killed with this handle.
pub struct Process(Child);

impl Process {
    /// Starts a command whose output nobody needs but for errors.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?} can't be started: {error}")))
    }

    /// Waits until the server answers; `false` if it ended instead, as it does when somebody else took its port.
    ///
    /// # Panics
    /// If it takes too long.
    pub fn answers(&mut self, mut asked: impl FnMut() -> bool) -> bool {
        let mut is_there = false;
        in_time(PATIENCE, "a server that was started answers", || {
            is_there = asked();
            is_there || self.0.try_wait().expect("it was started").is_some()
        });
        is_there
    }

    /// SIGKILL, and nothing before.
    pub fn kill(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) {
        self.0.wait().ok();
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server on a port of its own, which it keeps when it is started again.
pub(crate) struct Service {
    process: Process,
    port: u16,
    command: Box<dyn Fn(u16) -> Command + Send + Sync>,
    answers: Box<dyn Fn(u16) -> bool + Send + Sync>,
}

impl Service {
    /// Starts one on a port that is free, and waits until it answers there.
    ///
    /// # Panics
    /// If it does not start.
    pub(crate) fn start(
        free_port: fn() -> u16,
        command: impl Fn(u16) -> Command + Send + Sync + 'static,
        answers: impl Fn(u16) -> bool + Send + Sync + 'static,
    ) -> Self {
        // Somebody else may take a port first.
        let started = (0..20).find_map(|_| {
            let port = free_port();
            let mut process = Process::start(&mut command(port));
            process.answers(|| answers(port)).then_some((port, process))
        });
        let (port, process) = started.unwrap_or_else(|| panic!("{:?} does not start, on no port", command(0)));
        Self { process, port, command: Box::new(command), answers: Box::new(answers) }
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What runs.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// If somebody else took the port.
    pub(crate) fn start_again(&mut self) {
        self.process = Process::start(&mut (self.command)(self.port));
        assert!(self.process.answers(|| (self.answers)(self.port)), "somebody else took port {}", self.port);
    }
}

/// A port that nobody listens on, for now.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// The end of a URL, with more patience than a program would have: the machine may be busy with other tests.
pub(crate) fn patient(rest: &str) -> String {
    let mut rest = rest.to_owned();
    for name in ["timeout", "connect_timeout"] {
        let says = |before: char| rest.contains(&format!("{before}{name}="));
        if !says('?') && !says('&') {
            rest.push(if rest.contains('?') { '&' } else { '?' });
            rest.extend([name, "=20s"]);
        }
    }
    rest
}

/// Where a program is: in `PATH`, or in one of some folders.
pub fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).chain(folders.iter().cloned());
    all.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Where a program is. If it is not there, the test is skipped: that is said, and counted.
///
/// # Panics
/// If servers are required.
pub fn need(program: &str, package: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let found = find(program, folders);
    if found.is_none() {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        let why = format!("`{program}` is not installed (Debian's package {package})");
        let required = std::env::var_os("MEMO_REQUIRE_SERVERS").is_some_and(|value| value == *OsStr::new("1"));
        assert!(!required, "{test}: {why}, and MEMO_REQUIRE_SERVERS=1");
        say(&format!("skipped: {test}: {why}"));
        let mut file = OpenOptions::new().create(true).append(true).open(skipped()).expect("a file can be written");
        writeln!(file, "{test}").expect("a file can be written");
    }
    found
}

/// The number of tests that were skipped in this run of all tests.
pub fn count_skipped() -> usize {
    let lines = fs::read_to_string(skipped()).unwrap_or_default().lines().count();
    fs::remove_file(skipped()).ok();
    lines
}

/// Past the test harness, which keeps what tests print that pass.
pub fn say(line: &str) {
    let mut out = std::io::stderr().lock();
    writeln!(out, "{line}").ok();
}

/// The test programs of one run have one parent.
fn skipped() -> PathBuf {
    #[cfg(unix)]
    let run = std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    let run = 0;
    std::env::temp_dir().join(format!("memo-tests-skipped-{run}"))
}
