//! Promise 10: what one thread invalidates, no other thread sees afterwards.
#![allow(clippy::similar_names, reason = "forms that users write, in the tests that they belong to")]

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use memo::{cache_clear, cache_delete, cache_set, memoize, overwrite_cache};
use memo_tests::fresh;

/// Lets another thread read a value until it is certainly close to that thread, invalidates, and lets it read again.
fn read_elsewhere(read: impl Fn() -> u64 + Send + Sync, invalidate: impl Fn()) -> (u64, u64) {
    let (warm, invalidated) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let before = read();
            for _ in 0..1_000 {
                assert_eq!(read(), before);
            }
            warm.wait();
            invalidated.wait();
            (before, read())
        });
        warm.wait();
        invalidate();
        invalidated.wait();
        reader.join().expect("no panic")
    })
}

#[test]
fn every_way_of_invalidating_is_seen_by_a_thread_that_read_the_entry() {
    #[memoize(tags = ["front", format!("front:{n}")], ttl = 300, max_entries = 1_000)]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    #[memo::invalidates(cached(n))]
    fn invalidate(n: u64) {
        let _ = n;
    }
    let ways: [(&str, fn()); 8] = [
        ("delete", || assert!(cache_delete!(cached(1)).is_ok())),
        ("clear", || assert!(cache_clear(cached).is_ok())),
        ("literal tag", || assert!(memo::clear_tag("front").is_ok())),
        ("tag of arguments", || assert!(memo::clear_tag("front:1").is_ok())),
        ("selection", || assert!(memo::Clear::new().ttl(300).tag("front:1").run().is_ok())),
        ("set", || assert!(cache_set!(cached(1), fresh()).is_ok())),
        ("overwrite", || _ = overwrite_cache!(cached(1))),
        ("attribute", || invalidate(1)),
    ];
    for (name, way) in ways {
        let (before, after) = read_elsewhere(|| cached(1), way);
        assert_ne!(before, after, "{name}");
    }
}

#[test]
fn tags_of_values_are_seen_too() {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    #[memoize(tags = |value| [format!("front-value:{value}")])]
    fn cached(n: u64) -> u64 {
        n + NEXT.fetch_add(1, Ordering::Relaxed)
    }
    let (before, after) = read_elsewhere(|| cached(0), || assert!(memo::clear_tag("front-value:0").is_ok()));
    assert_eq!((before, after), (0, 1));
}

#[test]
fn other_keys_stay_hits_after_a_deletion() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let all: Vec<u64> = (0..100).map(cached).collect();
    for n in 0..50 {
        assert_eq!(cache_delete!(cached(n)).ok(), Some(true));
        assert_eq!((n + 1..100).map(cached).collect::<Vec<_>>(), all[usize::try_from(n).unwrap_or(0) + 1..]);
    }
}

#[test]
fn a_reader_never_goes_back_in_time() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static NOW: AtomicU64 = AtomicU64::new(0);
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + NOW.load(Ordering::SeqCst)
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !STOP.load(Ordering::Relaxed) {
                    let least = NOW.load(Ordering::SeqCst).saturating_sub(1);
                    let seen = cached(0);
                    assert!(seen >= last && seen >= least, "{last} {least} {seen}");
                    last = seen;
                }
            });
        }
        for _ in 0..5_000 {
            NOW.fetch_add(1, Ordering::SeqCst);
            assert!(cache_delete!(cached(0)).is_ok());
            assert_eq!(cached(0), NOW.load(Ordering::SeqCst));
        }
        STOP.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_cleared_value_is_dropped_in_every_thread() {
    #[memoize]
    fn cached(n: u64) -> Arc<u64> {
        Arc::new(n)
    }
    let (warm, cleared) = (Barrier::new(3), Barrier::new(3));
    let weak = Arc::downgrade(&cached(1));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    cached(1);
                }
                warm.wait();
                cleared.wait();
            });
        }
        warm.wait();
        cache_clear(cached).expect("memory");
        // The threads still live.
        assert!(weak.upgrade().is_none());
        cleared.wait();
    });
}

#[test]
fn every_stored_value_is_dropped_once() {
    static LIVING: AtomicU64 = AtomicU64::new(0);
    struct Counted;
    impl Counted {
        fn new() -> Self {
            LIVING.fetch_add(1, Ordering::Relaxed);
            Self
        }
    }
    impl Clone for Counted {
        fn clone(&self) -> Self {
            Self::new()
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            LIVING.fetch_sub(1, Ordering::Relaxed);
        }
    }
    #[memoize(max_entries = 50)]
    fn cached(n: u64) -> Counted {
        let _ = n;
        Counted::new()
    }
    for n in (0..200).chain(0..60) {
        cached(n);
    }
    assert_eq!(LIVING.load(Ordering::Relaxed), 50);
    assert!(cache_set!(cached(59), Counted::new()).is_ok());
    overwrite_cache!(cached(59));
    assert_eq!(LIVING.load(Ordering::Relaxed), 50);
    cache_clear(cached).expect("memory");
    assert_eq!(LIVING.load(Ordering::Relaxed), 0);
}
