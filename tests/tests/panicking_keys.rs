//! Promises 2, 4, 7: a user's `Clone`, `Eq`, `Drop` or `weigh` that panics or clears leaves the cache as it was.

#![allow(clippy::needless_pass_by_value, reason = "forms that users write, in the tests that they belong to")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
};

use memo::{cache_delete, cache_get, cache_set, explain_cache, invalidates, memoize};
use memo_tests::within_20_s;

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// A key whose copies panic while this is set, all of the same hash.
static COPIES_PANIC: AtomicBool = AtomicBool::new(false);

#[derive(Debug, PartialEq, Eq)]
struct Fragile(u64);

impl std::hash::Hash for Fragile {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(!COPIES_PANIC.load(SeqCst), "no copy");
        Self(self.0)
    }
}

#[test]
fn a_key_that_panics_when_it_is_copied_takes_no_place() {
    #[memoize(max_entries = 100)]
    fn doubled(key: Fragile) -> u64 {
        key.0 * 2
    }
    for round in 0..3 {
        COPIES_PANIC.store(true, SeqCst);
        assert!(panics(|| assert_ne!(doubled(Fragile(1000 + round)), 0)));
        COPIES_PANIC.store(false, SeqCst);
        for n in 0..20 {
            assert_eq!(doubled(Fragile(n)), n * 2);
        }
    }
    let info = memo::cache_info(doubled);
    assert_eq!((info.size, info.misses, info.hits), (20, 20, 40));
}

#[test]
fn a_weigher_that_panics_leaves_room_and_place_to_others() {
    static PANICS: AtomicBool = AtomicBool::new(false);
    fn weight(value: &str) -> u64 {
        assert!(!PANICS.load(SeqCst), "no weight");
        value.len() as u64
    }
    #[memoize(max_weight = 30, weigh = |_, value| weight(value))]
    fn name(id: u64) -> String {
        format!("name {id}")
    }
    for round in 0..10 {
        PANICS.store(true, SeqCst);
        assert!(panics(|| drop(cache_set!(name(1), "set".to_owned()))));
        assert!(panics(|| drop(name(round + 100))));
        PANICS.store(false, SeqCst);
        assert_eq!(name(round), format!("name {round}"));
        assert!(memo::cache_info(name).weight <= 30);
    }
    assert_eq!(memo::cache_info(name).weight, 30, "five names of six letters");
    cache_set!(name(1), "one".to_owned()).expect("there is room");
    assert_eq!(cache_get!(name(1)).as_deref(), Some("one"));
}

#[test]
fn clears_from_under_a_lock_are_errors_and_deletions_happen_later() {
    within_20_s(clears);
}

fn clears() {
    static ARMED: AtomicBool = AtomicBool::new(false);
    static REFUSED: AtomicUsize = AtomicUsize::new(0);
    struct Clearing(u64);
    impl Clone for Clearing {
        fn clone(&self) -> Self {
            if ARMED.swap(false, SeqCst) {
                let refused = [
                    memo::clear_tag("clearing").is_err(),
                    memo::cache_clear(value).is_err(),
                    memo::clear_all().is_err(),
                    memo::purge_expired().is_err(),
                    memo::Clear::new().tag("clearing").ttl(300).run().is_err(),
                    cache_delete!(value(8)).is_err(),
                    !explain_cache!(value(8)).is_hit(),
                ];
                REFUSED.store(refused.iter().filter(|refused| **refused).count(), SeqCst);
                changed();
            }
            Self(self.0)
        }
    }
    #[memoize(ttl = 300, tag = "clearing")]
    fn value(id: u64) -> Clearing {
        Clearing(id)
    }
    #[invalidates(value(8))]
    fn changed() {}

    value(7);
    value(8);
    ARMED.store(true, SeqCst);
    assert_eq!(value(7).0, 7, "a hit, whose copy is made under the lock");
    assert_eq!(REFUSED.load(SeqCst), 7, "each says that it can't");
    // What the function invalidates leaves as soon as the lock is free; the loop's bound is the test's.
    while explain_cache!(value(8)).is_hit() {
        thread::yield_now();
    }
    assert!(explain_cache!(value(7)).is_hit());
}
