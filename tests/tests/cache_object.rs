//! Rows 35, 36, 37, 38, 39, 46: the cache object, in memory and in stores.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use memo::{Cache, Policy, SetOptions, clock::TestClock};
use memo_tests::within_20_s;

type Users = Cache<String, u64>;

/// The same test on every kind of place.
macro_rules! everywhere {
    ($($(#[$attr:meta])* fn $name:ident($cache:ident: $type:ty) $body:block)*) => {
        mod in_memory {
            use super::*;
            $($(#[$attr])* #[test] fn $name() {
                let $cache = <$type>::builder(stringify!($name)).build().expect("memory needs nothing");
                $body
            })*
        }
        mod in_a_store {
            use super::*;
            $($(#[$attr])* #[test] fn $name() {
                let url = concat!("memory://object-", stringify!($name));
                let $cache = <$type>::open(stringify!($name), url).expect("memory needs nothing");
                $body
            })*
        }
        mod in_tiers {
            use super::*;
            $($(#[$attr])* #[test] fn $name() {
                let urls = ["memory", concat!("memory://tiers-", stringify!($name), "?codec=json")];
                let $cache = <$type>::builder(stringify!($name)).backends(urls).build().expect("memory needs nothing");
                $body
            })*
        }
    };
}

everywhere! {
    fn values_are_set_read_and_deleted(users: Users) {
        assert_eq!(users.get("ada").expect("a miss"), None);
        assert_eq!(users.get_or("ada", 5).expect("a miss"), 5);
        users.set("ada".to_owned(), 7).expect("set");
        assert_eq!(users.get("ada").expect("a hit"), Some(7));
        assert!(users.contains("ada").expect("there"));
        users.set("ada".to_owned(), 8).expect("set");
        assert_eq!(users.get("ada").expect("a hit"), Some(8));
        assert!(users.delete("ada").expect("there"));
        assert!(!users.delete("ada").expect("gone"));
        assert!(!users.contains("ada").expect("gone"));
        assert_eq!(users.take("ada").expect("gone"), None);
        users.set("bob".to_owned(), 9).expect("set");
        assert_eq!(users.take("bob").expect("there"), Some(9));
        assert_eq!(users.get("bob").expect("gone"), None);
    }

    fn a_stored_none_is_a_value(answers: Cache<(u8, String), Option<u64>>) {
        let key = (1, "x".to_owned());
        answers.set(key.clone(), None).expect("set");
        assert_eq!(answers.get(&key).expect("a hit"), Some(None));
    }

    fn computing_is_one_run(users: Users) {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        within_20_s(move || {
            let before = RUNS.load(Ordering::SeqCst);
            let barrier = Barrier::new(8);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        barrier.wait();
                        let value = users.get_or_compute("ada", || {
                            RUNS.fetch_add(1, Ordering::SeqCst);
                            7
                        });
                        assert_eq!(value.expect("computed"), 7);
                    });
                }
            });
            assert_eq!(RUNS.load(Ordering::SeqCst), before + 1);
            let stats = users.stats();
            assert_eq!((stats.calls(), stats.misses, stats.stores, stats.size), (8, 1, 1, 1));
        });
    }

    fn an_error_is_not_stored(users: Users) {
        #[derive(Debug, PartialEq)]
        struct Failed(String);
        impl From<memo::Error> for Failed {
            fn from(error: memo::Error) -> Self {
                Self(error.to_string())
            }
        }
        let failed = users.try_get_or_compute("ada", || Err(Failed("no".to_owned())));
        assert_eq!(failed, Err(Failed("no".to_owned())));
        assert_eq!(users.try_get_or_compute("ada", || Ok::<_, Failed>(7)), Ok(7));
        assert_eq!(users.try_get_or_compute("ada", || Err(Failed("no".to_owned()))), Ok(7));
    }

    fn a_value_may_yield(users: Users) {
        let clock = TestClock::install();
        let once = || SetOptions::new().if_absent().ttl(10);
        assert!(users.set_with("ada".to_owned(), 1, once()).expect("set"));
        assert!(!users.set_with("ada".to_owned(), 2, once()).expect("not set"));
        assert!(!users.set_with("ada".to_owned(), 2, once().ttl(0)).expect("not set"), "nor removed");
        assert_eq!(users.get("ada").expect("a hit"), Some(1));
        clock.advance(Duration::from_secs(10));
        assert!(users.set_with("ada".to_owned(), 3, once()).expect("the first has expired"));
        assert_eq!(users.get("ada").expect("a hit"), Some(3));
    }

    fn entries_expire_and_are_retimed(users: Users) {
        let clock = TestClock::install();
        users.set_with("ada".to_owned(), 1, SetOptions::new().ttl(10)).expect("set");
        let entry = users.entry("ada").expect("there").expect("there");
        assert!(entry.remaining().is_some_and(|left| left > Duration::from_secs(9) && left <= Duration::from_secs(10)));
        assert!(users.expire_in("ada", 100).expect("there"));
        clock.advance(Duration::from_secs(99));
        assert_eq!(users.get("ada").expect("a hit"), Some(1));
        clock.advance(Duration::from_secs(1));
        assert_eq!(users.get("ada").expect("expired"), None);
        assert!(!users.expire_in("ada", 100).expect("gone"));
        users.set_with("ada".to_owned(), 2, SetOptions::new().ttl(10)).expect("set");
        assert!(users.persist("ada").expect("there"));
        clock.advance(Duration::from_secs(1000));
        assert_eq!(users.get("ada").expect("a hit"), Some(2));
        assert_eq!(users.entry("ada").expect("there").expect("there").expires_at(), None);
        assert!(users.expire_in("ada", 0).expect("there"), "zero expires now, not never");
        assert_eq!(users.get("ada").expect("expired"), None);
        users.set("ada".to_owned(), 3).expect("set");
        assert!(users.expire_at("ada", SystemTime::UNIX_EPOCH).expect("there"));
        assert_eq!(users.get("ada").expect("expired"), None);
    }

    fn setting_anew_sets_the_end_anew(users: Users) {
        let clock = TestClock::install();
        users.set_with("ada".to_owned(), 1, SetOptions::new().ttl(10)).expect("set");
        users.set("ada".to_owned(), 2).expect("set");
        clock.advance(Duration::from_secs(1000));
        assert_eq!(users.get("ada").expect("a hit"), Some(2));
    }

    fn batches_keep_their_order(users: Users) {
        users.set_many(["a", "b", "c"].map(|name| (name.to_owned(), name.len() as u64 + 1))).expect("set");
        let found = users.get_many(["c", "x", "a"]).expect("read");
        assert_eq!(found, [Some(2), None, Some(2)]);
        assert_eq!(users.get_many(Vec::<&str>::new()).expect("read"), Vec::<Option<u64>>::new());
        assert_eq!(users.delete_many(["a", "x"]).expect("removed"), 1);
        assert_eq!(users.len().expect("counted"), 2);
    }

    fn it_is_used_like_a_map(users: Users) {
        assert!(users.is_empty().expect("counted"));
        for n in 0..20 {
            users.set(format!("user|{n}"), n).expect("set");
        }
        let mut keys: Vec<_> = users.keys().expect("enumerated").collect();
        keys.sort_by_key(String::len);
        assert_eq!((keys.len(), keys[0].as_str().len()), (20, 6));
        assert_eq!(users.values().expect("enumerated").sum::<u64>(), 190);
        assert_eq!(users.retain(|_, value| value % 2 == 0).expect("removed"), 10);
        assert_eq!(users.iter().expect("enumerated").filter(|(_, value)| value % 2 == 1).count(), 0);
        assert_eq!(users.clear().expect("cleared"), 10);
        assert_eq!(users.iter().expect("enumerated").count(), 0);
    }

    fn entries_leave_by_their_tags(users: Users) {
        users.set_with("a".to_owned(), 1, SetOptions::new().tag("x").tag("y")).expect("set");
        users.set_with("b".to_owned(), 2, SetOptions::new().tags(["y"])).expect("set");
        users.set("c".to_owned(), 3).expect("set");
        assert_eq!(users.clear_tag("z").expect("cleared"), 0);
        assert_eq!(users.clear_tag("x").expect("cleared"), 1);
        assert_eq!(users.get_many(["a", "b", "c"]).expect("read"), [None, Some(2), Some(3)]);
        assert_eq!(users.clear_tag("y").expect("cleared"), 1);
    }

    fn what_has_expired_is_purged(users: Users) {
        let clock = TestClock::install();
        users.set_with("a".to_owned(), 1, SetOptions::new().ttl(1)).expect("set");
        users.set("b".to_owned(), 2).expect("set");
        clock.advance(Duration::from_secs(2));
        assert!(users.purge_expired().expect("purged") >= 1);
        assert_eq!(users.len().expect("counted"), 1);
    }

    fn a_deletion_outlives_a_computation(users: Users) {
        let users = Arc::new(users);
        let inner = users.clone();
        let value = users.get_or_compute("ada", || {
            inner.delete("ada").expect("not there");
            7
        });
        assert_eq!(value.expect("computed"), 7);
        assert_eq!(users.get("ada").expect("not stored"), None);
    }
}

#[test]
fn a_loader_computes_what_is_not_there() {
    let lengths = Cache::<String, usize>::builder("lengths").loader(String::len).build().expect("builds");
    assert_eq!(lengths.load("four").expect("loads"), 4);
    assert_eq!(lengths.stats().misses, 1);
    assert_eq!(lengths.load("four").expect("hits"), 4);
    assert_eq!(lengths.stats().misses, 1);
    let without = Cache::<u8, u8>::builder("without").build().expect("builds");
    assert!(without.load(&1).expect_err("there is none").to_string().contains("no loader"));
}

#[test]
fn bounds_hold() {
    let small = Cache::<u64, u64>::builder("small").max_entries(3).policy(Policy::Lru).build().expect("builds");
    for n in 0..10 {
        small.set(n, n).expect("set");
        small.get(&0).expect("read");
    }
    assert_eq!(small.len().expect("counted"), 3);
    assert_eq!(small.get(&0).expect("read"), Some(0), "it was used all the time");
    let light =
        Cache::<u64, String>::builder("light").max_weight(10, |_, value| value.len() as u64).build().expect("builds");
    for n in 0..10 {
        light.set(n, "four".to_owned()).expect("set");
    }
    assert_eq!((light.len().expect("counted"), light.stats().weight), (2, 8));
}

#[test]
fn wrong_ways_to_make_one() {
    for name in ["", "a/b", "..", "a\\b", "a|b", "a\nb"] {
        let error = Cache::<u8, u8>::builder(name).build().expect_err(name);
        assert!(error.is_config() && error.to_string().contains("name of a cache"), "{error}");
    }
    let error = Cache::<u8, u8>::builder("none").max_entries(0).build().expect_err("a bound of 0");
    assert!(error.to_string().contains("bound of 0"), "{error}");
    for (url, said) in
        [("cache.db", "scheme://"), ("memory://?codec=yaml", "yaml"), ("memory://?ttl=soon", "a duration")]
    {
        let error = Cache::<u8, u8>::open("wrong", url).expect_err(url);
        assert!(error.is_config() && error.to_string().contains(said), "{url}: {error}");
    }
}

#[test]
fn names_are_namespaces() {
    let url = "memory://names";
    let one = Cache::<u8, u8>::open("one", url).expect("opens");
    let same = Cache::<u8, u8>::open("one", url).expect("opens");
    let other = Cache::<u8, u8>::open("other", url).expect("opens");
    one.set(1, 1).expect("set");
    assert_eq!((same.get(&1).expect("read"), other.get(&1).expect("read")), (Some(1), None));
    other.set(1, 2).expect("set");
    assert_eq!(one.clear().expect("cleared"), 1);
    assert_eq!(other.get(&1).expect("read"), Some(2));
    // Another type of values under the name is another version: neither reads what it can't.
    let typed = Cache::<u8, String>::open("other", url).expect("opens");
    assert_eq!(typed.get(&1).expect("read"), None);
}

#[tokio::test]
async fn tasks_have_the_same_operations() {
    let users: memo::aio::Cache<String, u64> =
        Cache::builder("tasks").backends(["memory", "memory://object-tasks"]).build().expect("builds").into();
    assert_eq!(users.get("ada").await.expect("a miss"), None);
    assert_eq!(users.get_or_compute("ada", async { 7 }).await.expect("computed"), 7);
    assert_eq!(users.get_or_compute("ada", async { 8 }).await.expect("a hit"), 7);
    let failed = users.try_get_or_compute("bob", async { Err(memo::Error::unavailable("no")) }).await;
    assert!(failed.is_err());
    assert!(users.expire_in("ada", 1_000_000).await.expect("there"));
    assert!(users.persist("ada").await.expect("there"));
    assert_eq!(users.entries().await.expect("enumerated"), [("ada".to_owned(), 7)]);
    assert_eq!(users.take("ada").await.expect("there"), Some(7));
    assert!(users.is_empty().await.expect("counted"));
    let task = tokio::spawn(async move { users.get("ada").await });
    assert_eq!(task.await.expect("no panic").expect("read"), None);
}

#[test]
fn a_cache_begins_with_entries() {
    let entries = || (1..=3).map(|n| (n, n * n));
    for builder in [Cache::<u64, u64>::builder("squares"), Cache::builder("squares").backend("memory://squares")] {
        let squares = builder.build_from(entries()).expect("memory needs nothing");
        let mut all: Vec<_> = squares.iter().expect("memory enumerates").collect();
        all.sort_unstable();
        assert_eq!(all, entries().collect::<Vec<_>>());
    }
    let wrong = Cache::builder("a/b").build_from(entries());
    assert!(wrong.is_err_and(|error| error.is_config()));
}
