//! Row 7; promise 8: expired entries do leave. All tests here use the test clock.

use std::time::Duration;

use memo::{cache_get, clock::TestClock, explain_cache, memoize, purge_expired};

#[test]
fn purging_takes_expired_entries_out_and_counts_them() {
    #[memoize(ttl = 10)]
    fn short(n: u64) -> u64 {
        n
    }
    #[memoize(ttl = 1_000)]
    fn long(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    // What other tests left behind would expire with the rest. None runs now: all hold the clock.
    memo::clear_all().expect("memory");
    for n in 0..100 {
        let _ = (short(n), long(n));
    }
    assert_eq!(purge_expired().expect("memory"), 0);
    clock.advance(Duration::from_secs(10));
    assert_eq!(purge_expired().expect("memory"), 100);
    let info = memo::cache_info(short);
    assert_eq!((info.size, info.expirations), (0, 100));
    assert_eq!(memo::cache_info(long).size, 100);
}

#[test]
fn writes_sweep_expired_entries_out() {
    #[memoize(ttl = 10)]
    fn swept(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    for n in 0..1_000 {
        swept(n);
    }
    clock.advance(Duration::from_secs(10));
    for n in 1_000..3_000 {
        swept(n);
    }
    // Nobody asked for the old ones again, and nothing was purged.
    assert_eq!(memo::cache_info(swept).size, 2_000);
}

#[test]
fn expired_entries_are_dropped_when_they_leave() {
    use std::sync::{Arc, Weak};
    #[memoize(ttl = 10)]
    fn held(n: u64) -> Arc<u64> {
        Arc::new(n)
    }
    let clock = TestClock::install();
    let weak: Weak<u64> = Arc::downgrade(&held(1));
    assert!(weak.upgrade().is_some());
    clock.advance(Duration::from_secs(10));
    purge_expired().expect("memory");
    assert!(weak.upgrade().is_none());
}

#[test]
fn an_expired_entry_is_explained_as_expired() {
    #[memoize(ttl = 10)]
    fn explained(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    assert_eq!(explain_cache!(explained(1)), memo::Explanation::Absent);
    explained(1);
    assert!(explain_cache!(explained(1)).is_hit());
    clock.advance(Duration::from_secs(10));
    assert_eq!(explain_cache!(explained(1)), memo::Explanation::Expired);
    assert_eq!(cache_get!(explained(1)), None);
}

#[test]
fn a_long_idle_hot_key_expires_in_every_thread() {
    #[memoize(ttl = 10)]
    fn hot(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    let (ready, go) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..1_000 {
                hot(1);
            }
            ready.wait();
            go.wait();
            hot(1)
        });
        ready.wait();
        clock.advance(Duration::from_secs(10));
        let misses = memo::cache_info(hot).misses;
        go.wait();
        reader.join().expect("no panic");
        assert_eq!(memo::cache_info(hot).misses, misses + 1);
    });
}
