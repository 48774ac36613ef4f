//! Rows 35, 36; promises 3, 7: several keys of a cache at once are one question to each store, and one change of it.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use memo::{
    Cache, Error, SetOptions, Tier,
    backend::{Backend, Capabilities, Item, Memory, register_backend},
    clock::TestClock,
};
use memo_tests::within_20_s;

type Users = Cache<String, u64>;

fn entries<const N: usize>(names: [&str; N]) -> [(String, u64); N] {
    names.map(|name| (name.to_owned(), name.len() as u64))
}

/// How often one of the stores was asked, and how.
#[derive(Default)]
struct Counted {
    store: Memory,
    single: AtomicU32,
    batches: AtomicU32,
    can_count: bool,
}

impl Counted {
    fn single(&self) -> &Memory {
        self.single.fetch_add(1, Ordering::Relaxed);
        &self.store
    }

    fn batch(&self) -> &Memory {
        self.batches.fetch_add(1, Ordering::Relaxed);
        &self.store
    }

    /// Operations on one entry and on several since this was asked last.
    fn asked(&self) -> (u32, u32) {
        (self.single.swap(0, Ordering::Relaxed), self.batches.swap(0, Ordering::Relaxed))
    }
}

/// One that tests share with the factory of a scheme.
struct Shared(Arc<Counted>);

impl Backend for Shared {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { count: self.0.can_count, ..Capabilities::default() }
    }

    fn count(&self, prefix: &[u8]) -> Result<u64, Error> {
        if self.0.can_count { self.0.single().count(prefix) } else { Err(Error::unsupported("count")) }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.0.single().get(key)
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        self.0.single().set(key, item)
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        self.0.single().remove(key)
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.0.single().remove_prefix(prefix)
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.0.batch().get_many(keys)
    }

    fn set_many(&self, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        self.0.batch().set_many(items)
    }

    fn remove_prefixes(&self, prefixes: &[&[u8]]) -> Result<Vec<u64>, Error> {
        self.0.batch().remove_prefixes(prefixes)
    }
}

/// A store that counts, under a scheme of its own.
fn counted(scheme: &str) -> Arc<Counted> {
    under(scheme, Counted { can_count: true, ..Counted::default() })
}

fn under(scheme: &str, counted: Counted) -> Arc<Counted> {
    let counted = Arc::new(counted);
    let shared = counted.clone();
    register_backend(scheme, move |_| Ok(Arc::new(Shared(shared.clone())))).expect("it is new");
    counted
}

#[test]
fn a_batch_is_one_question() {
    let counted = counted("one-question");
    let users = Users::open("users", "one-question://x").expect("opens");
    users.set_many(entries(["a", "bb", "ccc"])).expect("set");
    assert_eq!(counted.asked(), (0, 1));
    assert_eq!(users.get_many(["ccc", "x", "a"]).expect("read"), [Some(3), None, Some(1)]);
    assert_eq!(counted.asked(), (0, 1));
    assert_eq!(users.delete_many(["a", "x", "ccc"]).expect("removed"), 2);
    assert_eq!(counted.asked(), (0, 1));
    assert_eq!(users.get_many_or(["ccc", "bb"], 9).expect("read"), [9, 2]);
    let stats = users.stats();
    assert_eq!((stats.hits, stats.misses), (3, 2), "each key counts");
}

#[test]
fn an_empty_batch_asks_nothing() {
    let counted = counted("empty-batch");
    let users = Users::open("users", "empty-batch://x").expect("opens");
    users.set_many([]).expect("nothing to do");
    assert_eq!(users.set_many_with([]).expect("nothing to do"), [false; 0]);
    assert_eq!(users.get_many([""; 0]).expect("nothing to do"), [None; 0]);
    assert_eq!(users.delete_many([""; 0]).expect("nothing to do"), 0);
    assert_eq!(counted.asked(), (0, 0));
}

#[test]
fn memory_answers_first_and_is_filled() {
    let counted = counted("in-front");
    let tiers = ["memory", "in-front://x"];
    let users = Users::builder("users").backends(tiers).build().expect("builds");
    users.set_many(entries(["a", "bb"])).expect("set");
    counted.asked();
    assert_eq!(users.get_many(["a", "bb"]).expect("read"), [Some(1), Some(2)]);
    assert_eq!(counted.asked(), (0, 0), "memory has both");
    let fresh = Users::builder("users").backends(tiers).build().expect("builds");
    assert_eq!(fresh.get("bb").expect("read"), Some(2));
    counted.asked();
    assert_eq!(fresh.get_many(["a", "bb", "x"]).expect("read"), [Some(1), Some(2), None]);
    assert_eq!(counted.asked(), (0, 1), "the rest comes in one question");
    assert_eq!(fresh.get_many(["a", "bb"]).expect("read"), [Some(1), Some(2)]);
    assert_eq!(counted.asked(), (0, 0), "it was copied into memory");
    assert_eq!(fresh.stats().hits, 5);
}

#[test]
fn what_a_later_tier_has_is_carried_up_in_one_batch() {
    let (near, far) = (counted("near-tier"), counted("far-tier"));
    let behind = Users::open("users", "far-tier://x").expect("opens");
    behind.set_many(entries(["a", "bb", "ccc"])).expect("set");
    let both = Users::builder("users").backends(["near-tier://x", "far-tier://x"]).build().expect("builds");
    both.set("a".to_owned(), 7).expect("set");
    near.asked();
    far.asked();
    assert_eq!(both.get_many(["a", "bb", "ccc", "x"]).expect("read"), [Some(7), Some(2), Some(3), None]);
    assert_eq!((near.asked(), far.asked()), ((0, 2), (0, 1)));
    assert_eq!(both.get_many(["ccc", "bb"]).expect("read"), [Some(3), Some(2)]);
    assert_eq!((near.asked(), far.asked()), ((0, 1), (0, 0)));
}

#[test]
fn damaged_entries_of_a_batch_are_misses() {
    let counted = under("damaged", Counted::default());
    let users = Users::open("users", "damaged://x").expect("opens");
    users.set_many(entries(["a", "bb"])).expect("set");
    let mut keys = Vec::new();
    counted
        .store
        .scan(b"users|", &mut |key, _| {
            keys.push(key.to_vec());
            std::ops::ControlFlow::Continue(())
        })
        .expect("scanned");
    let damaged = keys.iter().find(|key| key.starts_with(b"users||\"a\"")).expect("it is there");
    counted.store.set(damaged, Item::new(b"nonsense")).expect("set");
    assert_eq!(users.get_many(["a", "bb"]).expect("read"), [None, Some(2)]);
    assert_eq!(users.len().err().map(|error| error.is_unsupported()), Some(true), "this store can't count");
    assert_eq!(counted.store.count(b"users|").expect("counted"), 1, "what does not verify is removed");
}

/// On every kind of place.
fn terms_are_those_of_each_value(users: &Users) {
    let clock = TestClock::install();
    users.set("old".to_owned(), 1).expect("set");
    let new = SetOptions::new;
    let changed = users.set_many_with([
        ("short".to_owned(), 2, new().ttl(10)),
        ("long".to_owned(), 3, new().tag("t")),
        ("old".to_owned(), 4, new().if_absent()),
        ("new".to_owned(), 5, new().if_absent()),
        ("new".to_owned(), 6, new().if_absent()),
        ("long".to_owned(), 7, new().tag("t")),
    ]);
    assert_eq!(changed.expect("set"), [true, true, false, true, false, true]);
    let names = ["short", "long", "old", "new"];
    assert_eq!(users.get_many(names).expect("read"), [Some(2), Some(7), Some(1), Some(5)]);
    clock.advance(Duration::from_secs(11));
    assert_eq!(users.get_many(names).expect("read"), [None, Some(7), Some(1), Some(5)]);
    assert_eq!(users.clear_tag("t").expect("cleared"), 1);
    let over = [("old".to_owned(), 8, new().ttl(0)), ("new".to_owned(), 9, new().ttl(0).if_absent())];
    users.set_many_with(over).expect("set");
    assert_eq!(
        users.get_many(names).expect("read"),
        [None, None, None, Some(5)],
        "a zero ttl removes what it replaces"
    );
}

#[test]
fn terms_are_those_of_each_value_in_memory() {
    terms_are_those_of_each_value(&Users::builder("terms").build().expect("builds"));
}

#[test]
fn terms_are_those_of_each_value_in_stores() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |scheme: &str| format!("{scheme}://{}/{scheme}", dir.path().display());
    for scheme in ["sqlite", "lmdb", "file"] {
        terms_are_those_of_each_value(&Users::open("terms", at(scheme)).expect("opens"));
    }
    let tiers = ["memory".to_owned(), "memory://terms".to_owned(), at("sqlite")];
    terms_are_those_of_each_value(&Users::builder("tiers").backends(tiers).build().expect("builds"));
}

#[test]
fn sqlite_takes_a_batch_as_a_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("cache.db");
    let users = Users::builder("users")
        .backends(["memory".to_owned(), format!("sqlite://{}", path.display())])
        .build()
        .expect("builds");
    users.set("a".to_owned(), 0).expect("set");
    let other = rusqlite::Connection::open(&path).expect("opens");
    let refuse = |when: &str, row: &str| {
        let sql = format!(
            "CREATE TRIGGER refused BEFORE {when} ON memo_entries WHEN instr(CAST({row}.key AS TEXT), 'poison') BEGIN SELECT RAISE(ABORT, 'refused'); END"
        );
        other.execute_batch(&sql).expect("the table is there");
    };
    refuse("INSERT", "new");
    let error = users.set_many(entries(["a", "bb", "poison", "ccc"])).expect_err("one is refused");
    assert!(error.to_string().contains("refused"), "{error}");
    other.execute_batch("DROP TRIGGER refused").expect("dropped");
    let names = ["a", "bb", "poison", "ccc"];
    assert_eq!(users.get_many(names).expect("read"), [Some(0), None, None, None], "none was stored");
    users.set_many(entries(names)).expect("set");
    refuse("DELETE", "old");
    // By the store itself: what a cache could not remove, it tries again at once, one after the other.
    let store = memo::backend(&format!("sqlite://{}", path.display())).expect("opens");
    let mut keys = Vec::new();
    let mut see = |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        ControlFlow::Continue(())
    };
    store.scan(b"", &mut see).expect("scanned");
    assert_eq!(keys.len(), 4);
    store.remove_many(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>()).expect_err("one is refused");
    other.execute_batch("DROP TRIGGER refused").expect("dropped");
    assert_eq!(users.len().expect("counted"), 4, "none was removed");
    assert_eq!(users.delete_many(names).expect("removed"), 4);
}

#[test]
fn lmdb_takes_a_batch_as_a_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = format!("lmdb://{}?sync=off&map_size=64KiB&max_map_size=1MiB", dir.path().display());
    let texts = Cache::<u32, String>::open("texts", url).expect("opens");
    texts.set(0, "there".to_owned()).expect("set");
    let error = texts.set_many((0..1000).map(|n| (n, "x".repeat(3000)))).expect_err("it is too small");
    assert!(error.is_unavailable(), "{error}");
    assert_eq!(texts.len().expect("counted"), 1, "none was stored");
    assert_eq!(texts.get(&0).expect("read").as_deref(), Some("there"));
    texts.set_many((0..100).map(|n| (n, "y".repeat(3000)))).expect("set");
    assert_eq!(texts.delete_many(&(50..150).collect::<Vec<_>>()).expect("removed"), 50);
    assert_eq!(texts.len().expect("counted"), 50);
}

#[test]
fn a_value_that_cannot_be_encoded_keeps_the_batch_from_being_stored() {
    let floats = Cache::<u8, f64>::open("floats", "memory://floats?codec=json").expect("opens");
    let error = floats.set_many([(1, 1.0), (2, f64::NAN)]).expect_err("JSON has no NaN");
    assert!(error.to_string().contains("NaN"), "{error}");
    assert_eq!(floats.len().expect("counted"), 0);
}

#[test]
fn a_store_that_is_down_fails_a_batch_unless_the_cache_is_silent() {
    register_backend("down", |_| Err(Error::unavailable("nobody answers"))).expect("it is new");
    let users = Users::open("users", "down://x").expect("opened when it is used");
    assert!(users.get_many(["a"]).expect_err("down").is_unavailable());
    assert!(users.set_many(entries(["a"])).expect_err("down").is_unavailable());
    assert!(users.delete_many(["a"]).expect_err("down").is_unavailable());
    let tiers = ["memory", "down://x"];
    let silent = Users::builder("users").backends(tiers).silent().build().expect("builds");
    assert_eq!(silent.get_many(["a", "b"]).expect("silent"), [None, None]);
    silent.set_many(entries(["a", "b"])).expect("silent");
    assert_eq!(silent.delete_many(["a", "b"]).expect("silent"), 0);
    assert_eq!((silent.stats().errors, silent.stats().misses), (3, 2));
}

#[test]
fn all_versions_of_an_entry_are_deleted() {
    let numbers = Cache::<u8, u8>::open("versions", "memory://versions").expect("opens");
    let texts = Cache::<u8, String>::open("versions", "memory://versions").expect("opens");
    numbers.set_many([(1, 1), (2, 2), (3, 3)]).expect("set");
    texts.set_many([(1, String::new()), (2, String::new())]).expect("set");
    assert_eq!(texts.delete_many(&[1, 3, 4]).expect("removed"), 2);
    assert_eq!(numbers.get_many(&[1, 2, 3]).expect("read"), [None, Some(2), None]);
}

#[test]
fn a_deletion_outlives_a_computation() {
    for tiers in [vec!["memory"], vec!["memory", "memory://outlives"], vec!["memory://outlives-alone"]] {
        let users = Users::builder("outlives").backends(tiers).build().expect("builds");
        let computed = users.get_or_compute("ada", || {
            users.delete_many(["bob", "ada"]).expect("not there");
            7
        });
        assert_eq!(computed.expect("computed"), 7);
        assert_eq!(users.get_many(["ada"]).expect("read"), [None]);
        let computed = users.get_or_compute("ada", || {
            users.set_many(entries(["ada", "bob"])).expect("set");
            7
        });
        assert_eq!(computed.expect("computed"), 7);
        assert_eq!(users.get_many(["ada"]).expect("read"), [Some(3)], "what was set meanwhile stays");
    }
}

#[test]
fn objects_of_one_name_see_what_the_others_change() {
    let open = || {
        let tiers = ["memory", "memory://siblings"];
        Cache::<u8, u8>::builder("siblings").backends(tiers).build().expect("builds")
    };
    let (one, other) = (open(), open());
    let see = |key| (one.get(key).expect("read"), other.get(key).expect("read"));
    one.set(1, 10).expect("set");
    assert_eq!(see(&1), (Some(10), Some(10)));
    other.set(1, 11).expect("set");
    assert_eq!(see(&1), (Some(11), Some(11)));
    one.set_many([(1, 12), (2, 20)]).expect("set");
    assert_eq!((see(&1), see(&2)), ((Some(12), Some(12)), (Some(20), Some(20))));
    other.expire_in(&2, Duration::ZERO).expect("retimed");
    assert!(one.delete(&1).expect("removed"));
    assert_eq!((see(&1), see(&2)), ((None, None), (None, None)));
    one.set_many([(1, 12), (2, 20)]).expect("set");
    assert_eq!((see(&1), see(&2)), ((Some(12), Some(12)), (Some(20), Some(20))));
    assert_eq!(other.delete_many(&[1]).expect("removed"), 1);
    assert_eq!(see(&1), (None, None));
    one.clear().expect("cleared");
    assert_eq!(see(&2), (None, None));
    assert_eq!(one.get_or_compute(&2, || 21).expect("computed"), 21);
    assert_eq!(see(&2), (Some(21), Some(21)));
    let overwritten = memo::overwrite_cache!(other.get_or_compute(&2, || 22));
    assert_eq!((overwritten.expect("computed"), see(&2)), (22, (Some(22), Some(22))));
    let computed = one.get_or_compute(&3, || {
        other.delete(&3).expect("not there");
        30
    });
    assert_eq!((computed.expect("computed"), see(&3)), (30, (None, None)), "what is deleted meanwhile is not stored");
}

#[test]
fn batches_in_any_order_and_clears_do_not_block_each_other() {
    within_20_s(|| {
        let tiers = ["memory", "memory://crowd"];
        let numbers = Cache::<u64, u64>::builder("crowd").backends(tiers).build().expect("builds");
        thread::scope(|scope| {
            for worker in 0..4 {
                let numbers = &numbers;
                scope.spawn(move || {
                    for round in 0..100 {
                        let keys: Vec<u64> = (0..50).map(|n| (n * (2 * worker + 1) + round) % 64).collect();
                        match (round + worker) % 4 {
                            0 => numbers.set_many(keys.iter().map(|key| (*key, key * 2))).expect("set"),
                            1 => drop(numbers.delete_many(&keys).expect("removed")),
                            2 => drop(numbers.clear().expect("cleared")),
                            _ => {
                                let found = numbers.get_many(&keys).expect("read");
                                let right =
                                    |(key, value): (&u64, Option<u64>)| value.is_none_or(|value| value == key * 2);
                                assert!(keys.iter().zip(found).all(right));
                            }
                        }
                    }
                });
            }
        });
    });
}

#[test]
fn values_of_a_batch_yield_to_memory_if_the_store_has_lost_what_is_there() {
    let store = Arc::new(Memory::new());
    let users = Users::builder("small").tier("memory").tier(Tier::of(store.clone())).build().expect("builds");
    let stored = Users::builder("small").tier(Tier::of(store.clone())).build().expect("builds");
    users.set_many(entries(["a", "bb"])).expect("set");
    assert_eq!(store.remove_prefix(b"small||\"a\"").expect("removes"), 1);
    let once = || SetOptions::new().if_absent();
    let single = [("a".to_owned(), 9, once())];
    assert_eq!(users.set_many_with(single).expect("set"), [false], "as it is for one value");
    assert!(!users.set_with("a".to_owned(), 9, once()).expect("set"));
    assert_eq!(stored.get("a").expect("read"), None);
    let several = [("a".to_owned(), 9, once()), ("ccc".to_owned(), 3, once())];
    assert_eq!(users.set_many_with(several).expect("set"), [false, true]);
    assert_eq!(users.get_many(["a", "ccc"]).expect("read"), [Some(1), Some(3)]);
    assert_eq!(stored.get_many(["a", "ccc"]).expect("read"), [None, Some(3)]);
    let removed_first = [("a".to_owned(), 8, SetOptions::new().ttl(0)), ("a".to_owned(), 9, once())];
    assert_eq!(users.set_many_with(removed_first).expect("set"), [true, true]);
    assert_eq!((users.get("a").expect("read"), stored.get("a").expect("read")), (Some(9), Some(9)));
}

#[tokio::test]
async fn tasks_have_batches() {
    let users: memo::aio::Cache<String, u64> =
        Users::builder("tasks").backends(["memory", "memory://batches-of-tasks"]).build().expect("builds").into();
    let task = tokio::spawn(async move {
        users.set_many(entries(["a", "bb"])).await?;
        let once = SetOptions::new().if_absent();
        assert_eq!(users.set_many_with([("a".to_owned(), 9, once)]).await?, [false]);
        assert_eq!(users.get_many(["bb", "x", "a"]).await?, [Some(2), None, Some(1)]);
        assert_eq!(users.get_many_or(["x", "a"], 5).await?, [5, 1]);
        assert_eq!(users.delete_many(["a", "x"]).await?, 1);
        users.len().await
    });
    assert_eq!(task.await.expect("no panic").expect("reachable"), 1);
}
