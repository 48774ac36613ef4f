//! Rows 33, 40; promise 11: statistics that are read in a task wait for stores without blocking its executor.

use std::sync::mpsc;

use memo::{Cache, aio, memoize};
use memo_tests::{
    moody::{Moody, moody},
    within_20_s,
};

/// What a store answers late is waited for; this very thread lets it answer.
async fn late<T>(store: &Moody, asks: impl Future<Output = T>) -> T {
    let (go_on, held) = mpsc::channel();
    *store.held_count.lock().expect("no panic") = Some(held);
    let answering = async {
        while store.held_count.lock().expect("no panic").is_some() {
            tokio::task::yield_now().await;
        }
        go_on.send(()).expect("it waits");
    };
    tokio::join!(asks, answering).0
}

#[test]
fn statistics_do_not_block_the_executor() {
    #[memoize(backend = ["memory", "late-counts://"])]
    async fn number(n: u32) -> u32 {
        n
    }
    const NAME: &str = "statistics_in_tasks::statistics_do_not_block_the_executor::number";
    within_20_s(|| {
        let store = moody("late-counts");
        let cache = Cache::<u32, u32>::open("late", "late-counts://").expect("a valid URL");
        let cache = aio::Cache::from(cache);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        runtime.block_on(async {
            assert_eq!((number(1).await, number(1).await), (1, 1));
            cache.set(1, 1).await.expect("sets");
            cache.set(2, 2).await.expect("sets");
            let info = late(&store, aio::cache_info(number)).await;
            assert_eq!((&*info.name, info.hits, info.misses, info.size), (NAME, 1, 1, 1));
            assert_eq!(info.tiers.iter().map(|tier| tier.size).collect::<Vec<_>>(), [Some(1), Some(1)]);
            let info = late(&store, aio::try_cache_info(number)).await.expect("it is memoized");
            assert_eq!((info.hits, info.size), (1, 1));
            let info = late(&store, aio::info_of(NAME)).await.expect("it is linked");
            assert_eq!((info.hits, info.size), (1, 1));
            let info = late(&store, aio::info_of("late")).await.expect("it lives");
            assert_eq!((&*info.name, info.stores, info.size), ("late", 0, 2));
            assert_eq!(late(&store, cache.stats()).await.size, 2);
            assert_eq!(late(&store, aio::cache_len(number)).await.expect("counts"), 1);
            let sizes = |infos: &[memo::CacheInfo]| -> Vec<_> {
                infos.iter().map(|info| (info.name.clone(), info.size)).collect()
            };
            let expected = [("late".to_owned(), 2), (NAME.to_owned(), 1)];
            let (all, report) = (late(&store, aio::functions()).await, late(&store, aio::report()).await);
            assert_eq!((sizes(&all), sizes(report.functions()).len()), (expected.to_vec(), 2));
        });
    });
}

#[tokio::test]
async fn what_is_not_memoized_has_none() {
    fn plain() {}
    assert!(aio::try_cache_info(plain).await.is_none() && aio::info_of("nobody").await.is_none());
    assert!(aio::cache_len(plain).await.expect_err("not memoized").to_string().contains("plain"));
    let asked = std::panic::catch_unwind(|| drop(aio::cache_info(plain)));
    assert!(asked.is_err(), "as soon as it is called");
}
