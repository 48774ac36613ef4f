//! Rows 35, 86; promises 3, 6: operations that read and change at once, in memory, in a store, and in tiers.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use memo::{Cache, SetOptions, backend};
use memo_tests::within_20_s;

fn caches(name: &str) -> Vec<Cache<u8, u64>> {
    let url = format!("memory://{name}");
    let build = |kind: &str, tiers: Vec<&str>| {
        Cache::builder(format!("{name}-{kind}")).backends(tiers).build().expect("builds")
    };
    vec![
        Cache::builder(format!("{name}-memory")).build().expect("builds"),
        build("store", vec![&url]),
        build("tiers", vec!["memory", &url]),
    ]
}

#[test]
fn what_is_taken_was_set_and_is_taken_once() {
    within_20_s(|| {
        for cache in caches("taken") {
            let (taken, done) = (Mutex::new(Vec::new()), AtomicBool::new(false));
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        while !done.load(Ordering::SeqCst) {
                            let value = cache.take(&1).expect("reachable");
                            taken.lock().expect("no panic").extend(value);
                        }
                    });
                }
                for n in 1..=500 {
                    while !cache.set_with(1, n, SetOptions::new().if_absent()).expect("reachable") {
                        thread::yield_now();
                    }
                }
                while cache.contains(&1).expect("reachable") {
                    thread::yield_now();
                }
                done.store(true, Ordering::SeqCst);
            });
            let taken = taken.into_inner().expect("no panic");
            let once: BTreeSet<u64> = taken.iter().copied().collect();
            assert!(taken.len() == 500 && once.len() == 500, "{} values, {} different ones", taken.len(), once.len());
        }
    });
}

#[test]
fn what_is_set_while_others_are_sorted_out_stays() {
    for cache in caches("retained") {
        cache.set_many([(1, 1), (2, 2), (3, 3)]).expect("set");
        let removed = cache.retain(|_, value| *value == 2).expect("retained");
        assert_eq!((removed, cache.get_many(&[1, 2, 3]).expect("read")), (2, vec![None, Some(2), None]));
    }
    let cache = &caches("replaced")[1];
    cache.set(1, 1).expect("set");
    let removed = cache.retain(|_, value| {
        if *value == 1 {
            cache.set(1, 5).expect("set");
        }
        *value > 1
    });
    assert_eq!((removed.expect("retained"), cache.get(&1).expect("read")), (0, Some(5)));
}

#[test]
fn entries_of_other_types_are_not_shown() {
    let numbers = Cache::<u8, u8>::open("shown", "memory://shown").expect("opens");
    let texts = Cache::<u8, String>::open("shown", "memory://shown").expect("opens");
    numbers.set(1, 10).expect("set");
    texts.set(2, String::new()).expect("set");
    assert_eq!(numbers.iter().expect("read").collect::<Vec<_>>(), [(1, 10)]);
    assert_eq!(texts.keys().expect("read").collect::<Vec<_>>(), [2]);
    assert_eq!(numbers.retain(|_, _| false).expect("retained"), 1);
    assert_eq!(texts.len().expect("counted"), 1);
}

#[test]
fn a_value_yields_to_one_in_any_tier() {
    for tiers in [["memory", "memory://yields"], ["memory://yields-first", "memory://yields"]] {
        let cache: Cache<u8, u64> = Cache::builder("yields").backends(tiers).build().expect("builds");
        let behind = backend("memory://yields").expect("opens");
        let set = |value| cache.set_with(1, value, SetOptions::new().if_absent()).expect("reachable");
        assert!(set(1));
        assert_eq!(behind.remove_prefix(b"yields|").expect("removed"), 1, "the last tier loses it");
        assert!(!set(2));
        assert_eq!(cache.get(&1).expect("read"), Some(1), "{tiers:?}");
        cache.delete(&1).expect("removed");
        assert!(set(3));
        assert_eq!(cache.get(&1).expect("read"), Some(3), "{tiers:?}");
        assert!(!set(4));
        cache.clear().expect("cleared");
    }
}
