//! Instructions per call, counted by callgrind: this program runs itself under valgrind with two numbers of calls, and
//! the difference is what the calls cost, loop included.

use std::{env, process::Command};

use crate::contenders::{
    Column, Contender, Keys,
    numbers::{self, Room},
    strings,
};

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Many,
    Numbers,
    Strings,
    SharedStrings,
    Misses,
}

impl Work {
    const ALL: [Self; 5] = [Self::Many, Self::Numbers, Self::Strings, Self::SharedStrings, Self::Misses];

    fn name(self) -> &'static str {
        match self {
            Self::Many => "many",
            Self::Numbers => "numbers",
            Self::Strings => "strings",
            Self::SharedStrings => "shared-strings",
            Self::Misses => "misses",
        }
    }

    /// A contender in this work, if there is one for the column.
    pub fn contender(self, column: Column) -> Option<Contender> {
        match self {
            Self::Many => numbers::make(column, Room::Large, Keys::Random(100_000)),
            Self::Numbers => numbers::make(column, Room::Small, Keys::Random(1_000)),
            Self::Strings => strings::owned(column),
            Self::SharedStrings => strings::shared(column),
            Self::Misses => numbers::make(column, Room::Evicting, Keys::Fresh),
        }
    }
}

/// The hidden command that runs under valgrind: `spin <work> <column> <calls>`.
pub fn spin(arguments: &[String]) -> Result<(), String> {
    let usage = || "usage: spin <numbers|strings|shared-strings|misses> <column> <calls>".to_owned();
    let [work, column, calls] = arguments else { return Err(usage()) };
    let work = Work::ALL.into_iter().find(|known| known.name() == work).ok_or_else(usage)?;
    let column = Column::ALL.into_iter().find(|known| known.name() == column).ok_or_else(usage)?;
    let calls = calls.parse().map_err(|_| usage())?;
    work.contender(column).ok_or_else(usage)?.run(calls);
    Ok(())
}

/// Is valgrind there?
pub fn available() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions per call, once the contender is warm. `None`: valgrind failed, or there is no such contender.
pub fn per_call(work: Work, column: Column) -> Option<f64> {
    // Enough for every key to be stored, or for the cache to be full, and for what tunes itself to have done so.
    const WARM: u64 = 150_000;
    const COUNTED: u64 = 200_000;
    work.contender(column)?;
    let warm = collected(work, column, WARM)?;
    let all = collected(work, column, WARM + COUNTED)?;
    Some(all.checked_sub(warm)? as f64 / COUNTED as f64)
}

fn collected(work: Work, column: Column, calls: u64) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().ok()?)
        .args(["spin", work.name(), column.name(), &calls.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let line = report.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(' ').next()?.parse().ok()
}
