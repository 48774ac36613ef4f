//! Rows 16, 17, 38; promise 3: what acts on everything reaches live cache objects, too.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use memo::{Cache, Clear, SetOptions, clock::TestClock, memoize};
use memo_tests::within_20_s;

type Users = Cache<String, u64>;

/// These tests act on everything there is in the process: one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn users(tiers: &[&str]) -> Users {
    Users::builder("users").backends(tiers.iter().copied()).build().expect("builds")
}

fn tagged(users: &Users, name: &str, tags: &[&str]) {
    users.set_with(name.to_owned(), 1, SetOptions::new().tags(tags.iter().copied())).expect("set");
}

/// The names of those that are left.
fn left<'a>(users: &Users, names: &[&'a str]) -> Vec<&'a str> {
    names.iter().copied().filter(|name| users.contains(*name).expect("read")).collect()
}

#[test]
fn tags_are_cleared_in_every_object() {
    #[memoize(tags = [format!("n:{n}")])]
    fn number(n: u32) -> u32 {
        n
    }
    let _alone = alone();
    let in_memory = Users::builder("in-memory").build().expect("builds");
    let in_tiers = users(&["memory", "memory://tagged"]);
    for cache in [&in_memory, &in_tiers] {
        tagged(cache, "a", &["n:7", "x"]);
        tagged(cache, "b", &["n:7"]);
        tagged(cache, "c", &["x"]);
    }
    number(7);
    assert_eq!(memo::clear_tag("n:8").expect("cleared").removed(), 0);
    assert_eq!(Clear::new().tag("n:7").tag("x").run().expect("cleared").removed(), 2);
    assert_eq!(memo::clear_tag("n:7").expect("cleared").removed(), 3);
    for cache in [&in_memory, &in_tiers] {
        assert_eq!(left(cache, &["a", "b", "c"]), ["c"]);
    }
}

#[test]
fn objects_of_one_name_and_store_are_one() {
    let _alone = alone();
    let tiers = ["memory", "memory://one"];
    let (one, same, other) = (users(&tiers), users(&tiers), users(&["memory", "memory://another"]));
    tagged(&one, "a", &["t"]);
    tagged(&one, "b", &["t"]);
    assert_eq!(left(&same, &["a", "b"]), ["a", "b"]);
    assert_eq!(same.get("a").expect("read"), Some(1), "now it is in the memory of both");
    tagged(&other, "a", &["t"]);
    let infos = || memo::functions().into_iter().filter(|info| info.name == "users").collect::<Vec<_>>();
    assert_eq!(infos().iter().map(|info| info.size).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(infos()[0].hits, 1, "their numbers are summed");
    assert_eq!(memo::clear_tag("t").expect("cleared").removed(), 3, "each entry is counted once");
    assert_eq!((one.get("a").expect("read"), same.get("a").expect("read")), (None, None), "in every memory");
    drop(other);
    assert_eq!(infos().len(), 1);
}

#[test]
fn objects_are_selected_by_backend_and_ttl_but_not_by_crate() {
    let _alone = alone();
    let short = Users::builder("short").ttl(77).build().expect("builds");
    let stored = Users::builder("stored").backend("memory://x").ttl(Duration::from_secs(77)).build().expect("builds");
    let dir = tempfile::tempdir().expect("a directory");
    let in_file = Users::open("on disk", format!("file://{}/x", dir.path().display())).expect("opens");
    let all = [&short, &stored, &in_file];
    for cache in &all {
        tagged(cache, "a", &["t"]);
    }
    let here = Clear::new().crate_name("cache_registry").tag("t").run().expect("cleared");
    assert_eq!(here.removed(), 0, "objects belong to no crate");
    assert_eq!(Clear::new().backend("file").run().expect("cleared").removed(), 1);
    assert_eq!(all.map(|cache| left(cache, &["a"]).len()), [1, 1, 0]);
    assert_eq!(Clear::new().ttl(78).run().expect("cleared").removed(), 0);
    assert_eq!(Clear::new().ttl(77).tag("t").run().expect("cleared").removed(), 2);
    drop(in_file);
    let error = Clear::new().backend("file").run().expect_err("nobody uses it any more");
    assert!(error.to_string().contains("`file`") && error.to_string().contains("memory"), "{error}");
}

#[test]
fn everything_is_everything() {
    let _alone = alone();
    let (in_memory, stored) = (Users::builder("m").build().expect("builds"), users(&["memory://everything"]));
    for cache in [&in_memory, &stored] {
        cache.set_many((0..5).map(|n| (n.to_string(), n))).expect("set");
    }
    let view = stored.view::<u8, u8>("view").build().expect("builds");
    view.set(1, 1).expect("set");
    assert!(memo::clear_all().expect("cleared").removed() >= 11);
    assert!(in_memory.is_empty().expect("counted") && stored.is_empty().expect("counted"));
    assert!(view.is_empty().expect("counted"), "a view is an object, too");
}

#[test]
fn what_has_expired_is_purged() {
    let _alone = alone();
    let clock = TestClock::install();
    let (in_memory, stored) = (Users::builder("m").build().expect("builds"), users(&["memory://purged"]));
    for cache in [&in_memory, &stored] {
        cache.set_with("a".to_owned(), 1, SetOptions::new().ttl(1)).expect("set");
        cache.set("b".to_owned(), 2).expect("set");
    }
    clock.advance(Duration::from_secs(2));
    assert_eq!(memo::purge_expired().expect("purged"), 2);
    assert_eq!((in_memory.len().expect("counted"), stored.len().expect("counted")), (1, 1));
}

#[test]
fn objects_stand_in_reports_as_long_as_they_live() {
    let _alone = alone();
    let cache = Users::builder("reported").max_entries(9).build().expect("builds");
    cache.get_or_compute("a", || 1).expect("computed");
    cache.get("a").expect("read");
    let shown = || memo::report().to_string().contains("reported");
    assert!(shown());
    let info = memo::info_of("reported").expect("it lives");
    assert_eq!((info.hits, info.misses, info.size, info.max_entries), (1, 1, 1, Some(9)));
    let clone = cache.clone();
    drop(cache);
    assert!(shown(), "a clone is the same object");
    drop(clone);
    assert!(!shown() && memo::info_of("reported").is_none());
}

#[test]
fn a_failing_store_is_named_and_the_others_are_cleared() {
    let _alone = alone();
    memo::register_backend("never", |_| Err(memo::Error::unavailable("nobody answers"))).expect("it is new");
    let (well, ill) = (users(&["memory://well"]), Users::open("ill", "never://x").expect("opened when it is used"));
    let after = users(&["memory://after"]);
    tagged(&well, "a", &["t"]);
    tagged(&after, "a", &["t"]);
    let error = memo::clear_tag("t").expect_err("one is down");
    assert!(error.is_unavailable() && error.to_string().contains("`ill`"), "{error}");
    assert_eq!((left(&well, &["a"]), left(&after, &["a"])), (vec![], vec![]));
    drop(ill);
    memo::clear_tag("t").expect("it is gone");
}

#[test]
fn what_is_computed_meanwhile_is_not_stored() {
    let _alone = alone();
    for tiers in [&["memory"][..], &["memory", "memory://meanwhile"], &["memory://meanwhile-alone"]] {
        let (one, same) = (users(tiers), users(tiers));
        let value = one.get_or_compute("ada", || {
            memo::clear_all().expect("cleared");
            7
        });
        assert_eq!(value.expect("computed"), 7);
        assert_eq!((one.get("ada").expect("read"), same.get("ada").expect("read")), (None, None));
    }
}

#[test]
fn many_come_and_go_while_all_are_cleared() {
    let _alone = alone();
    within_20_s(|| {
        thread::scope(|scope| {
            for worker in 0..3 {
                scope.spawn(move || {
                    for round in 0..50_u64 {
                        let tiers = ["memory", ["memory://crowd-a", "memory://crowd-b"][(round % 2) as usize]];
                        let cache = users(&tiers);
                        cache.set_many((0..20).map(|n| (format!("{worker}-{n}"), n))).expect("set");
                        match worker {
                            0 => drop(memo::clear_all().expect("cleared")),
                            1 => drop(memo::clear_tag("t").expect("cleared")),
                            _ => drop(memo::report().to_string()),
                        }
                    }
                });
            }
        });
        assert!(memo::functions().iter().all(|info| info.name != "users"), "all are gone");
    });
}

#[tokio::test]
async fn tasks_reach_them() {
    let cache: memo::aio::Cache<String, u64> = {
        let _alone = alone();
        users(&["memory", "memory://reached-by-tasks"]).into()
    };
    let once = SetOptions::new().tag("of a task");
    cache.set_with("a".to_owned(), 1, once).await.expect("set");
    // Another test may clear everything at this very moment.
    assert!(memo::aio::clear_tag("of a task").await.expect("cleared").removed() <= 1);
    assert_eq!(cache.get("a").await.expect("read"), None);
}
