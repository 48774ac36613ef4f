//! Rows 35, 46: a cache used like a map, on threads and in tasks.

use std::sync::{Arc, atomic::AtomicBool};

use memo::{Cache, Hooks, aio};

type Ages = Cache<String, u64>;

fn ages() -> Vec<(String, u64)> {
    vec![("ada".to_owned(), 36), ("bob".to_owned(), 41), ("eve".to_owned(), 7)]
}

fn sorted(entries: impl IntoIterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut all: Vec<_> = entries.into_iter().collect();
    all.sort();
    all
}

#[test]
fn it_is_collected_and_walked_through() {
    let cache: Ages = ages().into_iter().chain([("ada".to_owned(), 37)]).collect();
    assert_eq!(cache.get("ada").expect("memory"), Some(37), "of one key the later counts");
    assert_eq!(cache.len().expect("memory"), 3);
    let mut seen = Vec::new();
    for (name, age) in &cache {
        // It is a copy: the cache may be changed meanwhile.
        assert!(cache.delete(&name).expect("memory"));
        seen.push((name, age));
    }
    assert_eq!(sorted(seen).len(), 3);
    assert!(cache.is_empty().expect("memory"));
    let squares: Cache<u64, u64> = (0..100).map(|n| (n, n * n)).collect();
    assert_eq!(squares.values().expect("memory").sum::<u64>(), 328_350);
    assert_eq!(squares.stats().name, "collected");
}

#[test]
fn it_is_extended_on_the_terms_it_has() {
    let stored = Ages::open("extended", "memory://extended").expect("opens");
    let bounded = Ages::builder("extended").max_entries(2).build().expect("builds");
    let in_memory = Ages::builder("extended").build().expect("builds");
    for (mut cache, expected) in [(stored, 3), (bounded, 2), (in_memory, 3)] {
        cache.extend(ages());
        assert_eq!(cache.len().expect("counted"), expected);
        assert_eq!((&cache).into_iter().count() as u64, expected);
    }
}

#[test]
fn what_cannot_be_returned_is_counted() {
    let hooks = Hooks::new().loader(|| Err("down".into()));
    let mut cache = Ages::builder("down").hooks(hooks).build().expect("builds");
    cache.extend(ages());
    assert_eq!((&cache).into_iter().count(), 0);
    assert_eq!(cache.stats().errors, 2);
}

#[tokio::test]
async fn tasks_have_it_all() {
    let stored = Ages::builder("aio-map").loader(|name| name.len() as u64).backend("memory://aio-map");
    for builder in [stored, Ages::builder("aio-map").loader(|name| name.len() as u64)] {
        let cache: aio::Cache<String, u64> = builder.build_from(ages()).expect("builds").into();
        assert_eq!(sorted(cache.entries().await.expect("enumerated")), ages());
        let mut keys = cache.keys().await.expect("enumerated");
        keys.sort();
        assert_eq!(keys, ["ada", "bob", "eve"]);
        assert_eq!(cache.values().await.expect("enumerated").into_iter().sum::<u64>(), 84);
        assert_eq!(cache.retain(|_, age| *age > 40).await.expect("removed"), 2);
        assert_eq!(cache.load("four").await.expect("loads"), 4);
        assert_eq!(cache.load("bob").await.expect("hits"), 41);
        assert_eq!(cache.len().await.expect("counted"), 2);
    }
    let without: aio::Cache<u8, u8> = Cache::builder("without").build().expect("builds").into();
    assert!(without.load(&1).await.is_err_and(|error| error.is_config()));
}

#[tokio::test]
async fn a_loader_does_not_block_the_executor() {
    let here = std::thread::current().id();
    let elsewhere = Arc::new(AtomicBool::new(false));
    let seen = elsewhere.clone();
    let load = move |n: &u8| {
        seen.store(std::thread::current().id() != here, std::sync::atomic::Ordering::SeqCst);
        *n
    };
    let cache: aio::Cache<u8, u8> = Cache::builder("elsewhere").loader(load).build().expect("builds").into();
    assert_eq!(cache.load(&7).await.expect("loads"), 7);
    assert!(elsewhere.load(std::sync::atomic::Ordering::SeqCst));
}
