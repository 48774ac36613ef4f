//! Timing: all contenders of a row take turns within one process, so that what disturbs the machine disturbs them all.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::contenders::{self, Column, Contender};

/// How often each contender has its turn.
const ROUNDS: usize = 7;
/// How long a turn takes at least.
const TURN: Duration = Duration::from_millis(50);
/// The same where the least of many turns counts: short, so that some of them are not disturbed.
const SHORT_TURN: Duration = Duration::from_millis(2);
/// So long the turns of a row go on there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The nanoseconds per call of a contender, round by round.
pub struct Samples {
    pub column: Column,
    pub rounds: Vec<f64>,
}

/// Nanoseconds per call, or of each of several threads that call at once.
pub fn interleaved(contenders: &[Contender], threads: usize) -> Vec<Samples> {
    let mut rounds = 0;
    in_turns(contenders, threads, TURN, || {
        rounds += 1;
        rounds <= ROUNDS
    })
}

/// The least nanoseconds per call of many rounds: where the system has a part in a call, most rounds are disturbed.
pub fn least(contenders: &[Contender], threads: usize) -> Vec<(Column, f64)> {
    let (mut rounds, mut start) = (0, None);
    let samples = in_turns(contenders, threads, SHORT_TURN, || {
        rounds += 1;
        rounds <= ROUNDS || start.get_or_insert_with(Instant::now).elapsed() < PATIENCE
    });
    let least = |rounds: Vec<f64>| rounds.into_iter().fold(f64::MAX, f64::min);
    samples.into_iter().map(|samples| (samples.column, least(samples.rounds))).collect()
}

/// Turns of at least this length, as long as there is to be another round.
fn in_turns(
    contenders: &[Contender],
    threads: usize,
    length: Duration,
    mut goes_on: impl FnMut() -> bool,
) -> Vec<Samples> {
    let calls: Vec<u64> = contenders.iter().map(|contender| calibrate(contender, threads, length)).collect();
    let mut samples: Vec<Samples> =
        contenders.iter().map(|contender| Samples { column: contender.column, rounds: Vec::new() }).collect();
    while goes_on() {
        for ((contender, calls), samples) in contenders.iter().zip(&calls).zip(&mut samples) {
            let runs = contenders::runs();
            let took = turn(contender, *calls, threads);
            let runs = contenders::runs() - runs;
            if contender.only_hits && threads == 1 && runs > 0 {
                eprintln!("{}: {runs} of {calls} calls were no hits", contender.column.name());
            }
            samples.rounds.push(took.as_nanos() as f64 / *calls as f64);
        }
    }
    samples
}

/// How many calls make a turn. Warms the contender up, too.
fn calibrate(contender: &Contender, threads: usize, length: Duration) -> u64 {
    // Enough for every key of every row to be stored.
    contender.run(contender.warm_up);
    let mut calls = 16;
    loop {
        // The shortest of some: one that was disturbed would make all turns too short.
        let took = (0..3).map(|_| turn(contender, calls, threads)).min().unwrap_or_default();
        if took >= length {
            return calls;
        }
        let wanted = length.as_secs_f64() * 1.2 / took.as_secs_f64().max(1e-6);
        calls = (calls as f64 * wanted.clamp(1.2, 100.0)) as u64;
    }
}

/// The time of the slowest thread.
fn turn(contender: &Contender, calls: u64, threads: usize) -> Duration {
    let timed = || {
        let start = Instant::now();
        contender.run(calls);
        start.elapsed()
    };
    if threads == 1 {
        return timed();
    }
    let together = Barrier::new(threads);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    timed()
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("no contender panics")).max().unwrap_or_default()
    })
}

/// The middle one of some values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
