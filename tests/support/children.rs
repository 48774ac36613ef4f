//! Other processes for tests: the test's own program again, running one function of it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What a child is told by: the name of its part and its arguments.
const PART: &str = "MEMO_TEST_PART";

/// A process that plays a part. It is killed when this is dropped.
pub struct Player {
    child: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
}

/// The part and the arguments of this process, if it was started to play one. The test `another_process` asks for it.
pub fn part() -> Option<(String, Vec<String>)> {
    let text = std::env::var(PART).ok()?;
    let mut words = text.split('\n').map(str::to_owned);
    Some((words.next()?, words.collect()))
}

/// In a child: says a line to its parent.
pub fn say(line: &str) {
    // Past the test harness, which keeps what tests print.
    let mut out = std::io::stdout().lock();
    out.write_all(format!("said {line}\n").as_bytes()).and_then(|()| out.flush()).expect("the parent listens");
}

/// In a child: waits for a line.
pub fn wait_for_line() {
    std::io::stdin().read_line(&mut String::new()).expect("the parent speaks");
}

/// The command that plays a part.
pub fn command(part: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("tests are programs"));
    command.args(["--exact", "another_process", "--nocapture", "--test-threads=1"]);
    command.env(PART, [&[part], arguments].concat().join("\n"));
    command
}

impl Player {
    /// Starts one.
    ///
    /// # Panics
    /// If no process can be started.
    pub fn start(part: &str, arguments: &[&str]) -> Self {
        Self::of(command(part, arguments))
    }

    /// Starts one by a command.
    ///
    /// # Panics
    /// If no process can be started.
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process can be started");
        let says = BufReader::new(child.stdout.take().expect("piped"));
        let hears = child.stdin.take().expect("piped");
        Self { child, says, hears }
    }

    /// The next line that it says; `None` if it has ended.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.says.read_line(&mut line).expect("text") > 0 {
            // The harness writes into the same line.
            if line.ends_with('\n')
                && let Some((_, said)) = line.trim_end().split_once("said ")
            {
                return Some(said.to_owned());
            }
            line.clear();
        }
        None
    }

    /// Says a line to it.
    pub fn tell(&mut self) {
        self.hears.write_all(b"\n").and_then(|()| self.hears.flush()).expect("it listens");
    }

    /// SIGKILL, and nothing before.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it was started");
    }

    /// Did it end well?
    pub fn ends_well(mut self) -> bool {
        self.child.wait().expect("it was started").success()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
