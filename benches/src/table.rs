//! The table: rows of measurements, what they are held against, and the text that comes out.

use std::{fmt::Write as _, process::Command, thread};

use crate::{
    contenders::Column,
    measure::{Samples, median},
};

/// One measurement of several contenders.
pub struct Row {
    name: String,
    unit: Unit,
    cells: Vec<(Column, f64)>,
    /// Round by round, where contenders took turns: ratios are taken within a round.
    rounds: Vec<Samples>,
    bars: Vec<Bar>,
    /// Stands in place of the measurement where there is none.
    note: Option<String>,
}

/// How a figure is written.
#[derive(Clone, Copy)]
pub enum Unit {
    Nanos,
    MillionsPerSecond,
    Instructions,
    Allocations,
    Bytes,
    Percent,
    Seconds,
    Kilobytes,
    RoundTrips,
}

/// What memo's figure is held against.
#[derive(Clone, Copy)]
pub enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// So many times another's figure, at most.
    Times(f64, Column),
    /// So many times the best peer's figure, at least.
    TimesBest(f64),
    /// No more than so far behind the best peer.
    BehindBest(f64),
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Nanos => "ns",
            Self::MillionsPerSecond => "Mops/s",
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::Bytes => "bytes",
            Self::Percent => "%",
            Self::Seconds => "s",
            Self::Kilobytes => "kB",
            Self::RoundTrips => "round trips",
        }
    }

    fn write(self, value: f64) -> String {
        match self {
            Self::Nanos | Self::MillionsPerSecond | Self::Seconds => format!("{value:.1}"),
            Self::Instructions | Self::Bytes | Self::Kilobytes => format!("{value:.0}"),
            Self::Allocations | Self::Percent | Self::RoundTrips => format!("{value:.2}"),
        }
    }
}

impl Row {
    pub fn new(name: impl Into<String>, unit: Unit, bars: &[Bar]) -> Self {
        let bars = bars.to_vec();
        Self { name: name.into(), unit, cells: Vec::new(), rounds: Vec::new(), bars, note: None }
    }

    /// With one figure per contender.
    pub fn cells(mut self, cells: impl IntoIterator<Item = (Column, f64)>) -> Self {
        self.cells.extend(cells);
        self
    }

    /// With figures of several rounds.
    pub fn rounds(mut self, rounds: Vec<Samples>) -> Self {
        self.cells.extend(rounds.iter().map(|samples| (samples.column, median(samples.rounds.iter().copied()))));
        self.rounds = rounds;
        self
    }

    /// Without figures, for this reason.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    fn of(&self, column: Column) -> Option<f64> {
        self.cells.iter().find(|(other, _)| *other == column).map(|(_, value)| *value)
    }

    /// memo's figure in relation to another's.
    fn ratio(&self, other: Column) -> Option<f64> {
        let rounds = |column| self.rounds.iter().find(|samples| samples.column == column);
        if let (Some(memo), Some(other)) = (rounds(Column::Memo), rounds(other)) {
            return Some(median(memo.rounds.iter().zip(&other.rounds).map(|(memo, other)| memo / other)));
        }
        Some(self.of(Column::Memo)? / self.of(other)?)
    }

    /// The peer with the highest figure. `Bare` is not in the contest, as it shares nothing.
    fn best_peer(&self) -> Option<(Column, f64)> {
        let ours = |column| matches!(column, Column::Memo | Column::MemoFront | Column::Bare);
        let peers = self.cells.iter().copied().filter(|(column, _)| !ours(*column));
        peers.max_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    /// A bar in words, and how memo stands to it: the figure it is about, and whether it holds.
    fn judge(&self, bar: Bar) -> (String, Option<(String, bool)>) {
        let memo = self.of(Column::Memo);
        let times = |ratio: f64| format!("{ratio:.2} ×");
        match bar {
            Bar::AtMost(most) => {
                let text = format!("≤ {}", self.unit.write(most));
                // What is counted over many calls is never quite a whole number.
                (text, memo.map(|memo| (self.unit.write(memo), memo <= most + 0.005)))
            }
            Bar::AtLeast(least) => {
                (format!("≥ {}", self.unit.write(least)), memo.map(|memo| (self.unit.write(memo), memo >= least)))
            }
            Bar::Times(factor, other) => {
                let text = format!("≤ {factor} × {}", other.name());
                (text, self.ratio(other).map(|ratio| (times(ratio), ratio <= factor)))
            }
            Bar::TimesBest(factor) => {
                let ratio = self.best_peer().and_then(|(best, _)| self.ratio(best));
                (format!("≥ {factor} × the best peer"), ratio.map(|ratio| (times(ratio), ratio >= factor)))
            }
            Bar::BehindBest(most) => {
                let ahead = memo.zip(self.best_peer()).map(|(memo, (_, best))| memo - best);
                (format!("≥ the best peer - {most}"), ahead.map(|ahead| (format!("{ahead:+.2}"), ahead >= -most)))
            }
        }
    }

    fn write(&self, columns: &[Column]) -> String {
        let mut line = format!("| {}, {} |", self.name, self.unit.name());
        for column in columns {
            let cell = match (&self.note, self.of(*column)) {
                (_, Some(value)) => self.unit.write(value),
                (Some(note), None) if *column == Column::Memo => note.clone(),
                _ => String::new(),
            };
            let _ = write!(line, " {cell} |");
        }
        let judged: Vec<_> = self.bars.iter().map(|bar| self.judge(*bar)).collect();
        let bars: Vec<_> = judged.iter().map(|(text, _)| text.as_str()).collect();
        let verdicts: Vec<_> = judged.iter().filter_map(|(_, verdict)| verdict.as_ref()).map(verdict).collect();
        let _ = write!(line, " {} | {} |", bars.join("; "), verdicts.join("; "));
        line
    }
}

fn verdict((figure, holds): &(String, bool)) -> String {
    if *holds { format!("yes ({figure})") } else { format!("**no** ({figure})") }
}

/// Prints rows as one table, under a heading.
pub fn print(heading: &str, rows: &[Row]) {
    let used = |column: &Column| *column == Column::Memo || rows.iter().any(|row| row.of(*column).is_some());
    let columns: Vec<Column> = Column::ALL.into_iter().filter(used).collect();
    let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
    println!("{heading}\n");
    println!("| | {} | bar | holds |", names.join(" | "));
    println!("| --- |{} --- | --- |", " ---: |".repeat(columns.len()));
    for row in rows {
        println!("{}", row.write(&columns));
    }
}

/// The date, the machine, and how busy it is: to be asked before anything is measured.
pub fn heading() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let date = output("date", &["-u", "+%Y-%m-%d"]);
    let rustc = output("rustc", &["--version"]);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let model = model.unwrap_or("unknown processor");
    format!("{date}; {model}, {cores} cores, load {load} at the start; {rustc}")
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if text.is_empty() { format!("unknown {program}") } else { text }
}
