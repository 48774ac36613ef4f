//! Row 33: what each tier of a function or cache did.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use memo::{
    Cache, TierInfo,
    backend::{backend, register_backend},
    cache_delete, cache_entry, cache_get, cache_info, explain_cache, memoize, overwrite_cache, reset_stats, skip_cache,
};
use memo_tests::{moody::moody, within_20_s};
use tempfile::tempdir;

/// Hits, misses, errors and size of each tier.
fn numbers(tiers: &[TierInfo]) -> Vec<(u64, u64, u64, Option<u64>)> {
    tiers.iter().map(|tier| (tier.hits, tier.misses, tier.errors, tier.size)).collect()
}

fn names(tiers: &[TierInfo]) -> Vec<&str> {
    tiers.iter().map(|tier| tier.name.as_str()).collect()
}

#[test]
fn typed_memory_alone_is_one_tier() {
    #[memoize]
    fn square(n: u64) -> u64 {
        n * n
    }
    #[memoize(scope = "thread")]
    fn cube(n: u64) -> u64 {
        n * n * n
    }
    for n in [1, 2, 1, 1] {
        assert_eq!((square(n), cube(n)), (n * n, n * n * n));
    }
    for info in [cache_info(square), cache_info(cube)] {
        assert_eq!((names(&info.tiers), numbers(&info.tiers)), (vec!["memory"], vec![(2, 2, 0, Some(2))]));
        assert!((info.tiers[0].hit_rate() - 0.5).abs() < 1e-9);
    }
}

#[test]
fn each_call_is_counted_where_it_found_its_value() {
    #[memoize(backend = ["memory", "memory://tiers-upper", "tiers-lower://"])]
    fn number(n: u64) -> u64 {
        n
    }
    let dir = tempdir().expect("a directory");
    let url = format!("sqlite://{}/cache.db", dir.path().display());
    register_backend("tiers-lower", move |_| backend(&url)).expect("this test's own");
    let upper = backend("memory://tiers-upper").expect("the same store");
    let tiers = || numbers(&cache_info(number).tiers);
    assert_eq!(tiers(), [(0, 0, 0, Some(0)), (0, 0, 0, Some(0)), (0, 0, 0, Some(0))], "nothing was asked");
    assert_eq!(names(&cache_info(number).tiers), ["memory", "memory", "tiers-lower"]);
    for n in 1..=3 {
        number(n);
    }
    assert_eq!(tiers(), [(0, 3, 0, Some(3)), (0, 3, 0, Some(3)), (0, 3, 0, Some(3))]);
    for _ in 0..100 {
        number(1);
    }
    assert_eq!(tiers(), [(100, 3, 0, Some(3)), (0, 3, 0, Some(3)), (0, 3, 0, Some(3))]);

    // What only looks, or goes past, is no call that was answered or not.
    assert!((cache_get!(number(1)).is_some(), cache_entry!(number(1)).is_some()) == (true, true));
    assert!(explain_cache!(number(9)).to_string().contains("no entry") && cache_get!(number(9)).is_none());
    skip_cache!(number(1));
    overwrite_cache!(number(2));
    assert!(cache_delete!(number(3)).expect("reachable"));
    assert_eq!(tiers(), [(100, 3, 0, Some(2)), (0, 3, 0, Some(2)), (0, 3, 0, Some(2))]);

    reset_stats(number).expect("memoized");
    assert_eq!(tiers(), [(0, 0, 0, Some(2)), (0, 0, 0, Some(2)), (0, 0, 0, Some(2))]);
    assert_eq!(upper.remove_prefix(b"").expect("memory"), 2);
    number(3);
    assert_eq!(tiers(), [(0, 1, 0, Some(3)), (0, 1, 0, Some(1)), (0, 1, 0, Some(3))]);
}

#[test]
fn tiers_behind_are_asked_when_those_before_have_nothing() {
    #[memoize(backend = ["memory", "memory://tiers-first", "memory://tiers-second"], max_entries = 1, policy = "fifo")]
    fn number(n: u64) -> u64 {
        n
    }
    let first = backend("memory://tiers-first").expect("the same store");
    assert_eq!((1..=4).map(number).sum::<u64>(), 10);
    reset_stats(number).expect("memoized");
    // Only the last one fits into memory.
    assert_eq!((number(1), number(1)), (1, 1));
    assert_eq!(first.remove_prefix(b"").expect("memory"), 4);
    assert_eq!((number(2), number(2), number(1)), (2, 2, 1));
    let info = cache_info(number);
    assert_eq!(numbers(&info.tiers), [(2, 3, 0, Some(1)), (1, 2, 0, Some(2)), (2, 0, 0, Some(4))]);
    assert_eq!((info.hits, info.misses), (5, 0));
}

#[test]
fn hits_without_memory_in_front_are_counted_for_their_store() {
    #[memoize(backend = ["memory://tiers-alone", "memory://tiers-behind"])]
    fn number(n: u64) -> u64 {
        n
    }
    assert_eq!((1..=3).map(number).sum::<u64>(), 6);
    assert_eq!((number(1), number(2)), (1, 2));
    assert_eq!(backend("memory://tiers-alone").expect("the same store").remove_prefix(b"").expect("memory"), 3);
    assert_eq!((number(1), number(1)), (1, 1));
    let info = cache_info(number);
    assert_eq!(numbers(&info.tiers), [(3, 4, 0, Some(1)), (1, 3, 0, Some(3))]);
    assert_eq!((info.hits, info.misses), (4, 3));
}

#[test]
fn what_fails_is_counted_where_it_did() {
    #[memoize(backend = ["memory", "tiers-moody://", "memory://tiers-calm"], max_entries = 1, policy = "fifo")]
    fn number(n: u64) -> u64 {
        n
    }
    let store = moody("tiers-moody");
    store.cannot_count.store(true, Ordering::SeqCst);
    let errors = || cache_info(number).tiers.iter().map(|tier| tier.errors).collect::<Vec<_>>();
    assert_eq!((number(1), number(2)), (1, 2));
    assert_eq!(cache_info(number).tiers[1].size, None, "it can't count, which is no failure");
    assert_eq!(errors(), [0, 0, 0]);
    store.fails.store(true, Ordering::SeqCst);
    assert_eq!(number(1), 1);
    assert_eq!(errors(), [0, 2, 0], "a read, and the copy that was to go there");
    assert_eq!(cache_info(number).errors, 2);
    number(3);
    assert_eq!(errors(), [0, 4, 0], "a read and a write");
    store.fails.store(false, Ordering::SeqCst);
    reset_stats(number).expect("memoized");
    store.garbles.store(true, Ordering::SeqCst);
    assert_eq!(number(2), 2);
    let info = cache_info(number);
    assert_eq!(numbers(&info.tiers), [(0, 1, 0, Some(1)), (0, 0, 1, None), (1, 0, 0, Some(3))]);
}

#[test]
fn a_store_that_does_not_open_fails_as_often_as_it_is_asked() {
    #[memoize(backend = ["memory", "memory://tiers-opens", "tiers-nowhere://"])]
    fn number(n: u64) -> u64 {
        n
    }
    number(1);
    let info = cache_info(number);
    let errors: Vec<u64> = info.tiers.iter().map(|tier| tier.errors).collect();
    assert!(errors[2] >= 2 && errors[..2] == [0, 0], "{errors:?}");
    assert_eq!((info.tiers[1].size, info.tiers[2].size, info.size), (Some(1), None, 0));
}

#[test]
fn what_is_not_used_is_a_miss() {
    #[memoize(backend = "memory://tiers-invalid", validate = |entry| *entry.value() != 3)]
    fn number(n: u64) -> u64 {
        n
    }
    for n in [3, 3, 4, 4] {
        number(n);
    }
    assert_eq!(numbers(&cache_info(number).tiers), [(1, 3, 0, Some(2))]);
}

#[test]
fn who_waits_for_a_run_hits_no_tier() {
    static ENTERED: AtomicBool = AtomicBool::new(false);
    #[memoize(backend = ["memory", "memory://tiers-waits"])]
    fn slow(n: u64) -> u64 {
        ENTERED.store(true, Ordering::SeqCst);
        while cache_info(slow).tiers[1].misses < 2 {
            thread::yield_now();
        }
        n
    }
    within_20_s(|| {
        let leader = thread::spawn(|| slow(1));
        while !ENTERED.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        assert_eq!((slow(1), leader.join().expect("no panic")), (1, 1));
    });
    let info = cache_info(slow);
    // Whoever came late enough found the value in memory.
    assert_eq!((info.hits, info.misses), (1, 1));
    assert_eq!(info.tiers[0].hits + info.coalesced, 1);
    assert_eq!((info.tiers[1].hits, info.tiers[1].misses), (0, 2));
}

#[test]
fn instantiations_have_tiers_of_their_own() {
    #[memoize(backend = ["memory", "memory://tiers-generic"])]
    fn size<T: 'static>(n: usize) -> usize {
        n + size_of::<T>()
    }
    assert_eq!((size::<u8>(1), size::<u8>(1), size::<u64>(1)), (2, 2, 9));
    let info = cache_info(size::<u8>);
    assert_eq!(numbers(&info.tiers), [(1, 2, 0, Some(2)), (0, 2, 0, Some(2))]);
    let mut each: Vec<_> = info.instantiations().iter().map(|one| numbers(&one.info.tiers)).collect();
    each.sort();
    assert_eq!(each, [[(0, 1, 0, Some(1)), (0, 1, 0, None)], [(1, 1, 0, Some(1)), (0, 1, 0, None)]]);
}

#[tokio::test]
async fn async_functions_count_their_tiers() {
    #[memoize(backend = ["memory", "tiers-in-tasks://"], max_entries = 1, policy = "fifo")]
    async fn number(n: u64) -> u64 {
        n
    }
    let dir = tempdir().expect("a directory");
    let url = format!("lmdb://{}", dir.path().display());
    register_backend("tiers-in-tasks", move |_| backend(&url)).expect("this test's own");
    for n in [1, 2, 1, 1] {
        assert_eq!(number(n).await, n);
    }
    assert_eq!(numbers(&cache_info(number).tiers), [(1, 3, 0, Some(1)), (1, 2, 0, Some(2))]);
}

#[test]
fn objects_of_one_store_count_for_themselves() {
    let object = |urls: [&str; 2]| Cache::<u64, u64>::builder("tiers").backends(urls).build().expect("valid URLs");
    let urls = ["memory", "memory://tiers-objects"];
    let (one, other) = (object(urls), object(urls));
    one.set(1, 1).expect("sets");
    one.set(2, 2).expect("sets");
    assert_eq!((one.get(&1).expect("reads"), one.get(&3).expect("reads")), (Some(1), None));
    assert_eq!(other.get_many(&[1, 2, 3]).expect("reads"), [Some(1), Some(2), None]);
    assert_eq!(other.get_or_compute(&1, || 9).expect("reads"), 1);
    assert_eq!(other.get_or_compute(&4, || 4).expect("computes"), 4);
    assert!(one.contains(&2).expect("reads") && one.entry(&1).expect("reads").is_some());
    assert_eq!(numbers(&one.stats().tiers), [(1, 1, 0, Some(2)), (0, 1, 0, Some(3))]);
    assert_eq!(numbers(&other.stats().tiers), [(1, 4, 0, Some(3)), (2, 2, 0, Some(3))]);
    let alone = Cache::<u64, u64>::builder("tiers alone").build().expect("memory needs nothing");
    alone.set(1, 1).expect("sets");
    assert_eq!((alone.get(&1).expect("reads"), alone.get(&2).expect("reads")), (Some(1), None));
    assert_eq!(numbers(&alone.stats().tiers), [(1, 1, 0, Some(1))]);
}

#[test]
fn a_tier_that_was_added_is_counted_for_itself() {
    let near = ["memory", "memory://tiers-near"];
    let _open = backend("memory://tiers-filled").expect("it is kept");
    let filled = Cache::<u64, u64>::builder("grown").backends(["memory", "memory://tiers-filled"]).build();
    filled.expect("valid URLs").set(1, 1).expect("sets");
    let cache = Cache::<u64, u64>::builder("grown").backends(near).build().expect("valid URLs");
    assert_eq!(cache.get(&1).expect("reads"), None);
    for url in ["memory://tiers-empty", "memory://tiers-filled"] {
        cache.add_tier(url).expect("it opens");
    }
    assert_eq!(cache.get_many(&[1, 2]).expect("reads"), [Some(1), None]);
    let expected = [(0, 3, 0, Some(1)), (0, 3, 0, Some(1)), (0, 2, 0, Some(1)), (1, 1, 0, Some(1))];
    assert_eq!(numbers(&cache.stats().tiers), expected);
    let info = memo::info_of("grown").expect("it lives");
    assert_eq!((info.hits, info.misses), (1, 2));
}

#[test]
fn computations_count_what_fails_as_other_operations_do() {
    let store = moody("tiers-computes");
    let object = |name: &str| Cache::<u64, u64>::builder(name).backends(["tiers-computes://"]);
    let loud = object("loud").build().expect("a valid URL");
    let silent = object("silent").silent().build().expect("a valid URL");
    store.fails.store(true, Ordering::SeqCst);
    loud.get(&1).expect_err("the store is down");
    loud.get_or_compute(&1, || 1).expect_err("the store is down");
    loud.try_get_or_compute(&1, || Ok::<_, memo::Error>(1)).expect_err("the store is down");
    assert_eq!((loud.stats().errors, memo::info_of("loud").expect("it lives").errors), (3, 3));
    assert_eq!(silent.get(&1).expect("silent"), None);
    assert_eq!(silent.get_or_compute(&1, || 1).expect("silent"), 1);
    assert_eq!(silent.stats().errors, 3, "two reads and a write");
}

#[tokio::test]
async fn computations_in_tasks_do_so_too() {
    let store = moody("tiers-computes-in-tasks");
    let cache = Cache::<u64, u64>::open("loud in tasks", "tiers-computes-in-tasks://").expect("a valid URL");
    let cache = memo::aio::Cache::from(cache);
    store.fails.store(true, Ordering::SeqCst);
    cache.get_or_compute(&1, async { 1 }).await.expect_err("the store is down");
    assert_eq!(cache.stats().await.errors, 1);
}
