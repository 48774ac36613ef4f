//! Rows 7, 8, 10, 33; promises 2, 4, 5: typed memory in front of a store, when values expire at once, can't be written, or the store fails.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use memo::{Cache, cache_delete, cache_get, cache_info, cache_set, clock::TestClock, memoize, overwrite_cache};
use memo_tests::{moody::moody, within_20_s};
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};

#[test]
fn a_store_is_asked_once_for_a_call_whatever_it_has() {
    #[memoize(backend = "moody-once://")]
    fn number(n: u32) -> u32 {
        n
    }
    let store = moody("moody-once");
    let reads = || store.reads.load(Ordering::SeqCst);
    assert_eq!((number(1), reads()), (1, 1), "it is opened");
    assert_eq!((number(1), reads()), (1, 2), "it has the value");
    assert_eq!((number(2), reads()), (2, 3), "it has nothing");
}

#[test]
fn memory_has_values_that_the_store_could_not_take() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "moody-down://"])]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    let store = moody("moody-down");
    assert_eq!(number(10), 10);
    store.fails.store(true, Ordering::SeqCst);
    assert_eq!((number(20), number(20)), (21, 21));
    assert_eq!(cache_info(number).errors, 2, "a read and a write");
    assert_eq!(overwrite_cache!(number(10)), 12);
    assert_eq!(number(10), 12, "the older value is not in memory any more");
}

#[test]
fn memory_has_no_older_value_than_the_store_that_took_the_newer() {
    let (_near, far) = (moody("moody-near"), moody("moody-far"));
    let tiers = ["memory", "moody-near://", "moody-far://"];
    let cache: Cache<u32, u32> = Cache::builder("partly").backends(tiers).build().expect("builds");
    cache.set_many([(1, 10), (2, 20)]).expect("both take them");
    assert_eq!(cache.get_many(&[1, 2]).expect("reachable"), [Some(10), Some(20)]);
    far.fails.store(true, Ordering::SeqCst);
    assert!(cache.set(1, 11).expect_err("one does not take it").is_unavailable());
    assert_eq!(cache.get(&1).expect("the first one has it"), Some(11));
    assert!(cache.set_many([(1, 12), (2, 22)]).expect_err("one does not take them").is_unavailable());
    assert_eq!(cache.get_many(&[1, 2]).expect("the first one has them"), [Some(12), Some(22)]);
}

#[test]
fn a_value_that_expires_at_once_leaves_nothing_in_any_tier() {
    static VALUE: AtomicU32 = AtomicU32::new(300);
    #[memoize(backend = ["memory", "memory://expires-at-once"], ttl = |v: &u32| Duration::from_secs(u64::from(*v)))]
    fn seconds(n: u32) -> u32 {
        n + VALUE.load(Ordering::SeqCst)
    }
    assert_eq!((seconds(0), cache_get!(seconds(0))), (300, Some(300)));
    VALUE.store(0, Ordering::SeqCst);
    assert_eq!(overwrite_cache!(seconds(0)), 0);
    assert_eq!(cache_get!(seconds(0)), None);
    VALUE.store(7, Ordering::SeqCst);
    assert_eq!(seconds(0), 7);
}

/// Seven can't be written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Picky(u32);

impl Serialize for Picky {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 7 {
            Err(S::Error::custom("not seven"))
        } else {
            serializer.serialize_newtype_struct("Picky", &self.0)
        }
    }
}

#[test]
fn a_value_that_can_t_be_written_removes_the_one_that_it_replaces() {
    static VALUE: AtomicU32 = AtomicU32::new(1);
    #[memoize(backend = "memory://picky")]
    fn stored(_n: u32) -> Picky {
        Picky(VALUE.load(Ordering::SeqCst))
    }
    #[memoize(backend = ["memory", "memory://picky-in-tiers"])]
    fn tiered(_n: u32) -> Picky {
        Picky(VALUE.load(Ordering::SeqCst))
    }
    assert_eq!((stored(1), tiered(1)), (Picky(1), Picky(1)));
    VALUE.store(7, Ordering::SeqCst);
    assert_eq!((overwrite_cache!(stored(1)), overwrite_cache!(tiered(1))), (Picky(7), Picky(7)));
    assert_eq!(cache_info(stored).errors, 1);
    VALUE.store(2, Ordering::SeqCst);
    assert_eq!(stored(1), Picky(2), "the older value is gone");
    assert_eq!(tiered(1), Picky(7), "memory needs no bytes");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("runs")
}

#[test]
fn an_entry_that_is_refused_in_a_store_is_made_anew() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "memory://refused"], max_entries = 1, validate = |_| false)]
    async fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    runtime().block_on(async {
        assert_eq!(number(100).await, 100);
        assert_eq!(number(200).await, 201);
        // It is in the store only.
        assert_eq!(number(100).await, 102);
    });
    assert_eq!(cache_info(number).hits, 0);
}

#[test]
fn memory_that_is_full_of_expired_entries_takes_new_ones() {
    #[memoize(backend = ["memory", "memory://full"], max_entries = 2, ttl = 10)]
    async fn number(n: u32) -> u32 {
        n
    }
    #[memoize(backend = ["memory", "memory://full-too"], max_entries = 2, ttl = 10)]
    fn set_only(n: u32) -> u32 {
        n
    }
    let clock = TestClock::install();
    runtime().block_on(async {
        for (n, seconds) in [(1, 5), (2, 6), (3, 1), (4, 1), (3, 1), (4, 9), (5, 1), (4, 1)] {
            assert_eq!(number(n).await, n);
            cache_set!(set_only(n), n).expect("it is stored");
            assert_eq!(set_only(n), n);
            clock.advance(Duration::from_secs(seconds));
        }
    });
}

/// Asks a memoized function when it is dropped.
#[derive(Clone, Serialize, Deserialize)]
struct Curious(u32);

static ANSWERS: AtomicU32 = AtomicU32::new(0);

impl Drop for Curious {
    fn drop(&mut self) {
        if self.0 > 0 {
            ANSWERS.fetch_add(curious(self.0).0, Ordering::SeqCst);
        }
    }
}

#[memoize(backend = ["memory", "memory://curious"])]
fn curious(n: u32) -> Curious {
    Curious(n / 1000)
}

#[memoize(backend = ["memory", "memory://curious-too"])]
fn nested(n: u32) -> Curious {
    Curious(n)
}

#[test]
fn values_that_call_when_they_are_dropped_don_t_deadlock() {
    within_20_s(|| {
        for n in 1..100 {
            drop(nested(n));
            drop(overwrite_cache!(nested(n)));
            assert_eq!(cache_delete!(nested(n)).ok(), Some(true));
        }
        memo::cache_clear(nested).expect("it is there");
    });
}
