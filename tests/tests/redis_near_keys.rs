//! Row 55; promise 10, across processes: whichever way an entry comes into memory in front of Redis, what others change is heard.

use std::{
    sync::{
        LazyLock, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use memo::{Cache, memoize, overwrite_cache};
use memo_tests::{faults::Ended, fresh, servers::redis::Server, soon};
use serde::{Deserialize, Serialize};

type Numbers = Cache<u32, u64>;

static URL: OnceLock<String> = OnceLock::new();
static NUMBERS: LazyLock<Numbers> = LazyLock::new(|| near("ways", URL.get().expect("a server")));

fn near(name: &str, url: &str) -> Numbers {
    Cache::builder(name).tier("memory").tier(url).build().expect("builds")
}

/// As another process has it: without memory, under an URL of its own, so that it shares no connection.
fn elsewhere(name: &str, server: &Server) -> Numbers {
    Cache::builder(name).tier(server.url("?timeout=9s").as_str()).build().expect("builds")
}

#[memoize(cache = NUMBERS)]
fn number(key: u32) -> u64 {
    fresh() + u64::from(key)
}

fn is_in_memory(cache: &Numbers, key: u32) -> bool {
    let before = cache.stats().tiers[0].hits;
    cache.get(&key).expect("read").is_some() && cache.stats().tiers[0].hits > before
}

/// A way into memory of an entry that another has stored.
type Way = fn(&Numbers, u32);

#[test]
fn whichever_way_it_comes_into_memory_it_is_heard_of() {
    let Some(server) = Server::start() else { return };
    URL.get_or_init(|| server.url(""));
    let (cache, other) = (&*NUMBERS, elsewhere("ways", &server));
    other.set(0, 0).expect("stored");
    soon("memory is used", || is_in_memory(cache, 0));
    let ways: [(&str, Way); 5] = [
        ("a hit of a call", |_, key| drop(number(key).to_string())),
        ("a call that overwrites", |_, key| drop(overwrite_cache!(number(key)).to_string())),
        ("a set", |cache, key| cache.set(key, 7).expect("stored")),
        ("a batch that is set", |cache, key| cache.set_many([(key, 7)]).expect("stored")),
        ("a batch that is read", |cache, key| drop(cache.get_many([&key]).expect("read"))),
    ];
    for (key, (what, way)) in (1..).zip(ways) {
        other.set(key, 5).expect("stored");
        // What is told comes in its order: once this is heard, nothing of the key is on its way.
        other.set(0, key.into()).expect("stored");
        soon("it is heard", || cache.get(&0).expect("read") == Some(key.into()));
        way(cache, key);
        assert!(is_in_memory(cache, key), "{what}");
        assert!(other.delete(&key).expect("removed"), "{what}");
        soon(what, || cache.get(&key).expect("read").is_none());
    }
}

#[test]
fn who_reads_batches_alone_hears_too() {
    let Some(server) = Server::start() else { return };
    let (cache, other) = (near("batches", &server.url("")), elsewhere("batches", &server));
    other.set(1, 5).expect("stored");
    let is_read_from_memory = || {
        let before = cache.stats().tiers[0].hits;
        cache.get_many([&1]).expect("read") == [Some(5)] && cache.stats().tiers[0].hits > before
    };
    soon("memory is used", is_read_from_memory);
    assert!(other.delete(&1).expect("removed"));
    soon("it is gone", || cache.get_many([&1]).expect("read") == [None]);
}

static ARMED: AtomicBool = AtomicBool::new(false);

/// Its drop panics, if it is armed, where others are heard.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        let is_heard = thread::current().name() == Some("memo-net");
        assert!(!(is_heard && ARMED.swap(false, Ordering::SeqCst)), "it goes off");
    }
}

#[test]
fn who_hears_survives_the_drop_of_a_value_that_panics() {
    let Some(server) = Server::start() else { return };
    let built = |url: String, has_memory: bool| {
        let builder = Cache::<u32, Bomb>::builder("bombs");
        let builder = if has_memory { builder.tier("memory") } else { builder };
        builder.tier(url.as_str()).build().expect("builds")
    };
    let (cache, other) = (built(server.url(""), true), built(server.url("?timeout=9s"), false));
    let is_here = |key| {
        let before = cache.stats().tiers[0].hits;
        cache.get(&key).expect("read").is_some() && cache.stats().tiers[0].hits > before
    };
    for (key, is_armed) in [(1, true), (2, false)] {
        other.set(key, Bomb(key)).expect("stored");
        soon("it comes into memory", || is_here(key));
        ARMED.store(is_armed, Ordering::SeqCst);
        assert!(other.delete(&key).expect("removed"));
        soon("it is gone", || cache.get(&key).expect("read").is_none());
        assert!(!ARMED.load(Ordering::SeqCst), "it went off");
    }
}

#[test]
fn of_many_keys_those_in_memory_stay_known() {
    let Some(server) = Server::start() else { return };
    let (cache, other) = (near("many", &server.url("")), elsewhere("many", &server));
    cache.set(0, 5).expect("stored");
    soon("memory is used", || cache.get(&0).expect("read").is_some() && is_in_memory(&cache, 0));
    // More than are kept of what did not come into memory.
    for key in 1..6000 {
        assert_eq!(cache.get(&key).expect("read"), None);
    }
    assert!(is_in_memory(&cache, 0), "it is still there");
    assert!(other.delete(&0).expect("removed"));
    soon("it is gone", || cache.get(&0).expect("read").is_none());
}

#[test]
fn what_is_removed_while_memory_begins_to_hear_is_not_kept() {
    let Some(server) = Server::start() else { return };
    let url = server.url("");
    // The connection that tells is there, and the others join it.
    let first = near("first", &url);
    first.set(0, 5).expect("stored");
    soon("it hears", || is_in_memory(&first, 0));
    for round in 0..40 {
        let name = format!("joins {round}");
        let (cache, other) = (near(&name, &url), elsewhere(&name, &server));
        other.set(1, 5).expect("stored");
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    cache.get(&1).expect("read");
                }
            });
            let _ended = Ended(&done);
            // At another time each round.
            (0..round * 10).for_each(|_| thread::yield_now());
            assert!(other.delete(&1).expect("removed"));
        });
        soon("it is gone", || cache.get(&1).expect("read").is_none());
    }
}
