//! Rows 8, 19, 33, 43, 44; promises 1, 8, 10: functions whose entries live in a cache object, with what the object was told when it
//! was built: contents that were saved, weights, an end that hits put off, stores that it shares with other objects.

use std::{
    sync::{
        Barrier, LazyLock,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use memo::{
    Cache, Contents, Explanation, Hooks, aio, cache_delete, cache_get, cache_info, cache_set, clock::TestClock,
    explain_cache, invalidates, memoize, overwrite_cache, skip_cache,
};
use memo_tests::{fresh, within_20_s};

/// A cache with the contents `7: 70`, which come in at its first use.
fn loaded(name: &str) -> Cache<u64, u64> {
    let hooks = Hooks::new().loader(|| Ok(Some(Contents::from_iter([(7, 70)]))));
    Cache::builder(name).hooks(hooks).build().expect("memory")
}

/// A cache in memory, and in a store that others of this name share.
fn over(name: &str) -> Cache<u64, u64> {
    let urls = ["memory".to_owned(), format!("memory://{name}")];
    Cache::builder(name).backends(urls).build().expect("memory")
}

#[test]
fn what_was_saved_comes_in_before_the_first_call_looks() {
    #[memoize(cache = cache)]
    fn found(cache: &Cache<u64, u64>, n: u64) -> u64 {
        unreachable!("{n} was saved")
    }
    #[memoize(cache = cache)]
    async fn found_in_task(cache: &aio::Cache<u64, u64>, n: u64) -> u64 {
        unreachable!("{n} was saved")
    }
    assert_eq!(found(&loaded("a call"), 7), 70);
    let tasks = aio::Cache::from(loaded("a task"));
    assert_eq!(smol::block_on(found_in_task(&tasks, 7)), 70);
    let all = loaded("many");
    let barrier = Barrier::new(8);
    within_threads(8, || {
        barrier.wait();
        assert_eq!(found(&all, 7), 70);
    });
}

#[test]
fn what_was_saved_comes_in_before_an_address_is_used() {
    #[memoize(cache = cache)]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        fresh() + n
    }
    #[memoize(cache = cache)]
    async fn later(cache: &aio::Cache<u64, u64>, n: u64) -> u64 {
        fresh() + n
    }
    #[invalidates(number(cache, n))]
    fn change(cache: &Cache<u64, u64>, n: u64) {
        let _ = (cache, n);
    }

    assert_ne!(number(&loaded("number"), 1), smol::block_on(later(&aio::Cache::from(loaded("later")), 1)));
    assert_eq!(cache_get!(number(&loaded("get"), 7)), Some(70));
    assert!(matches!(explain_cache!(number(&loaded("explain"), 7)), Explanation::Hit { .. }));
    assert!(cache_delete!(number(&loaded("delete"), 7)).expect("memory"));
    let set = loaded("set");
    cache_set!(number(&set, 7), 71).expect("memory");
    assert_eq!(set.get(&7).expect("memory"), Some(71), "what was saved does not come in over it");
    let changed = loaded("change");
    change(&changed, 7);
    assert_eq!(changed.get(&7).expect("memory"), None, "what was deleted does not come in later");
    let named = loaded("named");
    deletes_seven(&named);
    assert_eq!(named.get(&7).expect("memory"), None);

    smol::block_on(async {
        let cache = |name| aio::Cache::from(loaded(name));
        // The object is gone when the future is polled.
        assert_eq!(cache_get!(later(&cache("get later"), 7)).await, Some(70));
        assert!(matches!(explain_cache!(later(&cache("explain later"), 7)).await, Explanation::Hit { .. }));
        assert!(cache_delete!(later(&cache("delete later"), 7)).await.expect("memory"));
    });
}

#[invalidates(cache[&7])]
fn deletes_seven(cache: &Cache<u64, u64>) {
    let _ = cache;
}

/// The hook calls a memoized function, which the mode of the call is not for, and one that needs these contents.
#[test]
fn a_loader_calls_functions_of_its_own() {
    static TABLE: LazyLock<Cache<u64, u64>> = LazyLock::new(|| {
        let hooks = Hooks::new().loader(|| Ok(Some(Contents::from_iter([(helper(1), 1), (2, number(2))]))));
        Cache::builder("table").hooks(hooks).build().expect("memory")
    });
    #[memoize]
    fn helper(n: u64) -> u64 {
        n
    }
    #[memoize(cache = TABLE)]
    fn number(n: u64) -> u64 {
        fresh() + n
    }
    within_20_s(|| {
        let skipped = skip_cache!(number(1));
        assert_ne!(skipped, 1);
        assert_eq!((cache_info(helper).skipped, cache_info(number).skipped), (0, 1), "it is the call that is skipped");
        assert_eq!(number(1), 1);
    });
}

#[test]
fn contents_that_can_not_come_in_break_no_call() {
    static WORKS: AtomicBool = AtomicBool::new(false);
    static LOST: LazyLock<Cache<u64, u64>> = LazyLock::new(|| {
        let load = || if WORKS.load(SeqCst) { Ok(Some(Contents::from_iter([(7, 70)]))) } else { Err("no".into()) };
        Cache::builder("lost").hooks(Hooks::new().loader(load)).build().expect("memory")
    });
    #[memoize(cache = LOST)]
    fn number(n: u64) -> u64 {
        n
    }
    #[memoize(cache = LOST)]
    async fn later(n: u64) -> u64 {
        n
    }
    assert_eq!((number(1), smol::block_on(later(2))), (1, 2));
    assert_eq!((cache_info(number).errors, cache_info(later).errors, LOST.stats().errors), (1, 1, 2));
    assert!(cache_set!(number(7), 71).is_err_and(|error| error.is_hook()));
    WORKS.store(true, SeqCst);
    assert_eq!((number(7), number(1)), (70, 1), "the next call tries again");
}

#[test]
fn what_memory_takes_over_for_a_function_is_weighed() {
    #[memoize(cache = cache)]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        n
    }
    #[memoize(cache = cache)]
    async fn later(cache: &aio::Cache<u64, u64>, n: u64) -> u64 {
        n
    }
    let cache = |name: &str| {
        let builder = Cache::<u64, u64>::builder(name).backends(["memory", "memory://weighed-guests"]);
        builder.max_weight(100, |key, value| key + value).build().expect("memory")
    };
    let writer = cache("weighed guests");
    for n in 1..=40 {
        assert_eq!(number(&writer, n), n);
        assert!(writer.stats().weight <= 100, "{}", writer.stats().weight);
    }
    let reader = cache("weighed guests");
    for n in 1..=40 {
        assert_eq!(number(&reader, n), n);
        assert!((1..=100).contains(&reader.stats().weight), "{}", reader.stats().weight);
    }
    let tasks = aio::Cache::from(cache("weighed guests"));
    for n in 1..=40 {
        assert_eq!(smol::block_on(later(&tasks, n)), n);
    }
    assert!((1..=100).contains(&smol::block_on(tasks.stats()).weight));
    assert_eq!((cache_info(number).misses, cache_info(later).misses), (40, 0));
}

#[test]
fn hits_of_a_function_put_the_end_off_where_the_object_says_so() {
    #[memoize(cache = cache)]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        fresh() + n
    }
    let clock = TestClock::install();
    let in_memory = Cache::<u64, u64>::builder("sliding memory").ttl(60).sliding().build().expect("memory");
    let builder = Cache::<u64, u64>::builder("sliding store").ttl(60).sliding();
    let in_store = builder.backend("memory://sliding-guests").build().expect("memory");
    for cache in [&in_memory, &in_store] {
        let first = number(cache, 1);
        for _ in 0..5 {
            clock.advance(Duration::from_secs(40));
            assert_eq!(number(cache, 1), first, "in {}", cache.stats().name);
        }
        clock.advance(Duration::from_secs(61));
        assert_ne!(number(cache, 1), first);
    }
}

#[test]
fn what_a_function_changes_leaves_the_memory_of_other_objects() {
    #[memoize(cache = cache)]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        fresh() + n
    }
    let (one, other) = (over("guests-of-two"), over("guests-of-two"));
    let first = number(&one, 1);
    assert_eq!((number(&other, 1), number(&other, 1)), (first, first));
    let second = overwrite_cache!(number(&one, 1));
    assert_eq!(number(&other, 1), second);
    cache_set!(number(&one, 1), 5).expect("memory");
    assert_eq!(number(&other, 1), 5);
    assert!(cache_delete!(number(&one, 1)).expect("memory"));
    assert_eq!(cache_get!(number(&other, 1)), None);
    let third = number(&other, 1);
    assert_eq!(number(&one, 1), third);
    memo::cache_clear(number).expect("memory");
    assert_eq!((cache_get!(number(&one, 1)), cache_get!(number(&other, 1))), (None, None));
}

#[test]
fn what_is_refused_from_a_store_is_not_taken_over() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    #[memoize(cache = cache, validate = |entry| { SEEN.fetch_add(1, SeqCst); *entry.value() > 10 })]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        n + 10
    }
    let (writer, reader) = (over("refused-guests"), over("refused-guests"));
    writer.set(1, 1).expect("memory");
    assert_eq!(number(&reader, 1), 11);
    assert_eq!(SEEN.load(SeqCst), 1, "it was looked at once, and did not stand in memory afterwards");
    assert_eq!(explain_cache!(number(&reader, 2)), Explanation::Absent);
}

fn within_threads(count: usize, test: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(&test);
        }
    });
}
