//! Rows 33, 53; promise 5: a store that does not answer within `backend_timeout` counts as failed, whatever kind of store it is.

use std::{
    sync::{Arc, LazyLock, mpsc},
    time::Duration,
};

use memo::{Cache, Tier, cache_info, memoize};
use memo_tests::{
    fresh,
    moody::{Moody, moody},
    within_20_s,
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
