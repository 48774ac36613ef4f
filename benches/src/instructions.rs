//! Instructions per call, counted by callgrind: this program runs itself under valgrind with two numbers of calls, and
//! the difference is what the calls cost, loop included.

use std::{env, process::Command};

use crate::contenders::{
    Column, Contender, Keys,
    numbers::{self, Room},
    strings,
};
use crate::stores::{self, Action, Place, Store};

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Many,
    Numbers,
    Strings,
    SharedStrings,
    Misses,
    /// A hit in a store.
    Stored(Store),
}

impl Work {
    const ALL: [Self; 8] = [
        Self::Many,
        Self::Numbers,
        Self::Strings,
        Self::SharedStrings,
        Self::Misses,
        Self::Stored(Store::Sqlite),
        Self::Stored(Store::Lmdb),
        Self::Stored(Store::Files),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Many => "many",
            Self::Numbers => "numbers",
            Self::Strings => "strings",
            Self::SharedStrings => "shared-strings",
            Self::Misses => "misses",
            Self::Stored(store) => store.name(),
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
            Self::Stored(store) => stores::contender(column, store, Action::Hit),
        }
    }

    /// How many calls come before those that are counted, and how many are: enough for every key to be stored, or for the
    /// cache to be full, and for what tunes itself to have done so.
    fn calls(self) -> (u64, u64) {
        match self {
            Self::Stored(_) => (8 * stores::KEYS, 4_000),
            _ => (150_000, 200_000),
        }
    }
}

/// The hidden command that runs under valgrind: `spin <work> <column> <calls>`.
pub fn spin(arguments: &[String]) -> Result<(), String> {
    let usage = || "usage: spin <work> <column> <calls>".to_owned();
    let [work, column, calls] = arguments else { return Err(usage()) };
    let work = Work::ALL.into_iter().find(|known| known.name() == work).ok_or_else(usage)?;
    let column = Column::ALL.into_iter().find(|known| known.name() == column).ok_or_else(usage)?;
    let calls = calls.parse().map_err(|_| usage())?;
    // Not in the stores of who started this.
    let _place = matches!(work, Work::Stored(_)).then(Place::new);
    work.contender(column).ok_or_else(usage)?.run(calls);
    Ok(())
}

/// Is valgrind there?
pub fn available() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions per call, once the contender is warm. `None`: valgrind failed, or there is no such contender.
pub fn per_call(work: Work, column: Column) -> Option<f64> {
    work.contender(column)?;
    let (warm, counted) = work.calls();
    let before = collected(work, column, warm)?;
    let all = collected(work, column, warm + counted)?;
    Some(all.checked_sub(before)? as f64 / counted as f64)
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
