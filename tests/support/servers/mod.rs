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
    time::{Duration, Instant},
};

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
        let until = Instant::now() + PATIENCE;
        while !asked() {
            if self.0.try_wait().expect("it was started").is_some() {
                return false;
            }
            assert!(Instant::now() < until, "a server that was started does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        true
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
