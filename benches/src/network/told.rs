//! Memory in front of a server: how long after a change in one place it is seen in another.

use std::{
    hint::spin_loop,
    time::{Duration, Instant},
};

use memo::Cache;

use super::server::URL;

/// So many changes are made.
const ROUNDS: u64 = 2_000;

/// Nanoseconds from before a value is set by one until another, who has the older in memory, sees it: of so many in a thousand, the
/// longest. They share nothing but the server.
pub fn seen_after(in_a_thousand: usize) -> f64 {
    let near = |rest: &str| -> Cache<u64, u64> {
        Cache::builder("told").backends(["memory".to_owned(), format!("{URL}{rest}")]).build().expect("the server runs")
    };
    let (here, there) = (near("?pool=15"), near("?pool=14"));
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let is_seen = |value| there.get(&7).expect("the server answers") == Some(value);
            let start = Instant::now();
            here.set(7, round).expect("the server answers");
            while !is_seen(round) {
                spin_loop();
            }
            start.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[(took.len() * in_a_thousand / 1000).min(took.len() - 1)].as_nanos() as f64
}
