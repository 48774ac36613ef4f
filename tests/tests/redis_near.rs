//! Row 55; promise 10, across processes: memory in front of Redis hears what others change, and is not used while it can't.

use std::sync::{
    Arc, LazyLock, OnceLock,
    atomic::{AtomicU32, Ordering},
};

use memo::{Cache, SetOptions, backend::Backend, memoize};
use memo_tests::{
    fresh,
    servers::{
        proxy::{Proxy, Weather},
        redis::Server,
    },
    soon,
};

type Numbers = Cache<u32, u64>;

fn near(name: &str, url: &str) -> Numbers {
    Cache::builder(name).tier("memory").tier(url).build().expect("builds")
}

/// As another process has it: without memory, under an URL of its own, so that it shares no connection.
fn elsewhere(server: &Server) -> Arc<dyn Backend> {
    memo::backend(&server.url("?timeout=9s")).expect("opens")
}

fn hits_in_memory(cache: &Numbers) -> u64 {
    cache.stats().tiers[0].hits
}

/// Waits until a key that is in Redis is found in memory.
fn until_in_memory(cache: &Numbers, key: u32) {
    soon("it comes into memory", || {
        let before = hits_in_memory(cache);
        cache.get(&key).expect("read").is_some() && hits_in_memory(cache) > before
    });
}

#[test]
fn what_others_remove_is_gone_from_memory() {
    let Some(server) = Server::start() else { return };
    let (cache, other) = (near("removed", &server.url("")), elsewhere(&server));
    let fill = || {
        for key in 1..=3 {
            let tags = if key == 2 { vec!["two", "all"] } else { vec!["all"] };
            cache.set_with(key, u64::from(key), SetOptions::new().tags(tags)).expect("stored");
            until_in_memory(&cache, key);
        }
    };
    let are = |expected: [bool; 3]| {
        soon("they are gone", || [1, 2, 3].map(|key| cache.get(&key).expect("read").is_some()) == expected);
    };
    fill();
    other.remove_prefix(b"removed||1|").expect("removed");
    are([false, true, true]);
    fill();
    other.remove_tagged(b"", &["two"]).expect("removed");
    are([true, false, true]);
    fill();
    other.remove_tagged(b"removed|", &["all"]).expect("removed");
    are([false; 3]);
    fill();
    other.remove_prefix(b"removed|").expect("removed");
    are([false; 3]);
    fill();
    other.remove_prefix(b"").expect("removed");
    are([false; 3]);
    assert!(cache.stats().invalidations > 0);
}

#[test]
fn what_others_replace_is_read_again() {
    let Some(server) = Server::start() else { return };
    let cache = near("replaced", &server.url(""));
    cache.set(1, 10).expect("stored");
    until_in_memory(&cache, 1);
    let key = server.tell("KEYS memo:e:replaced*").texts().concat();
    let (flat, store) = (key.trim_start_matches("memo:e:").as_bytes().to_vec(), elsewhere(&server));
    let old = store.get(&flat).expect("read").expect("it is there");
    cache.set(1, 11).expect("stored");
    until_in_memory(&cache, 1);
    store.set(&flat, memo::backend::Item::new(&old)).expect("stored");
    soon("the other's value", || cache.get(&1).expect("read") == Some(10));
}

static RUNS: AtomicU32 = AtomicU32::new(0);
/// Of the server of one test, which holds that.
static PORT: OnceLock<u16> = OnceLock::new();
static STORES: LazyLock<(Proxy, Numbers)> = LazyLock::new(|| {
    let proxy = Proxy::before(*PORT.get().expect("the server is started"));
    let url = format!("redis://127.0.0.1:{}?pause=1ms&timeout=2s&connect_timeout=2s", proxy.port());
    let cache = near("lost", &url);
    (proxy, cache)
});

#[memoize(cache = STORES.1)]
fn number(key: u32) -> u64 {
    RUNS.fetch_add(1, Ordering::SeqCst);
    fresh() + u64::from(key)
}

#[test]
fn without_a_connection_memory_is_not_used() {
    let Some(server) = Server::start() else { return };
    PORT.set(server.port()).expect("this is the only test that does");
    let (proxy, cache) = &*STORES;
    let first = number(1);
    assert_eq!(
        (number(1), RUNS.load(Ordering::SeqCst)),
        (first, 1),
        "the first value is stored, whether it hears by then or not"
    );
    until_in_memory(cache, 1);
    proxy.set(Weather::Cut);
    // What goes through the connections that are open ends them.
    let other = elsewhere(&server);
    other.remove_prefix(b"lost||1|").expect("removed");
    soon("what was in memory is not given", || number(1) != first);
    let (misses, runs) = (hits_in_memory(cache), RUNS.load(Ordering::SeqCst));
    for _ in 0..5 {
        number(1);
    }
    assert_eq!(RUNS.load(Ordering::SeqCst), runs + 5, "nothing is kept in memory now");
    assert_eq!(hits_in_memory(cache), misses);
    proxy.set(Weather::Fair);
    soon("it is used again", || {
        let before = hits_in_memory(cache);
        number(1);
        number(1);
        hits_in_memory(cache) > before
    });
    let last = number(1);
    other.remove_prefix(b"lost|").expect("removed");
    soon("it hears again", || number(1) != last);
}

#[test]
fn a_server_that_is_started_anew_is_heard_again() {
    let Some(mut server) = Server::start() else { return };
    let cache = near("anew", &server.url("?pause=1ms"));
    cache.set(1, 10).expect("stored");
    until_in_memory(&cache, 1);
    server.kill();
    soon("memory is not used", || cache.get(&1).is_err());
    server.start_again();
    soon("it has lost all", || cache.get(&1).is_ok_and(|found| found.is_none()));
    cache.set(1, 11).expect("stored");
    until_in_memory(&cache, 1);
    elsewhere(&server).remove_prefix(b"anew|").expect("removed");
    soon("it hears", || cache.get(&1).expect("read").is_none());
}
