//! Rows 13, 33; promises 1, 11: async functions whose calls wait for stores, and come back to what has changed meanwhile.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use memo::{cache_get, cache_set, memoize};
use memo_tests::within_20_s;

use crate::concurrent::threads;

mod concurrent;

/// What a store behind memory has, but `validate` does not accept, is computed anew; memory gets no copy of it.
#[test]
fn an_entry_behind_memory_that_is_not_accepted_is_a_miss() {
    static LEAST: AtomicU64 = AtomicU64::new(0);
    #[memoize(backend = ["memory", "memory://tasks-rejected"], max_entries = 1, validate = |entry| *entry.value() >= LEAST.load(SeqCst))]
    async fn number(n: u64) -> u64 {
        n + LEAST.load(SeqCst)
    }
    within_20_s(|| {
        smol::block_on(async {
            assert_eq!(number(1).await, 1);
            // It leaves memory, not the store.
            number(2).await;
            LEAST.store(100, SeqCst);
            assert_eq!(cache_get!(number(1)).await, None);
            assert_eq!(number(1).await, 101);
            cache_set!(number(1), 200).await.expect("memory");
            assert_eq!(number(1).await, 200);
        });
    });
}

/// Many tasks ask a store at once. One leads; who was slower finds that something was stored meanwhile, and asks again.
#[test]
fn tasks_that_ask_at_once_run_the_body_once() {
    static URL_DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a place"));
    type Runs = Arc<Mutex<HashMap<u64, u64>>>;
    #[memoize(cache = cache, exclude(runs))]
    async fn number(cache: memo::aio::Cache<u64, u64>, runs: Runs, n: u64) -> u64 {
        *runs.lock().expect("nobody panics").entry(n).or_default() += 1;
        n
    }
    let runs = Runs::default();
    let url = format!("sqlite://{}/cache.db", URL_DIR.path().display());
    let cache: memo::aio::Cache<u64, u64> =
        memo::Cache::builder("tasks").backends(["memory", &url]).build().expect("opened when it is used").into();
    within_20_s(move || {
        threads(2).block_on(async {
            for n in 0..100 {
                let ask = || tokio::spawn(number(cache.clone(), runs.clone(), n));
                let tasks: Vec<_> = std::iter::repeat_with(ask).take(8).collect();
                for task in tasks {
                    assert_eq!(task.await.expect("no panic"), n);
                }
            }
        });
        assert!(runs.lock().expect("nobody panics").values().all(|runs| *runs == 1));
    });
}
