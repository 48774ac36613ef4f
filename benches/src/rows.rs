//! The rows of the table, with the bars that memo is held to.

pub mod network;
pub mod stores;

use std::{env, path::PathBuf};

use crate::{
    allocations,
    contenders::{
        Column, Contender, Keys,
        numbers::{self, Room},
        strings, tasks,
    },
    instructions::{self, Work},
    measure, scratch,
    table::{Bar, Row, Unit},
    traces,
};

const NUMBERS: &str = "hit `u64 -> u64`";
const STRINGS: &str = "hit `(&str, u32) -> String`";
const SHARED_STRINGS: &str = "hit `(&str, u32) -> Arc<str>`";
const MISSES: &str = "miss, store and evict `u64 -> u64`";

fn everyone(make: impl Fn(Column) -> Option<Contender>) -> Vec<Contender> {
    Column::ALL.into_iter().filter_map(make).collect()
}

fn timed(name: &str, bars: &[Bar], contenders: &[Contender]) -> Row {
    Row::new(name, Unit::Nanos, bars).rounds(measure::interleaved(contenders, 1))
}

pub fn hit() -> Vec<Row> {
    let contenders = everyone(|column| numbers::make(column, Room::Small, Keys::Random(1_000)));
    vec![timed(NUMBERS, &[Bar::Times(0.45, Column::CachedLruTtl)], &contenders)]
}

pub fn threads() -> Vec<Row> {
    const THREADS: usize = 2;
    let contenders = everyone(|column| numbers::make(column, Room::Small, Keys::Random(1)));
    let mut rounds = measure::interleaved(&contenders, THREADS);
    for nanos in rounds.iter_mut().flat_map(|samples| &mut samples.rounds) {
        *nanos = THREADS as f64 * 1_000.0 / *nanos;
    }
    let bars = [Bar::AtLeast(75.0), Bar::TimesBest(3.0)];
    vec![Row::new("two threads on one hot key", Unit::MillionsPerSecond, &bars).rounds(rounds)]
}

pub fn random() -> Vec<Row> {
    let contenders = everyone(|column| numbers::make(column, Room::Large, Keys::Random(100_000)));
    vec![timed("hit, 100,000 keys at random", &[Bar::Times(1.5, Column::DashMap)], &contenders)]
}

pub fn strings() -> Vec<Row> {
    vec![
        timed(STRINGS, &[Bar::Times(0.75, Column::Cached)], &everyone(strings::owned)),
        timed(SHARED_STRINGS, &[], &everyone(strings::shared)),
    ]
}

pub fn misses() -> Vec<Row> {
    let contenders = everyone(|column| numbers::make(column, Room::Evicting, Keys::Fresh));
    vec![timed(MISSES, &[], &contenders)]
}

pub fn tasks() -> Vec<Row> {
    vec![timed("async hit `u64 -> u64`", &[], &everyone(tasks::make))]
}

pub fn instructions() -> Vec<Row> {
    let row = |name, work, bars: &[Bar]| {
        let row = Row::new(name, Unit::Instructions, bars);
        if !instructions::available() {
            return row.note("valgrind is missing");
        }
        let count = |column| Some((column, instructions::per_call(work, column)?));
        row.cells(Column::ALL.into_iter().filter_map(count))
    };
    vec![
        row(NUMBERS, Work::Numbers, &[Bar::AtMost(190.0)]),
        row(STRINGS, Work::Strings, &[]),
        row(SHARED_STRINGS, Work::SharedStrings, &[]),
        row(MISSES, Work::Misses, &[]),
    ]
}

pub fn allocations() -> Vec<Row> {
    let row = |name, work: Work, most| {
        let contenders = everyone(|column| work.contender(column));
        let counted = contenders.iter().map(|contender| (contender.column, allocations::per_call(contender)));
        Row::new(name, Unit::Allocations, &[Bar::AtMost(most)]).cells(counted)
    };
    vec![
        row(NUMBERS, Work::Numbers, 0.0),
        row(STRINGS, Work::Strings, 1.0),
        row(SHARED_STRINGS, Work::SharedStrings, 0.0),
    ]
}

pub fn bytes() -> Vec<Row> {
    const ENTRIES: u64 = 1_000_000;
    let weighed = |column| {
        let make = || numbers::make(column, Room::Million, Keys::Fresh);
        Some((column, allocations::bytes_per_call(make, ENTRIES)?))
    };
    let row = Row::new("an entry `u64 -> u64`, of a million", Unit::Bytes, &[Bar::AtMost(70.0)]);
    vec![row.cells(Column::ALL.into_iter().filter_map(weighed))]
}

/// `folder`: where the traces are; else the environment says.
pub fn traces(folder: Option<&str>) -> Vec<Row> {
    let folder = folder.map(PathBuf::from).or_else(|| env::var_os("MEMO_TRACES").map(PathBuf::from));
    let without = |note: String| vec![Row::new("hits on the traces", Unit::Percent, &[]).note(note)];
    let Some(folder) = folder else {
        return without("no folder given".to_owned());
    };
    let ratios = match traces::replay(&folder) {
        Ok(ratios) => ratios,
        Err(error) => return without(error),
    };
    let row =
        |ratios: traces::Ratios| Row::new(ratios.name, Unit::Percent, &[Bar::BehindBest(0.1)]).cells(ratios.cells);
    ratios.into_iter().map(row).collect()
}

pub fn build() -> Vec<Row> {
    let bars = [Bar::Times(1.0, Column::Concurrent)];
    let seconds = Row::new("200 functions: what they add to a release build", Unit::Seconds, &bars);
    let text = Row::new("200 functions: what they add to the text of the program", Unit::Kilobytes, &bars);
    let file = Row::new("200 functions: what they add to the stripped program", Unit::Kilobytes, &bars);
    match scratch::added() {
        Ok(added) => vec![
            seconds.cells(added.iter().map(|(column, added)| (*column, added.seconds))),
            text.cells(added.iter().map(|(column, added)| (*column, added.text / 1000.0))),
            file.cells(added.iter().map(|(column, added)| (*column, added.file / 1000.0))),
        ],
        Err(error) => vec![seconds.note(error)],
    }
}
