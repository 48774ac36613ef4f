//! Rows 33, 41; promises 3, 6, 10: cache objects of one name whose tiers differ, but for a store that they have in common.

use std::{collections::HashMap, sync::Arc, thread};

use distant::{Distant, Numbers, numbers, stored};
use memo::{Cache, Tier, clock::TestClock};
use memo_tests::{moody::moody, until, within_20_s};

mod distant;

/// One with memory in front, and one without.
fn pair(name: &str) -> [Numbers; 2] {
    let url = format!("memory://{}", name.replace(' ', "-"));
    let front = Cache::builder(name).backends(["memory", &url]).build().expect("valid URLs");
    [front, Cache::open(name, &url).expect("a valid URL")]
}

#[test]
fn what_one_changes_leaves_the_memory_of_the_other() {
    let [front, bare] = pair("namesakes");
    front.set(1, 1).expect("sets");
    assert!(bare.delete(&1).expect("it is there"));
    assert_eq!(front.get(&1).expect("reads"), None);
    front.set(1, 1).expect("sets");
    bare.set(1, 2).expect("sets");
    assert_eq!(front.get(&1).expect("reads"), Some(2));
    assert_eq!(bare.take(&1).expect("it is there"), Some(2));
    assert_eq!(front.get(&1).expect("reads"), None);
    front.set_many([(1, 1), (2, 2)]).expect("sets");
    assert_eq!(bare.delete_many(&[1]).expect("it is there"), 1);
    bare.set_many([(2, 3), (3, 3)]).expect("sets");
    assert_eq!(front.get_many(&[1, 2, 3]).expect("reads"), [None, Some(3), Some(3)]);
    assert_eq!(bare.clear().expect("clears"), 2);
    assert_eq!((front.get(&2).expect("reads"), front.len().expect("counts")), (None, 0));
}

#[test]
fn what_one_gives_another_end_ends_for_the_other() {
    let clock = TestClock::install();
    let [front, bare] = pair("retimed namesakes");
    front.set(1, 1).expect("sets");
    assert!(bare.expire_in(&1, 10).expect("it is there"));
    assert_eq!(front.get(&1).expect("reads"), Some(1));
    clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(front.get(&1).expect("reads"), None);
}

#[test]
fn a_computation_in_one_does_not_store_what_the_other_deleted() {
    within_20_s(|| {
        let [front, bare] = pair("computing namesakes");
        let compute = || {
            assert!(!bare.delete(&1).expect("deletes"));
            7
        };
        assert_eq!(front.get_or_compute(&1, compute).expect("computes"), 7);
        assert_eq!((front.get(&1).expect("reads"), bare.get(&1).expect("reads")), (None, None));
        let compute = || {
            bare.clear().expect("clears");
            7
        };
        assert_eq!(front.get_or_compute(&1, compute).expect("computes"), 7);
        assert_eq!((front.get(&1).expect("reads"), bare.get(&1).expect("reads")), (None, None));
    });
}

#[test]
fn a_change_waits_for_one_that_the_other_has_begun() {
    within_20_s(|| {
        let store = moody("namesakes-moody");
        let front: Numbers =
            Cache::builder("begun").backends(["memory", "namesakes-moody://"]).build().expect("valid URLs");
        let bare: Numbers = Cache::open("begun", "namesakes-moody://").expect("a valid URL");
        let (go_on, held) = std::sync::mpsc::channel();
        *store.held.lock().expect("no panic") = Some(held);
        let setting = {
            let front = front.clone();
            thread::spawn(move || front.set(1, 1).expect("sets"))
        };
        until(|| store.held.lock().expect("no panic").is_none());
        let deleting = thread::spawn(move || bare.delete(&1).expect("deletes"));
        thread::yield_now();
        go_on.send(()).expect("it waits");
        setting.join().expect("no panic");
        assert!(deleting.join().expect("no panic"), "it came after the write");
        assert_eq!(front.get(&1).expect("reads"), None);
    });
}

#[test]
fn what_waits_to_be_written_by_one_is_older_than_what_the_other_does() {
    within_20_s(|| {
        let _clock = TestClock::install();
        let store = Arc::new(Distant::default());
        let queueing = numbers("queueing", &store);
        let bare: Numbers = Cache::builder("queueing").tier(Tier::of_async(store.clone())).build().expect("it is open");
        let queue = |key| {
            let before = store.writes();
            store.fail(true);
            queueing.set(key, 1).expect("queued");
            // The next try would be later.
            until(|| store.writes() > before || before > 0);
            store.fail(false);
        };
        queue(1);
        assert!(bare.delete(&1).expect("reachable"));
        queue(2);
        bare.set(2, 9).expect("sets");
        queue(3);
        bare.set_many([(3, 9)]).expect("sets");
        queue(4);
        assert_eq!(bare.take(&4).expect("reachable"), Some(1));
        queueing.flush().expect("writes");
        assert_eq!(stored("queueing", &store), HashMap::from([(2, 9), (3, 9)]));
        queue(5);
        bare.clear().expect("reachable");
        queueing.flush().expect("writes");
        assert_eq!(stored("queueing", &store), HashMap::new());
    });
}

#[test]
fn a_deletion_tries_all_tiers_also_if_what_waits_can_not_be_written() {
    within_20_s(|| {
        let _clock = TestClock::install();
        let store = Arc::new(Distant::default());
        let queueing = numbers("stuck", &store);
        let near = memo::backend("memory://namesakes-near").expect("opens");
        let beside = Numbers::builder("stuck").tier("memory://namesakes-near").tier(Tier::of_async(store.clone()));
        let beside = beside.build().expect("valid tiers");
        beside.set_many([(1, 1), (2, 2)]).expect("sets");
        store.fail(true);
        queueing.set(1, 3).expect("queued");
        beside.delete(&1).expect_err("it would be written later");
        assert_eq!(near.count(b"").expect("counts"), 1);
        beside.clear().expect_err("the store is down");
        assert_eq!(near.count(b"").expect("counts"), 0);
        store.fail(false);
        beside.clear().expect("clears");
        queueing.flush().expect("nothing waits");
        assert_eq!(store.count_now(), 0);
    });
}

#[test]
fn objects_of_one_name_in_other_stores_are_left_alone() {
    within_20_s(|| {
        let clock = TestClock::install();
        let [front, bare] = pair("tenants");
        let away = Arc::new(Distant::default());
        let other = numbers("tenants", &away);
        other.set_many([(1, 1), (2, 2)]).expect("queued");
        other.flush().expect("writes");
        assert_eq!(front.get(&1).expect("reads"), None);
        other.expire_in(&2, 10).expect("it is there");
        away.fail(true);
        other.set(1, 3).expect("queued");
        bare.set(2, 5).expect("sets");
        assert!(!bare.delete(&1).expect("it has nothing to do with the store that is down"));
        assert!(bare.expire_in(&2, 100).expect("it is there"));
        assert_eq!((other.get(&1).expect("reads"), other.get(&2).expect("reads")), (Some(3), Some(2)));
        assert_eq!(bare.clear().expect("clears"), 1);
        away.fail(false);
        other.flush().expect("writes");
        clock.advance(std::time::Duration::from_secs(10));
        assert_eq!(stored("tenants", &away), HashMap::from([(1, 3)]));
        assert_eq!(other.get(&2).expect("reads"), None);
    });
}
