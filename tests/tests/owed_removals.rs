//! Rows 12, 17, 33; promise 10: a deletion that a store did not confirm is tried again, and until then reads pass the store by for what
//! was to go.

use std::{
    sync::{Arc, LazyLock, atomic::Ordering},
    time::Duration,
};

use memo::{Cache, SetOptions, Tier, Write, backend::Backend, cache_delete, clock::TestClock, memoize};
use memo_tests::{fresh, moody::Moody, soon};

type Numbers = Cache<u32, u64>;

fn built(name: &str) -> (Arc<Moody>, Numbers) {
    let store = Arc::new(Moody::default());
    let cache = Cache::builder(name).tier(Tier::of(store.clone())).build().expect("builds");
    (store, cache)
}

/// One with two entries, of which the store clings to the first when that is to go.
fn clinging(name: &str) -> (Arc<Moody>, Numbers) {
    let (store, cache) = built(name);
    cache.set_many([(1, 10), (2, 20)]).expect("stored");
    clings(&store, true);
    let error = cache.delete(&1).expect_err("it clings");
    assert!(error.is_unavailable(), "{error}");
    (store, cache)
}

fn clings(store: &Moody, clings: bool) {
    store.clings.store(clings, Ordering::SeqCst);
}

/// The number of entries in the store, whatever is said of them.
fn stand(store: &Moody, name: &str) -> u64 {
    store.count(format!("{name}|").as_bytes()).expect("it can count")
}

/// Time passes until something is done.
fn in_time(clock: &TestClock, done: impl Fn() -> bool) {
    soon("it is done", || {
        clock.advance(Duration::from_secs(1));
        done()
    });
}

#[test]
fn what_was_to_go_is_absent_and_goes_later() {
    let clock = TestClock::install();
    let (store, cache) = clinging("later");
    assert_eq!(stand(&store, "later"), 2, "it is still there");
    assert_eq!((cache.get(&1).expect("read"), cache.get(&2).expect("read")), (None, Some(20)));
    assert_eq!(cache.get_many(&[1, 2]).expect("read"), [None, Some(20)]);
    assert!(!cache.contains(&1).expect("read"));
    let errors = || cache.stats().tiers[0].errors;
    let before = errors();
    in_time(&clock, || errors() > before);
    assert_eq!(stand(&store, "later"), 2, "it was tried, and counted");
    clings(&store, false);
    in_time(&clock, || stand(&store, "later") == 1);
    assert_eq!((cache.get(&1).expect("read"), cache.get(&2).expect("read")), (None, Some(20)));
}

#[test]
fn a_store_that_does_not_let_us_in_any_more_owes_it_too() {
    let clock = TestClock::install();
    let (store, cache) = built("locked");
    cache.set(1, 10).expect("stored");
    store.is_locked.store(true, Ordering::SeqCst);
    let error = cache.delete(&1).expect_err("it has another password");
    assert!(error.is_config(), "{error}");
    assert_eq!(cache.get(&1).expect("read"), None);
    store.is_locked.store(false, Ordering::SeqCst);
    in_time(&clock, || stand(&store, "locked") == 0);
}

#[test]
fn what_is_set_after_it_stays() {
    let clock = TestClock::install();
    let (store, cache) = clinging("stays");
    cache.set(1, 11).expect_err("what is owed comes first");
    assert_eq!(cache.get(&1).expect("read"), None);
    clings(&store, false);
    assert!(
        cache.set_with(1, 12, SetOptions::new().if_absent()).expect("stored"),
        "what was to go is as good as absent"
    );
    assert_eq!(cache.get(&1).expect("read"), Some(12));
    cache.delete(&2).expect("removed");
    in_time(&clock, || stand(&store, "stays") == 1);
    clock.advance(Duration::from_secs(100));
    assert_eq!(cache.get(&1).expect("read"), Some(12), "it is not removed once more");
}

#[test]
fn what_has_a_tag_that_was_cleared() {
    let clock = TestClock::install();
    let (store, cache) = built("tagged");
    cache.set_with(1, 10, SetOptions::new().tags(["owed", "eu"])).expect("stored");
    cache.set_with(2, 20, SetOptions::new().tags(["other"])).expect("stored");
    clings(&store, true);
    memo::clear_tag("owed").expect_err("it clings");
    assert_eq!((cache.get(&1).expect("read"), cache.get(&2).expect("read")), (None, Some(20)));
    assert_eq!(cache.get_many(&[1, 2]).expect("read"), [None, Some(20)]);
    clings(&store, false);
    in_time(&clock, || stand(&store, "tagged") == 1);
}

#[test]
fn whole_functions() {
    static STORED: LazyLock<(Arc<Moody>, Numbers)> = LazyLock::new(|| built("whole"));
    #[memoize(cache = STORED.1)]
    fn number(key: u32) -> u64 {
        u64::from(key) + fresh()
    }
    let clock = TestClock::install();
    let (one, two) = (number(1), number(2));
    clings(&STORED.0, true);
    cache_delete!(number(1)).expect_err("it clings");
    assert_eq!(number(2), two);
    let again = number(1);
    assert_ne!(again, one, "the old one is not given");
    memo::cache_clear(number).expect_err("it clings");
    assert_ne!(number(2), two);
    assert_eq!(stand(&STORED.0, "whole"), 2);
    clings(&STORED.0, false);
    in_time(&clock, || stand(&STORED.0, "whole") == 0);
    let last = number(2);
    assert_eq!(number(2), last);
}

#[test]
fn many_become_one() {
    let clock = TestClock::install();
    let (store, cache) = built("many");
    cache.set_many((0..1500).map(|key| (key, 1))).expect("stored");
    clings(&store, true);
    for key in 0..1200 {
        cache.delete(&key).expect_err("it clings");
    }
    assert_eq!(cache.get(&3).expect("read"), None);
    clings(&store, false);
    in_time(&clock, || stand(&store, "many") == 0);
}

#[test]
fn what_waits_to_be_written_back_does_not_come_back_either() {
    let clock = TestClock::install();
    let store = Arc::new(Moody::default());
    let tiers =
        |builder: memo::Builder<u32, u64>| builder.tier("memory").tier(Tier::of(store.clone())).write(Write::Back);
    let cache = tiers(Cache::builder("back")).build().expect("builds");
    cache.set(1, 10).expect("stored");
    cache.flush().expect("written");
    cache.set(1, 11).expect("queued");
    clings(&store, true);
    cache.delete(&1).expect_err("it clings");
    assert_eq!(cache.get(&1).expect("read"), None, "neither the new one nor the old one");
    clings(&store, false);
    in_time(&clock, || stand(&store, "back") == 0);
    assert_eq!(cache.get(&1).expect("read"), None);
}

#[test]
fn a_flush_says_that_something_is_owed() {
    let _clock = TestClock::install();
    let (store, cache) = built("flushed");
    cache.set(1, 10).expect("stored");
    clings(&store, true);
    cache.delete(&1).expect_err("it clings");
    cache.flush().expect_err("it clings on");
    clings(&store, false);
    cache.flush().expect("done");
    assert_eq!(stand(&store, "flushed"), 0);
}
