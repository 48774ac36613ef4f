//! Rows 33, 56; promise 3: what is written in the background, and the store does not take it, or not in time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use distant::{Distant, numbers, stored};
use memo::{SetOptions, clock::TestClock};
use memo_tests::{until, within_20_s};

mod distant;

#[test]
fn failed_writes_are_tried_again_later_and_later() {
    static FAILURES: AtomicUsize = AtomicUsize::new(0);
    // It is told when the queue has decided how long it waits.
    memo::backend::on_error(|name, _| {
        FAILURES.fetch_add(usize::from(name == "again"), Ordering::SeqCst);
    });
    let failures = || FAILURES.load(Ordering::SeqCst);
    within_20_s(move || {
        let clock = TestClock::install();
        let store = Arc::new(Distant::default());
        let cache = numbers("again", &store);
        store.fail(true);
        cache.set(1, 1).expect("queued");
        for (tries, pause) in [100, 200, 400, 800].into_iter().enumerate() {
            until(|| failures() == tries + 1);
            clock.advance(Duration::from_millis(pause - 1));
            assert_eq!(store.writes(), tries + 1, "not yet");
            cache.set(2, 2).expect("queued");
            assert_eq!(store.writes(), tries + 1, "nor for another");
            clock.advance(Duration::from_millis(1));
        }
        until(|| failures() == 5);
        assert_eq!(store.writes(), 5);
        store.fail(false);
        clock.advance(Duration::from_secs(30));
        until(|| cache.stats().queued == 0);
        assert_eq!(stored("again", &store), HashMap::from([(1, 1), (2, 2)]));
    });
}

#[test]
fn one_value_that_is_refused_does_not_keep_the_others() {
    within_20_s(|| {
        let clock = TestClock::install();
        let store = Arc::new(Distant::default());
        let cache = numbers("refused", &store);
        store.refuse("refused||77|");
        store.hold();
        cache.set(1000, 0).expect("queued");
        store.until_held(1);
        cache.set_many((0..100).map(|n| (n, n))).expect("queued");
        store.release();
        // In the background, by and by.
        until(|| {
            clock.advance(Duration::from_millis(100));
            cache.stats().queued == 1
        });
        assert_eq!(store.count_now(), 100);
        assert_eq!(cache.get(&77).expect("reads"), Some(77));
        // All at once.
        cache.set_many((0..100).map(|n| (n, n + 1))).expect("queued");
        let error = cache.flush().expect_err("one is refused");
        assert!(error.to_string().contains("1 value of `refused`"), "{error}");
        assert_eq!(stored("refused", &store)[&99], 100);
    });
}

#[test]
fn what_has_expired_is_not_written_and_nothing_older_comes_back() {
    within_20_s(|| {
        let clock = TestClock::install();
        let store = Arc::new(Distant::default());
        let cache = numbers("expired", &store);
        cache.set(1, 1).expect("queued");
        cache.flush().expect("the store takes it");
        store.fail(true);
        cache.set_with(1, 2, SetOptions::new().ttl(10)).expect("queued");
        clock.advance(Duration::from_secs(10));
        assert_eq!(cache.get(&1).expect("the queue knows"), None, "not the one that is still in the store");
        assert_eq!(cache.get_many(&[1]).expect("the queue knows"), [None]);
        store.fail(false);
        cache.flush().expect("the store takes it");
        assert_eq!((cache.get(&1).expect("reads"), store.count_now()), (None, 0));
    });
}

#[test]
fn when_the_queue_is_full_values_are_written_through() {
    within_20_s(|| {
        let _clock = TestClock::install();
        let store = Arc::new(Distant::default());
        let cache = numbers("full", &store);
        store.fail(true);
        cache.set_many((0..10_000).map(|n| (n, n))).expect("queued");
        assert_eq!(cache.stats().queued, 10_000);
        assert!(cache.set(10_000, 0).expect_err("there is no room, and the store fails").is_unavailable());
        cache.set(5, 6).expect("takes the place of an older one");
        store.fail(false);
        cache.set(10_000, 1).expect("written through");
        assert_eq!((store.count_now(), cache.stats().queued), (1, 10_000));
        cache.flush().expect("the store takes everything");
        let stored = stored("full", &store);
        assert_eq!((stored.len(), stored[&5], stored[&10_000]), (10_001, 6, 1));
    });
}

#[test]
fn what_waits_stays_until_what_takes_its_place_is_stored() {
    within_20_s(|| {
        let clock = TestClock::install();
        let store = Arc::new(Distant::default());
        let cache = numbers("stays", &store);
        cache.set_many([(1, 0), (5, 0)]).expect("queued");
        cache.flush().expect("the store takes it");
        store.fail(true);
        cache.set(1, 1).expect("queued");
        let over = || SetOptions::new().ttl(0);
        assert!(cache.set_with(1, 2, over()).expect_err("the older one can't be removed").is_unavailable());
        cache.set_many((2..=10_000).map(|n| (n, n))).expect("queued");
        let both = [(5, 6), (10_001, 0)];
        assert!(cache.set_many(both).expect_err("there is no room for the second").is_unavailable());
        assert_eq!(cache.get_many(&[1, 5]).expect("the queue knows"), [Some(1), Some(5)]);
        store.fail(false);
        assert_eq!((cache.get(&1).expect("reads"), cache.get(&5).expect("reads")), (Some(1), Some(5)));
        clock.advance(Duration::from_secs(30));
        assert!(cache.set_with(1, 2, over()).expect("now it can"));
        cache.flush().expect("the store takes everything");
        assert_eq!(cache.get(&1).expect("reads"), None);
        let stored = stored("stays", &store);
        assert_eq!((stored.get(&1), stored[&5], stored.len()), (None, 5, 9_999));
    });
}

#[test]
fn what_waits_can_be_given_another_end() {
    within_20_s(|| {
        let clock = TestClock::install();
        let store = Arc::new(Distant::default());
        let cache = numbers("retimed", &store);
        store.fail(true);
        cache.set(1, 1).expect("queued");
        until(|| store.writes() == 1);
        assert!(cache.expire_in(&1, 10).expect_err("the store can't be told").is_unavailable());
        store.fail(false);
        assert!(cache.expire_in(&1, 10).expect("there"));
        assert_eq!((cache.stats().queued, store.count_now()), (0, 1));
        clock.advance(Duration::from_secs(10));
        assert_eq!(cache.get(&1).expect("reads"), None);
    });
}
