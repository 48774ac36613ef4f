//! Two processes that read one store at the same time.

use std::{
    env,
    io::{BufRead, BufReader, Write as _, stdin},
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};

use super::{Action, Store, contender};
use crate::contenders::Column;

const PROCESSES: usize = 2;
const ROUNDS: usize = 7;

/// Reads per microsecond of all processes together, at best. `nanos`: what one of them takes alone for a read. redb lets no
/// second process in.
pub fn reads(column: Column, store: Store, nanos: f64) -> Option<f64> {
    if column == Column::CachedRedb {
        return None;
    }
    let calls = (2e8 / nanos) as u64;
    let best = (0..ROUNDS).map(|_| slowest(column, store, calls)).collect::<Option<Vec<f64>>>()?;
    let nanos = best.into_iter().fold(f64::MAX, f64::min);
    Some(PROCESSES as f64 * calls as f64 * 1000.0 / nanos)
}

/// How long the slowest process took, in nanoseconds.
fn slowest(column: Column, store: Store, calls: u64) -> Option<f64> {
    let mut readers = (0..PROCESSES).map(|_| Reader::start(column, store, calls)).collect::<Option<Vec<_>>>()?;
    for reader in &mut readers {
        (reader.line()? == "ready").then_some(())?;
    }
    readers.iter_mut().for_each(Reader::go);
    let mut slowest = 0.0_f64;
    for reader in &mut readers {
        slowest = slowest.max(reader.line()?.parse().ok()?);
        reader.child.wait().ok()?;
    }
    Some(slowest)
}

struct Reader {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Reader {
    fn start(column: Column, store: Store, calls: u64) -> Option<Self> {
        let mut child = Command::new(env::current_exe().ok()?)
            .args(["read", store.name(), column.name(), &calls.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let says = BufReader::new(child.stdout.take()?);
        Some(Self { child, says })
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.says.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    }

    fn go(&mut self) {
        if let Some(hears) = &mut self.child.stdin {
            hears.write_all(b"\n").ok();
        }
    }
}

/// The hidden command of such a process: `read <store> <column> <calls>`.
pub fn read(arguments: &[String]) -> Result<(), String> {
    let usage = || "usage: read <store> <column> <calls>".to_owned();
    let [store, column, calls] = arguments else { return Err(usage()) };
    let store = Store::ALL.into_iter().find(|known| known.name() == store).ok_or_else(usage)?;
    let column = Column::ALL.into_iter().find(|known| known.name() == column).ok_or_else(usage)?;
    let calls = calls.parse().map_err(|_| usage())?;
    let contender = contender(column, store, Action::Hit).ok_or_else(usage)?;
    contender.run(contender.warm_up);
    println!("ready");
    stdin().read_line(&mut String::new()).map_err(|error| error.to_string())?;
    let start = Instant::now();
    contender.run(calls);
    println!("{}", start.elapsed().as_nanos());
    Ok(())
}
