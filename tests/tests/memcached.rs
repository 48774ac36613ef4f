//! Rows 50, 57, 58: memcached as a store of bytes.

use std::time::{Duration, SystemTime};

use memo::{
    Cache,
    backend::{Backend, Change, Item, Memcached, Url, conformance},
    clock::TestClock,
};
use memo_tests::{servers::memcached::Server, until, within_20_s};

fn store(url: &str) -> Memcached {
    Memcached::open(&Url::parse(url).expect(url)).expect(url)
}

fn get(store: &dyn Backend, key: &str) -> Option<Vec<u8>> {
    store.get(key.as_bytes()).expect("read")
}

fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later");
    u64::try_from(now.as_millis()).expect("it fits")
}

#[test]
fn it_keeps_the_promises_of_stores() {
    let Some(server) = Server::start() else { return };
    conformance::check(&store(&server.url("")));
    assert_eq!(server.counter("cmd_flush"), 0);
}

#[test]
fn several_servers_are_one_store() {
    let servers: Vec<Server> = (0..3).map_while(|_| Server::start()).collect();
    if servers.len() < 3 {
        return;
    }
    let hosts: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    let one = store(&format!("memcached://{}", hosts.join(",")));
    conformance::check(&one);
    let keys: Vec<String> = (0..300).map(|number| format!("f|i|{number}|v")).collect();
    let items: Vec<_> = keys.iter().map(|key| (key.as_bytes(), Item::new(key.as_bytes()).tags(&["all"]))).collect();
    one.set_many(&items).expect("stored");
    assert!(servers.iter().all(|server| server.counter("curr_items") > 50), "the entries are spread over all servers");
    let other = store(&format!("memcached://{},{},{}", hosts[2], hosts[0], hosts[1]));
    let asked: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    let found = other.get_many(&asked).expect("read");
    assert!(
        found.iter().zip(&asked).all(|(found, key)| found.as_deref() == Some(*key)),
        "in whatever order they stand"
    );
    other.remove_tagged(b"f|", &["all"]).expect("cleared");
    assert!(one.get_many(&asked).expect("read").iter().all(Option::is_none));
}

#[test]
fn tasks_use_it_too() {
    let Some(server) = Server::start() else { return };
    let cache: Cache<u32, String> = Cache::open("tasks", server.url("").as_str()).expect("opens");
    let cache = memo::aio::Cache::from(cache);
    smol::block_on(async {
        let keys: Vec<u32> = (0..20).map(|n| n % 4).collect();
        let runs = keys.iter().map(|n| cache.get_or_compute(n, async move { n.to_string() }));
        for (n, run) in keys.iter().zip(futures::future::join_all(runs).await) {
            assert_eq!(run.expect("computed"), n.to_string());
        }
        assert!(cache.get(&3).await.expect("read").is_some());
        cache.clear().await.expect("cleared");
        assert_eq!(cache.get(&3).await.expect("read"), None);
    });
}

#[test]
fn long_lives_and_short_ones_are_not_cut() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    let day = 24 * 60 * 60 * 1000;
    let now = unix_now();
    for (key, expires) in
        [("f|i|40 d|v", now + 40 * day), ("f|i|200 a|v", now + 73_000 * day), ("f|i|m|v", u64::MAX - 1)]
    {
        store.set(key.as_bytes(), Item::new(b"x").expires(expires)).expect("stored");
        assert!(get(&store, key).is_some(), "{key}");
    }
    store.set(b"f|i|short|v", Item::new(b"x").expires(unix_now() + 250)).expect("stored");
    // What lives for an hour by our clock does so by the server's, which nobody can move.
    let clock = TestClock::install();
    clock.advance(Duration::from_hours(50 * 24));
    assert_eq!(get(&store, "f|i|40 d|v"), None, "it has ended by our clock");
    let moved = unix_now() + 50 * day;
    store.set(b"f|i|later|v", Item::new(b"x").expires(moved + 60 * 60 * 1000)).expect("stored");
    assert!(get(&store, "f|i|later|v").is_some());
    store.set(b"f|i|later|v", Item::new(b"x").expires(moved)).expect("stored");
    assert_eq!(get(&store, "f|i|later|v"), None, "what is over already takes the place of what was there");
    drop(clock);
    assert!(within_20_s(move || {
        until(|| server.get("memo:e:f|i|short|v").is_none());
        true
    }));
}

#[test]
fn any_key_is_one_of_its_own() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    let long = |end: &str| format!("f|{}|{end}", "k".repeat(1000));
    let keys = [long("1"), long("2"), "f|a b|1".to_owned(), "f|a\tb|1".to_owned(), "f|a\r\nflush_all\r\n|1".to_owned()];
    for key in &keys {
        store.set(key.as_bytes(), Item::new(key.as_bytes())).expect("stored");
    }
    for key in &keys {
        assert_eq!(get(&store, key).as_deref(), Some(key.as_bytes()));
    }
    store.remove_prefix(format!("f|{}|", "k".repeat(1000)).as_bytes()).expect("removed");
    assert_eq!((get(&store, &keys[0]), get(&store, &keys[1])), (None, None));
    assert!(get(&store, &keys[2]).is_some());
    assert_eq!(server.counter("cmd_flush"), 0, "a key is never a command");
}

#[test]
fn what_is_too_large_is_an_error_and_hides_nothing() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    let large = vec![0; 2_000_000];
    for change in [
        &|| store.set(b"f|i|1|v", Item::new(&large)),
        &|| {
            let set = Change::set(large.clone());
            store.update(b"f|i|1|v", &mut |_| set.clone())
        },
        &|| {
            let moment = store.moment(b"f|i|1|v").expect("asked");
            store.set(b"f|i|1|v", Item::new(&large).since(moment))
        },
    ] as [&dyn Fn() -> Result<(), memo::Error>; 3]
    {
        store.set(b"f|i|1|v", Item::new(b"old")).expect("stored");
        let error = change().expect_err("it is larger than 1 MB");
        let said = error.to_string();
        assert!(error.is_unavailable() && said.contains("20001") | said.contains("20000"), "{said}");
        assert!(said.contains("at most 1048576") && said.contains("`-I`"), "{said}");
        assert_eq!(get(&store, "f|i|1|v"), None, "the old one is not what should be there");
    }
    // The connection is as good as before.
    store.set(b"f|i|1|v", Item::new(&large[..900_000])).expect("stored");
    assert_eq!(get(&store, "f|i|1|v").map(|bytes| bytes.len()), Some(900_000));
}

#[test]
fn nothing_is_left_beside_an_entry_but_its_generations() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    for version in ["1", "2", "3"] {
        store.set(format!("f|i|a|{version}").as_bytes(), Item::new(b"x").tags(&["t"])).expect("stored");
    }
    assert_eq!(server.counter("curr_items"), 3 + 4 + 2, "entries, prefixes, and the tag's two");
    for _ in 0..20 {
        store.remove(b"f|i|a|1").expect("removed");
        store.remove_prefix(b"f|i|a|").expect("removed");
        store.remove_tagged(b"f|", &["t"]).expect("removed");
    }
    assert_eq!(server.counter("curr_items"), 2 + 3 + 1, "what can't be reached, and what others still belong to");
}

#[test]
fn a_hit_is_one_question_and_with_tags_two() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    store.set(b"f|i|a|v", Item::new(b"x")).expect("stored");
    store.set(b"f|i|b|v", Item::new(b"x").tags(&["t", "u"])).expect("stored");
    for (key, keys) in [("f|i|a|v", 5), ("f|i|b|v", 5 + 4)] {
        let before = server.counter("cmd_get");
        assert!(get(&store, key).is_some());
        assert_eq!(server.counter("cmd_get") - before, keys);
    }
}

#[test]
fn updates_from_many_sides_are_all_there() {
    let Some(server) = Server::start() else { return };
    let stores = [store(&server.url("")), store(&server.url("?pool=2"))];
    std::thread::scope(|scope| {
        for number in 0..8 {
            let store = &stores[number % 2];
            scope.spawn(move || {
                for _ in 0..25 {
                    let mut add = |bytes: Option<&[u8]>| {
                        let sum = bytes.and_then(|bytes| bytes.first()).copied().unwrap_or(0);
                        Change::Set {
                            bytes: vec![sum + 1],
                            expires: None,
                            tags: vec!["sum".to_owned()],
                            since: None,
                            is_news: true,
                        }
                    };
                    store.update(b"f|i|sum|v", &mut add).expect("updated");
                }
            });
        }
    });
    assert_eq!(get(&stores[0], "f|i|sum|v"), Some(vec![200]));
    stores[1].remove_tagged(b"f|i|", &["sum"]).expect("removed");
    assert_eq!(get(&stores[0], "f|i|sum|v"), None);
}

#[test]
fn what_it_cannot_do_it_says() {
    let Some(server) = Server::start() else { return };
    let cache: Cache<u32, u32> = Cache::open("lists", server.url("").as_str()).expect("opens");
    cache.set(1, 10).expect("stored");
    assert!(cache.len().expect_err("it can't count").is_unsupported());
    cache.clear().expect("cleared");
    assert_eq!(cache.get(&1).expect("read"), None);
}

#[test]
fn a_deletion_says_whether_there_was_an_entry() {
    let Some(server) = Server::start() else { return };
    let cache: Cache<u32, u32> = Cache::open("deletions", server.url("").as_str()).expect("opens");
    cache.set(1, 10).expect("stored");
    cache.set(2, 20).expect("stored");
    assert_eq!([1, 1, 3].map(|key| cache.delete(&key).expect("removed")), [true, false, false]);
    assert_eq!(cache.delete_many(&[1, 2, 3]).expect("removed"), 1);
    assert_eq!(cache.get(&2).expect("read"), None);
}

#[test]
fn a_user_and_a_password() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("users");
    std::fs::write(&file, "me:s3cret\n").expect("written");
    #[cfg(unix)]
    for path in [dir.path(), &file] {
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, readable).expect("it is ours");
    }
    let Some(server) = Server::with(&["-Y", file.to_str().expect("text")]) else { return };
    let login = |login: &str| memo::backend(&server.url("").replace("//", &format!("//{login}"))).expect("opens");
    let store = login("me:s3cret@");
    store.set(b"f|i|1|v", Item::new(b"x")).expect("stored");
    assert!(get(&*store, "f|i|1|v").is_some());
    for wrong in ["", "me:wr0ng@", "other:s3cret@"] {
        let error = login(wrong).get(b"f|i|1|v").expect_err("it is locked");
        let all = format!("{error} {error:?}");
        assert!(error.is_config() && !all.contains("wr0ng") && !all.contains("s3cret"), "{all}");
    }
}

/// What its documentation says of memory.
#[test]
fn what_an_entry_costs() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    store.set(b"f|i|0|v", Item::new(b"x")).expect("stored");
    let before = server.counter("bytes");
    store.set(b"f|i|1|v", Item::new(b"x")).expect("stored");
    let cost = server.counter("bytes") - before;
    assert!((100..300).contains(&cost), "an entry and its generation: {cost}");
}
