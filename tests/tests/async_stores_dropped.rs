//! Row 40; promises 3, 4, 10: calls that are dropped while an async store is writing.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use distant::Distant;
use memo::{Cache, SetOptions, Tier, cache_delete, cache_get, memoize};
use memo_tests::within_20_s;

mod distant;

/// Polls a call until its write is on its way, and drops it there.
async fn dropped_while_it_writes<T>(store: &Distant, call: impl Future<Output = T>) {
    let mut call = pin!(call);
    while store.held() == 0 {
        assert!(futures::poll!(call.as_mut()).is_pending(), "it can't end before its write");
        thread::yield_now();
    }
}

#[test]
fn a_dropped_write_keeps_the_turn_of_its_key_until_it_has_ended() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "distant-drops://")]
    async fn number(n: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    within_20_s(|| {
        let store = Distant::under("distant-drops");
        store.hold();
        futures::executor::block_on(async {
            dropped_while_it_writes(&store, number(1)).await;
            // The write is on its way still. A deletion that did not wait for it would be overtaken by it.
            let mut deletion = pin!(cache_delete!(number(1)));
            for _ in 0..1000 {
                assert!(futures::poll!(deletion.as_mut()).is_pending(), "the turn is the write's");
                thread::yield_now();
            }
            store.release();
            assert!(deletion.await.expect("reachable"), "it deletes what the write stored");
            assert_eq!((cache_get!(number(1)).await, store.count_now()), (None, 0));
            assert_eq!((number(1).await, RUNS.load(Ordering::SeqCst)), (1, 2));
        });
    });
}

#[test]
fn a_dropped_write_is_in_all_tiers_in_the_end() {
    within_20_s(|| {
        let (near, far) = (Arc::new(Distant::default()), Arc::new(Distant::default()));
        let builder = Cache::<u32, u32>::builder("dropped-in-tiers");
        let cache = builder.tier(Tier::of_async(near.clone())).tier(Tier::of_async(far.clone())).build();
        let cache = memo::aio::Cache::from(cache.expect("nothing is wrong"));
        far.hold();
        futures::executor::block_on(async {
            dropped_while_it_writes(&far, cache.set(1, 10)).await;
            far.release();
            // In the key's turn, so after all of the write.
            assert!(!cache.set_with(1, 20, SetOptions::new().if_absent()).await.expect("reachable"));
            assert_eq!((near.count_now(), far.count_now()), (1, 1));
            assert_eq!(cache.get(&1).await.expect("reachable"), Some(10));
        });
    });
}

#[test]
fn a_runtime_that_ends_leaves_no_turn_behind() {
    #[memoize(backend = "distant-ends://")]
    async fn number(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let store = Distant::under("distant-ends");
        store.hold();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("runs");
        runtime.spawn(number(1));
        store.until_held(1);
        drop(runtime);
        store.release();
        futures::executor::block_on(async {
            assert!(cache_delete!(number(1)).await.expect("reachable"));
            assert_eq!(store.count_now(), 0);
        });
    });
}
