//! Rows 61, 62: values are made anew before they end, at random, by what they cost.

use std::{
    hint,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use memo::{cache_info, clock::TestClock, memoize, refresh};
use memo_tests::fresh;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn begin() -> (MutexGuard<'static, ()>, TestClock) {
    (ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner), TestClock::install())
}

/// What a body costs is measured in real time: at least so much.
fn work(millis: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(millis) {
        hint::spin_loop();
    }
}

#[memoize(ttl = 3600, early_refresh)]
fn costly(key: u32) -> u64 {
    work(5);
    fresh() + u64::from(key)
}

/// The number of refreshes that so many keys have when so much of their hour is left.
fn refreshed(clock: &TestClock, keys: std::ops::Range<u32>, left: Duration) -> u64 {
    for key in keys.clone() {
        costly(key);
    }
    clock.advance(Duration::from_hours(1).saturating_sub(left));
    let before = cache_info(costly);
    for key in keys {
        costly(key);
    }
    refresh::wait();
    let after = cache_info(costly);
    assert_eq!((after.misses, after.stale_hits), (before.misses, 0), "nobody waits, nothing is stale");
    after.refreshes - before.refreshes
}

#[test]
fn a_refresh_is_the_likelier_the_nearer_the_end() {
    let (_alone, clock) = begin();
    assert_eq!(refreshed(&clock, 0..40, Duration::from_mins(1)), 0, "a minute before, nobody thinks of it");
    // Each took at least 5 ms, so that with 1 ms left at least 8 of 10 are made anew; of 40, fewer than 20 never are.
    let near = refreshed(&clock, 100..140, Duration::from_millis(1));
    assert!(near >= 20, "{near} of 40");
}

#[memoize(ttl = 3600, early_refresh = 1000.0)]
fn eager(key: u32) -> u64 {
    work(5);
    fresh() + u64::from(key)
}

#[test]
fn beta_makes_it_earlier() {
    let (_alone, clock) = begin();
    for key in 0..40 {
        eager(key);
    }
    clock.advance(Duration::from_secs(3599));
    for key in 0..40 {
        eager(key);
    }
    refresh::wait();
    // At least 5 s of eagerness, and one second left: as above.
    assert!(cache_info(eager).refreshes >= 20, "{}", cache_info(eager).refreshes);
}

#[memoize(ttl = 10, early_refresh, stale_while_revalidate = 60, jitter = "2s", max_entries = 100)]
fn with_others(key: u32) -> u64 {
    fresh() + u64::from(key)
}

#[test]
fn it_goes_together_with_windows_and_jitter() {
    let (_alone, clock) = begin();
    let first = with_others(1);
    clock.advance(Duration::from_secs(9));
    assert_eq!(with_others(1), first);
    clock.advance(Duration::from_secs(4));
    assert_eq!(with_others(1), first);
    refresh::wait();
    assert!(with_others(1) > first);
    assert_eq!((cache_info(with_others).stale_hits, cache_info(with_others).refreshes), (1, 1));
}
