//! Caches in tests: switch them off, start them empty, and let time pass without waiting.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use memo::{clock::TestClock, memoize};
use memo_examples::block_on;

static RUNS: AtomicU32 = AtomicU32::new(0);

/// The rate of a currency. The body counts its runs, to show when it was asked.
#[memoize(ttl = "5m")]
fn rate(currency: &str) -> usize {
    RUNS.fetch_add(1, Ordering::Relaxed);
    100 * currency.len()
}

#[memoize]
async fn greeting(name: &str) -> String {
    RUNS.fetch_add(1, Ordering::Relaxed);
    format!("Hello {name}")
}

/// How often bodies ran while a closure did.
fn runs(calls: impl FnOnce()) -> u32 {
    let before = RUNS.load(Ordering::Relaxed);
    calls();
    RUNS.load(Ordering::Relaxed) - before
}

fn twice() {
    rate("EUR");
    rate("EUR");
}

fn main() -> Result<(), memo::Error> {
    assert_eq!(runs(twice), 1);

    // For the whole process, until the guard is dropped: bodies run, nothing is read or written. Setting MEMO_DISABLE=1
    // in the environment starts a program this way.
    {
        let _off = memo::disabled();
        assert!(memo::is_disabled());
        assert_eq!(runs(twice), 2);
    }
    println!("memo::disabled(): every call ran its body");

    // For this thread only, so tests that run at the same time are left alone.
    {
        let _off = memo::disabled_here();
        assert_eq!(runs(twice), 2);
        let elsewhere = runs(|| thread::scope(|scope| _ = scope.spawn(twice)));
        assert_eq!(elsewhere, 0, "the other thread had hits");
    }
    println!("memo::disabled_here(): calls of this thread ran their bodies, those of another one did not");

    // For one future, on whatever threads it runs.
    let both = async || (greeting("Ada").await, greeting("Ada").await);
    assert_eq!(runs(|| _ = block_on(memo::disabled_in(both()))), 2);
    assert_eq!(runs(|| _ = block_on(both())), 1);
    println!("memo::disabled_in(future): calls inside the future ran their bodies");

    // A fresh start: no entries, and numbers from zero.
    memo::clear_all()?;
    memo::reset_stats(rate)?;
    assert_eq!(runs(twice), 1);
    assert_eq!((memo::cache_info(rate).hits, memo::cache_info(rate).misses), (1, 1));
    println!("memo::clear_all(), memo::reset_stats(rate): as in a new process");

    // Five minutes pass in no time. The clock belongs to the process; a second test that installs one waits.
    let clock = TestClock::install();
    rate("USD");
    clock.advance(Duration::from_secs(5 * 60 - 1));
    assert_eq!(runs(|| _ = rate("USD")), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(runs(|| _ = rate("USD")), 1);
    println!("TestClock: the entry expired after five minutes, to the millisecond");
    Ok(())
}
