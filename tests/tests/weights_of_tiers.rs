//! Row 8; promise 8: the bound by weight holds where typed memory stands before a store, whatever it takes over from there.

use std::sync::atomic::{AtomicU64, Ordering};

use memo::{Cache, aio, backend::backend, cache_info, memoize};
use tempfile::tempdir;

#[test]
fn what_memory_takes_over_is_weighed() {
    #[memoize(
        backend = ["memory", "memory://weighed"],
        max_weight = 1000,
        weigh = |key, value| u64::from(*key) + value.len() as u64,
    )]
    fn text(n: u8) -> String {
        "x".repeat(n.into())
    }
    #[memoize(backend = ["memory", "memory://weighed-alone"], max_weight = 200, weigh = |_, value| *value)]
    fn alone(n: u64) -> u64 {
        n
    }
    for round in 0..3 {
        for n in 1..=200 {
            assert_eq!(text(n).len(), usize::from(n));
            let weight = cache_info(text).weight;
            assert!(weight <= 1000, "{weight}");
            assert!(weight > 500 || n < 30, "memory keeps what fits, in round {round}: {weight}");
        }
    }
    for _ in 0..3 {
        for n in 101..=200 {
            assert_eq!((alone(n), cache_info(alone).weight), (n, n), "there is room for one of them");
        }
    }
    assert_eq!(cache_info(alone).misses, 100);
    let info = cache_info(text);
    assert_eq!((info.misses, info.size, info.errors), (200, 200, 0), "all came from the store");
}

#[test]
fn what_weighs_too_much_stays_in_the_store() {
    #[memoize(backend = ["memory", "memory://weighed-much"], max_weight = 10, weigh = |_, value| *value)]
    fn number(n: u64) -> u64 {
        n
    }
    assert_eq!((number(11), number(5)), (11, 5));
    for _ in 0..3 {
        assert_eq!((number(11), number(5)), (11, 5));
    }
    let info = cache_info(number);
    assert_eq!((info.weight, info.misses, info.hits), (5, 2, 6));
}

/// A weigher may look at arguments that are not in the key, and stand beside a test on hits.
#[test]
fn a_weigher_sees_the_arguments() {
    struct Logger {
        factor: u64,
    }
    static SEEN: AtomicU64 = AtomicU64::new(0);
    #[memoize(
        backend = ["memory", "memory://weighed-by-arguments"],
        max_weight = 100,
        weigh = |_, value| {
            SEEN.fetch_add(1, Ordering::Relaxed);
            logger.factor * value
        },
        validate = |entry| *entry.value() < 1000,
        exclude(logger),
    )]
    fn number(logger: &Logger, n: u64) -> u64 {
        n * logger.factor / logger.factor
    }
    let logger = Logger { factor: 7 };
    assert_eq!((number(&logger, 2), cache_info(number).weight), (2, 14));
    let store = backend("memory://weighed-by-arguments").expect("the same store");
    let mut entries = Vec::new();
    let scanned = store.scan(b"", &mut |key, bytes| {
        entries.push((key.to_vec(), bytes.to_vec()));
        std::ops::ControlFlow::Continue(())
    });
    scanned.expect("memory enumerates");
    memo::cache_clear(number).expect("memory");
    for (key, bytes) in entries {
        store.set(&key, memo::backend::Item::new(&bytes)).expect("memory");
    }
    assert_eq!((number(&logger, 2), cache_info(number).weight), (2, 14));
    let info = cache_info(number);
    assert_eq!((info.hits, info.misses, SEEN.load(Ordering::Relaxed)), (1, 1, 2));
}

#[tokio::test]
async fn async_functions_weigh_what_they_take_over() {
    #[memoize(backend = ["memory", "memory://weighed-in-tasks"], max_weight = 20, weigh = |key, text| key + text.len() as u64)]
    async fn digits(n: u64) -> Result<String, ()> {
        tokio::task::yield_now().await;
        Ok(n.to_string())
    }
    for _ in 0..3 {
        for n in 9..18 {
            assert_eq!(digits(n).await, Ok(n.to_string()));
            assert_eq!(cache_info(digits).weight, n + n.to_string().len() as u64, "there is room for one of them");
        }
    }
    assert_eq!(cache_info(digits).misses, 9);
}

/// The store runs on a pool of threads, so the answer comes after a wait.
#[tokio::test]
async fn what_comes_after_a_wait_is_weighed() {
    #[memoize(backend = ["memory", "weighed-on-disk://"], max_weight = 20, weigh = |_, value| *value)]
    async fn number(n: u64) -> u64 {
        n
    }
    let dir = tempdir().expect("a directory");
    let url = format!("sqlite://{}/cache.db", dir.path().display());
    memo::register_backend("weighed-on-disk", move |_| backend(&url)).expect("this test's own");
    for _ in 0..3 {
        // There is room for one of them.
        for n in 11..=20 {
            assert_eq!((number(n).await, cache_info(number).weight), (n, n));
        }
    }
    assert_eq!(cache_info(number).misses, 10);
    assert_eq!(tokio::spawn(number(11)).await.expect("no panic"), 11, "its future may be sent");
}

#[tokio::test]
async fn caches_weigh_what_they_take_over() {
    let urls = ["memory", "memory://weighed-cache"];
    let cache = || {
        let builder = Cache::<u64, String>::builder("texts").backends(urls);
        builder.max_weight(100, |key, text| key + text.len() as u64).build().expect("builds")
    };
    let full = cache();
    full.set_many((1..=50).map(|n| (n, "x".to_owned()))).expect("sets");
    assert!(full.stats().weight <= 100);
    let (one_by_one, together, computed, in_tasks) = (cache(), cache(), cache(), aio::Cache::from(cache()));
    for n in 1..=50 {
        assert!(one_by_one.get(&n).expect("reads").is_some());
        assert_eq!(computed.get_or_compute(&n, String::new).expect("reads"), "x");
        assert_eq!(in_tasks.get(&n).await.expect("reads").as_deref(), Some("x"));
    }
    assert!(together.get_many(&(1..=50).collect::<Vec<_>>()).expect("reads").iter().all(Option::is_some));
    for stats in [one_by_one.stats(), together.stats(), computed.stats(), in_tasks.stats().await] {
        assert!(stats.weight > 40 && stats.weight <= 100, "{}", stats.weight);
    }
}
