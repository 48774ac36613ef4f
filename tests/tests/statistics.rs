//! Rows 20, 33: statistics.
#![allow(clippy::unused_self, reason = "forms that users write, in the tests that they belong to")]

use std::time::Duration;

use memo::{
    Cache, cache_clear, cache_delete, cache_get, cache_info, cache_set, clock::TestClock, memoize, overwrite_cache,
    reset_stats, skip_cache,
};
use memo_tests::fresh;

#[test]
fn hits_misses_stores_and_size() {
    #[memoize]
    fn cached(n: u64) -> Result<u64, u64> {
        if n == 0 { Err(0) } else { Ok(n) }
    }
    for n in [0, 0, 1, 1, 1, 2] {
        cached(n).ok();
    }
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses, info.stores, info.size), (2, 4, 2, 2));
    assert_eq!((info.calls(), info.coalesced, info.skipped, info.errors), (6, 0, 0, 0));
    assert!((info.hit_rate() - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!(memo::cache_len(cached).ok(), Some(2));
}

#[test]
fn without_calls_all_is_zero() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n
    }
    let info = cache_info(cached);
    assert_eq!((info.calls(), info.size, info.instantiations().len()), (0, 0, 0));
    assert!(info.hit_rate().abs() < f64::EPSILON);
    assert_eq!((info.mean_cost(), info.time_saved()), (Duration::ZERO, Duration::ZERO));
    cached(1);
}

#[test]
fn skips_count_as_skipped_only_and_overwrites_are_misses() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n
    }
    skip_cache!(cached(1));
    overwrite_cache!(cached(1));
    skip_cache!(cached(1));
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses, info.skipped, info.stores, info.calls()), (0, 1, 2, 1, 1));
}

#[test]
fn evictions_expirations_and_invalidations_are_told_apart() {
    #[memoize(max_entries = 10, ttl = 10)]
    fn cached(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    for n in 0..15 {
        cached(n);
    }
    assert_eq!(cache_info(cached).evictions, 5);
    assert_eq!(cache_delete!(cached(14)).ok(), Some(true));
    assert_eq!(cache_delete!(cached(99)).ok(), Some(false));
    assert_eq!(cache_info(cached).invalidations, 1);
    clock.advance(Duration::from_secs(10));
    memo::purge_expired().expect("memory");
    cached(1);
    cache_clear(cached).expect("memory");
    let info = cache_info(cached);
    assert_eq!((info.evictions, info.expirations, info.invalidations, info.size), (5, 9, 2, 0));
}

#[test]
fn they_survive_clearing_and_can_be_reset() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n
    }
    let _ = (cached(1), cached(1), skip_cache!(cached(1)));
    cache_clear(cached).expect("memory");
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses, info.skipped, info.size), (1, 1, 1, 0));
    cached(2);
    reset_stats(cached).expect("memoized");
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses, info.skipped, info.stores, info.invalidations), (0, 0, 0, 0, 0));
    assert_eq!(info.size, 1, "entries stay");
    assert_eq!((info.mean_cost(), info.time_saved()), (Duration::ZERO, Duration::ZERO));
    assert_eq!(cache_get!(cached(2)), Some(2));
    cached(2);
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses), (1, 0));
}

#[test]
fn a_snapshot_does_not_change() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n
    }
    cached(1);
    let before = cache_info(cached);
    cached(1);
    assert_eq!((before.hits, cache_info(cached).hits), (0, 1));
}

#[test]
fn they_are_exact_once_threads_are_joined() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n
    }
    #[memoize(max_entries = 8, policy = "lru")]
    fn bounded(n: u64) -> u64 {
        n
    }
    for round in 1..=20 {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for n in 0..500 {
                        cached(n % 10);
                        bounded(n % 5);
                        skip_cache!(cached(1));
                    }
                });
            }
        });
        let info = cache_info(cached);
        assert_eq!((info.calls(), info.misses, info.skipped), (round * 4_000, 10, round * 4_000));
        assert_eq!(cache_info(bounded).calls(), round * 4_000);
        assert_eq!(info.stores, 10);
    }
}

#[test]
fn they_are_exact_for_threads_that_end_one_after_the_other() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n
    }
    cached(1);
    for round in 1..=200 {
        std::thread::spawn(|| cached(1)).join().expect("no panic");
        assert_eq!(cache_info(cached).hits, round);
    }
}

#[test]
fn instantiations_are_listed_and_summed() {
    #[memoize]
    fn cached<T>(n: u64) -> u64 {
        n
    }
    let _ = (cached::<u8>(1), cached::<u8>(1), cached::<String>(1));
    let info = cache_info(cached::<u8>);
    assert_eq!((info.hits, info.misses, info.size), (1, 2, 2));
    assert!(info.name.ends_with("::cached"), "{}", info.name);
    let each: Vec<_> =
        info.instantiations().iter().map(|one| (one.info.hits, one.info.misses, one.info.size)).collect();
    assert!(each == [(1, 1, 1), (0, 1, 1)] || each == [(0, 1, 1), (1, 1, 1)], "{each:?}");
    assert_eq!(cache_info(cached::<u128>).calls(), 3, "by any instantiation");
}

#[test]
fn costs_are_measured() {
    #[memoize]
    fn slow(n: u64) -> u64 {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(4) {
            std::hint::spin_loop();
        }
        n
    }
    slow(1);
    for _ in 0..100 {
        slow(1);
    }
    let info = cache_info(slow);
    assert!(info.mean_cost() >= Duration::from_millis(4), "{:?}", info.mean_cost());
    let saved = info.time_saved();
    assert!(saved > info.mean_cost() * 90 && saved <= info.mean_cost() * 100, "{saved:?}");
}

#[test]
fn declared_options_are_shown() {
    #[memoize(max_entries = 7, max_weight = 70, weigh = |_key, value| *value, policy = "lfu", name = "a short name")]
    fn named(n: u64) -> u64 {
        n
    }
    #[memoize]
    fn plain(n: u64) -> u64 {
        n
    }
    let _ = (named(3), plain(1));
    let info = cache_info(named);
    assert_eq!(info.name, "a short name");
    assert_eq!((info.max_entries, info.max_weight, info.policy, info.weight), (Some(7), Some(70), Some("lfu"), 3));
    assert_eq!((&*info.backend, info.codec.as_deref(), info.prefix.as_str()), ("memory", None, ""));
    assert_eq!(memo::info_of("a short name").map(|info| info.misses), Some(1));
    let info = cache_info(plain);
    assert_eq!((info.max_entries, info.max_weight, info.policy), (None, None, None));
    assert_eq!((info.stale_hits, info.refreshes), (0, 0));
}

#[test]
fn methods_are_found_by_every_way_to_name_them() {
    struct Repo;
    trait Load {
        fn load(&self) -> u64;
    }
    impl Repo {
        #[memoize]
        fn get(&self, n: u64) -> u64 {
            n
        }
        fn own(&self) -> u64 {
            cache_info(Self::get).misses
        }
    }
    #[memoize]
    impl Load for Repo {
        #[memoize]
        fn load(&self) -> u64 {
            fresh()
        }
    }
    let _ = (Repo.get(1), Repo.load());
    assert_eq!((cache_info(Repo::get).misses, Repo.own()), (1, 1));
    assert_eq!(cache_info(<Repo as Load>::load).misses, 1);
    assert_eq!(cache_info(Repo::load).misses, 1);
}

#[test]
fn set_counts_as_a_store_only() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n
    }
    cache_set!(cached(1), 5).expect("memory");
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses, info.stores, info.size), (0, 0, 1, 1));
    assert_eq!(cached(1), 5);
}

#[test]
fn a_report_has_a_row_for_each_of_several_tiers() {
    #[memoize(backend = ["memory", "memory://reported"], max_entries = 1, policy = "fifo")]
    fn tiered(n: u64) -> u64 {
        n
    }
    for n in [1, 2, 2, 2, 1] {
        tiered(n);
    }
    let report = memo::report().to_string();
    let mut rows = report.lines().skip_while(|row| !row.contains("_of_several_tiers::tiered"));
    let words = |row: Option<&str>| row.unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(rows.next())[1..6], ["5", "3", "60.0", "%", "2"], "{report}");
    assert_eq!(words(rows.next()), ["memory", "5", "2", "40.0", "%", "1", "0"], "{report}");
    assert_eq!(words(rows.next()), ["memory", "3", "1", "33.3", "%", "2", "0"], "{report}");
}

#[test]
fn objects_of_one_name_and_store_are_one_row() {
    let object = || {
        let builder = Cache::<u64, u64>::builder("reported").backends(["memory", "memory://reported-objects"]);
        builder.build().expect("memory needs nothing")
    };
    let (one, other) = (object(), object());
    one.set(1, 1).expect("sets");
    assert_eq!((one.get(&1).expect("reads"), other.get(&1).expect("reads")), (Some(1), Some(1)));
    let report = memo::report();
    let both = report.functions().iter().find(|info| info.name == "reported").expect("it is listed");
    let numbers: Vec<_> = both.tiers.iter().map(|tier| (tier.hits, tier.misses, tier.size)).collect();
    assert_eq!(numbers, [(1, 1, Some(2)), (1, 0, Some(1))]);
}
