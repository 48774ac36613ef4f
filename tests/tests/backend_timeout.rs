//! Rows 33, 53; promise 5: a store that does not answer within `backend_timeout` counts as failed, whatever kind of store it is.

use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use memo::{
    Cache, Error, Tier,
    backend::{Backend, Item},
    cache_info,
    clock::TestClock,
    memoize,
};
use memo_tests::{
    fresh,
    moody::{Moody, moody},
    until, within_20_s,
};

static SLOW: LazyLock<Arc<Moody>> = LazyLock::new(|| moody("slow"));

/// Holds the next write of a store until the sender is dropped.
fn hold(store: &Moody) -> mpsc::Sender<()> {
    let (go, held) = mpsc::channel();
    *store.held.lock().expect("no panic") = Some(held);
    go
}

#[memoize(backend = "slow://x", backend_timeout = "50ms")]
fn number(key: u32) -> u64 {
    fresh() + u64::from(key)
}

#[memoize(backend = "slow://x", backend_timeout = "50ms")]
async fn number_in_a_task(key: u32) -> u64 {
    fresh() + u64::from(key)
}

#[test]
fn a_function_goes_on_without_it() {
    within_20_s(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("tokio");
        let store = &**SLOW;
        let first = number(1);
        assert_eq!(number(1), first, "a store that answers in time is used");
        for (errors, call) in [
            (&(|| cache_info(number).errors) as &dyn Fn() -> u64, &(|| number(2)) as &dyn Fn() -> u64),
            (&|| cache_info(number_in_a_task).errors, &|| runtime.block_on(number_in_a_task(2))),
        ] {
            let go = hold(store);
            let before = errors();
            call();
            assert!(errors() > before, "the store did not take the value in time");
            drop(go);
        }
    });
}

#[test]
fn a_cache_says_it() {
    within_20_s(|| {
        let store = Arc::new(Moody::default());
        let cache = Cache::<u8, u8>::builder("slow").tier(Tier::of(store.clone()));
        let cache = cache.backend_timeout(Duration::from_millis(50)).build().expect("builds");
        cache.set(1, 1).expect("in time");
        assert_eq!(cache.get(&1).expect("in time"), Some(1));
        let go = hold(&store);
        let error = cache.set(1, 2).expect_err("not in time");
        assert!(error.is_unavailable() && error.to_string().contains("within 50 ms"), "{error}");
        assert_eq!(cache.stats().tiers[0].errors, 1);
        drop(go);
        assert_eq!(cache.view::<u8, u8>("of it").build().expect("builds").get(&1).expect("in time"), None);
    });
}

/// One of a cache with 50 ms of patience.
fn timed(name: &str, store: Arc<dyn Backend>) -> Cache<u32, u32> {
    let cache = Cache::builder(name).tier(Tier::of(store));
    cache.backend_timeout(Duration::from_millis(50)).build().expect("builds")
}

#[test]
fn a_write_that_comes_too_late_does_not_undo_a_deletion() {
    within_20_s(|| {
        let store = Arc::new(Moody::default());
        let cache = timed("too late", store.clone());
        let go = hold(&store);
        cache.set(1, 1).expect_err("not in time");
        let error = cache.delete(&1).expect_err("the write may still come");
        assert!(error.is_unavailable(), "{error}");
        assert_eq!(cache.get(&1).expect("in time"), None);
        drop(go);
        until(|| cache.set(2, 2).is_ok());
        assert_eq!(cache.get(&1).expect("in time"), None);
        assert_eq!(store.count(b"too late|").expect("it can count"), 1, "it came, and was removed again");
    });
}

#[test]
fn an_older_value_does_not_take_the_place_of_a_newer_one() {
    within_20_s(|| {
        let store = Arc::new(Moody::default());
        let cache = timed("older", store.clone());
        let go = hold(&store);
        cache.set(1, 1).expect_err("not in time");
        let newer = thread::spawn({
            let cache = cache.clone();
            move || until(|| cache.set(1, 2).is_ok())
        });
        drop(go);
        newer.join().expect("no panic");
        assert_eq!(cache.get(&1).expect("in time"), Some(2));
    });
}

/// Whoever reads it waits until the sender is dropped.
struct Hung {
    held: Mutex<mpsc::Receiver<()>>,
    reading: AtomicUsize,
}

impl Backend for Hung {
    fn name(&self) -> &'static str {
        "hung"
    }

    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.reading.fetch_add(1, Ordering::SeqCst);
        self.held.lock().expect("no panic").recv().ok();
        Ok(None)
    }

    fn set(&self, _: &[u8], _: Item<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn remove(&self, _: &[u8]) -> Result<bool, Error> {
        Ok(false)
    }

    fn remove_prefix(&self, _: &[u8]) -> Result<u64, Error> {
        Ok(0)
    }
}

#[test]
fn a_store_that_hangs_leaves_threads_to_others() {
    within_20_s(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("tokio");
        let (go, held) = mpsc::channel();
        let store = Arc::new(Hung { held: Mutex::new(held), reading: AtomicUsize::new(0) });
        let cache: memo::aio::Cache<u32, u32> = timed("hung", store.clone()).into();
        let other: memo::aio::Cache<u32, u32> = timed("another", Arc::new(Moody::default())).into();
        runtime.block_on(async {
            let asked: Vec<_> = (0..600)
                .map(|key| {
                    let cache = cache.clone();
                    async move { cache.get(&key).await }
                })
                .collect();
            for answer in futures::future::join_all(asked).await {
                assert!(answer.expect_err("it hangs").is_unavailable());
            }
            assert_eq!(store.reading.load(Ordering::SeqCst), 64);
            other.set(1, 1).await.expect("there is a thread for it");
            let error = cache.get(&1).await.expect_err("it hangs").to_string();
            assert!(error.contains("still at 64 requests"), "{error}");
        });
        drop(go);
        until(|| runtime.block_on(cache.get(&1)).is_ok());
    });
}

#[test]
fn a_clock_that_stands_still_makes_nobody_wait_longer() {
    within_20_s(|| {
        let _clock = TestClock::install();
        let store = Arc::new(Moody::default());
        let cache = timed("stands still", store.clone());
        let go = hold(&store);
        cache.set(1, 1).expect_err("not in time");
        drop(go);
    });
}
