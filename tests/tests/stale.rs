//! Rows 20, 59; promises 1, 3: values that are stale are given at once, and made anew in the background by one.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use memo::{cache_get, cache_info, clock::TestClock, memoize, refresh};
use memo_tests::within_20_s;

static RUNS: AtomicU32 = AtomicU32::new(0);

#[memoize(ttl = 10, stale_while_revalidate = 60)]
fn number(name: &str, factor: u32) -> u32 {
    RUNS.fetch_add(1, Ordering::Relaxed) + 1 + factor * name.len() as u32
}

#[test]
fn a_stale_value_is_given_and_made_anew() {
    let clock = TestClock::install();
    assert_eq!(number("ab", 100), 201);
    clock.advance(Duration::from_secs(9));
    assert_eq!(number("ab", 100), 201);
    clock.advance(Duration::from_secs(2));
    assert_eq!(number("ab", 100), 201, "the older value, at once");
    refresh::wait();
    assert_eq!(number("ab", 100), 202);
    let info = cache_info(number);
    assert_eq!((info.misses, info.hits, info.stale_hits, info.refreshes), (1, 3, 1, 1));
    clock.advance(Duration::from_secs(61));
    assert_eq!(number("ab", 100), 203, "beyond the window it is a miss");
}
