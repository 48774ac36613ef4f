//! Rows 50, 52; promises 3, 6, 10: what was removed from memcached stays away, whoever removed it, and whatever the server drops.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use memo::backend::{Backend, Item, Memcached, Url};
use memo_tests::{
    children::{Player, part, say, wait_for_line},
    fresh,
    servers::memcached::Server,
    until, within_20_s,
};

/// The least memory that there can be.
const SMALL: &[&str] = &["-m", "1", "-I", "512k"];

fn store(url: &str) -> Memcached {
    Memcached::open(&Url::parse(url).expect(url)).expect(url)
}

fn get(store: &dyn Backend, key: &str) -> Option<Vec<u8>> {
    store.get(key.as_bytes()).expect("read")
}

fn set(store: &dyn Backend, key: &str, tags: &[&str]) {
    store.set(key.as_bytes(), Item::new(b"x").tags(tags)).expect("stored");
}

/// What is dropped takes with it what belongs to it.
#[test]
fn what_lost_a_generation_is_gone_for_good() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    let names = ["memo:p:", "memo:p:f|", "memo:p:f|i|", "memo:p:f|i|a|", "memo:t:5:users:", "memo:t:5:users:f|"]
        .map(str::to_owned);
    for name in names {
        set(&store, "f|i|a|v", &["users"]);
        assert!(get(&store, "f|i|a|v").is_some());
        assert!(server.drop(&name), "`{name}` is one of its generations");
        assert_eq!(get(&store, "f|i|a|v"), None, "without `{name}`");
        // Another entry brings a new one.
        set(&store, "f|i|a|w", &["users"]);
        assert!(server.get(&name).is_some(), "there is a `{name}` again");
        assert_eq!(get(&store, "f|i|a|v"), None, "a new `{name}` is not the old one");
    }
}

#[test]
fn a_server_without_room_drops_and_never_mixes_up() {
    let Some(server) = Server::with(SMALL) else { return };
    let store = store(&server.url(""));
    let large = vec![b'x'; 5000];
    store.set(b"f|i|a|v", Item::new(&large).tags(&["users"])).expect("stored");
    let mut round = 0;
    while server.get("memo:p:f|i|a|").is_some() {
        round += 1;
        server.flood(&format!("flood{round}-"), 24 + round % 64);
        assert!(round < 2000, "the server has room for everything");
    }
    assert!(server.counter("evictions") > 0);
    for key in ["f|i|a|w", "f|i|b|v", "g|i|a|v"] {
        set(&store, key, &["users"]);
    }
    assert_eq!(get(&store, "f|i|a|v"), None, "one of its generations was dropped");
}

#[test]
fn nothing_comes_back_with_a_server_that_was_restarted() {
    let Some(mut server) = Server::start() else { return };
    let store = store(&server.url("?trip_after=0"));
    let moment = store.moment(b"f|i|b|v").expect("asked");
    set(&store, "f|i|a|v", &["users"]);
    server.kill();
    assert!(store.get(b"f|i|a|v").expect_err("it is down").is_unavailable());
    server.start_again();
    assert_eq!(get(&store, "f|i|a|v"), None, "it holds nothing");
    store.set(b"f|i|b|v", Item::new(b"x").since(moment)).expect("that is no error");
    assert_eq!(get(&store, "f|i|b|v"), None, "nobody knows what was removed before");
    store.remove_prefix(b"f|").expect("the connection of before is not used");
    set(&store, "f|i|a|v", &["users"]);
    assert!(get(&store, "f|i|a|v").is_some());
}

#[test]
fn what_looks_like_ours_and_is_not_stays() {
    let Some(server) = Server::start() else { return };
    let prefixes = ["memo", "mem", "m*", "memo[a-z]", "%25", "_", "memo%3Ae", "two%20words"];
    let stores = prefixes.map(|prefix| store(&server.url(&format!("?prefix={prefix}"))));
    let foreign = ["memo", "memo:", "memo:e", "memo:e:f|i|z|v", "memo:p:z|", "f|i|1|v", "users", "memo:t:5:users:z|"];
    for key in foreign {
        server.set(key, b"foreign");
    }
    for store in &stores {
        set(store, "f|i|1|v", &["users"]);
    }
    assert_eq!(get(&stores[0], "f|i|z|v"), None, "what is not understood is not there");
    assert!(!stores[0].remove(b"f|i|z|v").expect("removed"));
    for (number, store) in stores.iter().enumerate() {
        store.remove_tagged(b"", &["us*rs"]).expect("cleared");
        store.remove_prefix(b"g|").expect("cleared");
        assert!(get(store, "f|i|1|v").is_some());
        if number % 2 == 0 {
            store.remove_prefix(b"").expect("cleared");
        } else {
            store.remove_tagged(b"", &["users"]).expect("cleared");
        }
        let left = stores.iter().filter(|store| get(*store, "f|i|1|v").is_some()).count();
        assert_eq!(left, stores.len() - number - 1, "`{}` cleared itself alone", prefixes[number]);
    }
    for key in foreign {
        assert_eq!(server.get(key).as_deref(), Some(&b"foreign"[..]), "{key}");
    }
    assert_eq!(server.counter("cmd_flush"), 0);
}

/// As when two keys have one hash.
#[test]
fn an_entry_in_the_place_of_another_is_not_read() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    set(&store, "f|i|a|v", &["users"]);
    server.set("memo:e:f|i|a|w", &server.get("memo:e:f|i|a|v").expect("it was stored"));
    assert_eq!(get(&store, "f|i|a|w"), None);
    assert!(!store.remove(b"f|i|a|w").expect("removed"));
    set(&store, "f|i|a|w", &[]);
    assert!(get(&store, "f|i|a|w").is_some() && get(&store, "f|i|a|v").is_some());
}

/// Somebody's item stands where one of ours has to be.
#[test]
fn items_of_others_in_our_places_are_in_nobodys_way() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    for key in ["memo:c", "memo:t", "memo:p:f|", "memo:t:5:users:", "memo:e:f|i|a|v"] {
        server.set(key, b"foreign");
    }
    store.remove_prefix(b"g|").expect("removed");
    server.set("memo:c", b"foreign");
    let moment = store.moment(b"f|i|a|v").expect("asked");
    store.set(b"f|i|a|v", Item::new(b"x").tags(&["users"]).since(moment)).expect("stored");
    assert!(get(&store, "f|i|a|v").is_some());
    store.remove_tagged(b"f|", &["users"]).expect("removed");
    assert_eq!(get(&store, "f|i|a|v"), None);
}

#[test]
fn tags_that_only_some_have_in_common() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    let keys = ["f|i|a|v", "f|i|b|v", "f|j|a|v", "g|i|a|v"];
    for round in 0..200 {
        for key in keys {
            set(&store, key, &["eu", "users"]);
        }
        set(&store, "f|i|c|v", &["users"]);
        // More of them than are kept.
        let prefix = format!("f|none{round}|");
        store.remove_tagged(prefix.as_bytes(), &["users", "eu"]).expect("removed");
        store.remove_tagged(b"f|i|", &["users", "eu"]).expect("removed");
        let left = keys.map(|key| get(&store, key).is_some());
        assert_eq!((left[0], left[1], left[3]), (false, false, true), "round {round}");
        if round < 50 {
            assert!(left[2] && get(&store, "f|i|c|v").is_some(), "round {round}");
        }
    }
}

/// A moment counts for as long as it is known what was removed since.
#[test]
fn what_cannot_be_known_keeps_out() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    let stored = |moment| {
        let item = Item::new(b"x").tags(&["users"]).since(moment);
        store.set(b"f|i|a|v", item).expect("what is kept out is no error");
        let stored = get(&store, "f|i|a|v").is_some();
        store.remove(b"f|i|a|v").expect("removed");
        stored
    };
    let moment = || store.moment(b"f|i|a|v").expect("asked");
    assert!(stored(moment()));
    for lost in ["memo:c", "memo:p:", "memo:p:f|i|a|", "memo:e:f|i|a|v"] {
        let before = moment();
        assert!(server.drop(lost), "{lost}");
        assert!(!stored(before), "`{lost}` was dropped");
        assert!(stored(moment()), "`{lost}` is there again");
    }
    // What is new is younger than the moment; whether it was removed before, the generation of all tags knows.
    for lost in ["memo:t:5:users:", "memo:t"] {
        let before = moment();
        store.remove_prefix(b"other|").expect("removed");
        assert!(server.drop("memo:t:5:users:f|") && server.drop(lost));
        assert_eq!(stored(before), lost != "memo:t", "`{lost}` was dropped");
        moment();
    }
    let before = moment();
    store.remove_tagged(b"g|", &["other"]).expect("removed");
    assert!(stored(before), "another's tag was removed");
    let before = moment();
    store.remove_tagged(b"f|none|", &["users"]).expect("removed");
    assert!(stored(before), "the tag was removed elsewhere");
    let before = moment();
    store.remove_tagged(b"f|i|", &["users"]).expect("removed");
    assert!(!stored(before), "the tag was removed here");
}

/// The part of another process: clears a tag when it is told to.
#[test]
fn another_process() {
    let Some((_, arguments)) = part() else { return };
    let store = memo::backend(&arguments[0]).expect("opens");
    assert!(get(&*store, "f|i|a|v").is_some());
    say("sees it");
    wait_for_line();
    store.remove_tagged(b"f|", &["users"]).expect("cleared");
    say("cleared");
    wait_for_line();
    store.remove_prefix(b"f|").expect("cleared");
    say("cleared");
}

#[test]
fn what_another_process_clears_is_gone_here() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    set(&store, "f|i|a|v", &["users"]);
    set(&store, "f|i|b|v", &[]);
    let moment = store.moment(b"f|i|b|v").expect("asked");
    let mut other = Player::start("clears", &[&server.url("")]);
    assert_eq!(other.line().as_deref(), Some("sees it"));
    other.tell();
    assert_eq!(other.line().as_deref(), Some("cleared"));
    assert_eq!(get(&store, "f|i|a|v"), None);
    assert!(get(&store, "f|i|b|v").is_some());
    other.tell();
    assert_eq!(other.line().as_deref(), Some("cleared"));
    assert_eq!(get(&store, "f|i|b|v"), None);
    store.set(b"f|i|b|v", Item::new(b"x").since(moment)).expect("that is no error");
    assert_eq!(get(&store, "f|i|b|v"), None, "it was made before");
    assert!(other.ends_well());
}

/// While a server drops whatever it likes, nobody who begins to read after a removal has returned sees what was made before.
#[test]
fn nothing_old_is_ever_read() {
    const KEYS: usize = 4;
    const REMOVALS: u64 = 300;
    static NEWEST: [AtomicU64; KEYS] = [const { AtomicU64::new(0) }; KEYS];
    static REMOVED: [AtomicU64; KEYS] = [const { AtomicU64::new(0) }; KEYS];
    let Some(server) = Server::with(SMALL) else { return };
    within_20_s(move || {
        let stores = [store(&server.url("")), store(&server.url("?pool=7"))];
        let done = AtomicBool::new(false);
        let (fills, hits) = (AtomicU64::new(0), AtomicU64::new(0));
        let fill = |store: &Memcached, number: usize| {
            let (key, tag) = (format!("f|i|{number}|v"), format!("tag{number}"));
            let moment = store.moment(key.as_bytes()).expect("asked");
            let made = NEWEST[number].load(Ordering::SeqCst).to_be_bytes();
            // Some are slower than others.
            (0..fresh() % 3).for_each(|_| thread::yield_now());
            store.set(key.as_bytes(), Item::new(&made).tags(&[&tag, "all"]).since(moment)).expect("stored");
            fills.fetch_add(1, Ordering::SeqCst);
        };
        let read = |store: &Memcached, number: usize| {
            let least = REMOVED[number].load(Ordering::SeqCst);
            if let Some(bytes) = get(store, &format!("f|i|{number}|v")) {
                let made = u64::from_be_bytes(bytes.try_into().expect("a number"));
                assert!(made >= least, "{made} was read after all before {least} was removed");
                hits.fetch_add(1, Ordering::Relaxed);
            }
        };
        thread::scope(|scope| {
            for worker in 0..4 {
                let (stores, done, fill, read) = (&stores, &done, &fill, &read);
                scope.spawn(move || {
                    let mut number = worker;
                    while !done.load(Ordering::Relaxed) {
                        number = (number + 1) % KEYS;
                        fill(&stores[worker % 2], number);
                        read(&stores[1 - worker % 2], number);
                    }
                });
            }
            let names = [
                "memo:c",
                "memo:t",
                "memo:p:f|",
                "memo:p:f|i|1|",
                "memo:t:3:all:",
                "memo:t:4:tag1:f|",
                "memo:e:f|i|1|v",
            ];
            for removal in 1..=REMOVALS {
                let number = usize::try_from(removal).expect("small") % KEYS;
                until(|| fills.load(Ordering::SeqCst) > 3 * removal);
                NEWEST[number].store(removal, Ordering::SeqCst);
                if let Some(name) = names.get(usize::try_from(removal).expect("small") % 11) {
                    server.drop(name);
                }
                let store = &stores[number % 2];
                let key = format!("f|i|{number}|v");
                match removal % 5 {
                    0 => store.remove(key.as_bytes()).map(drop),
                    1 => store.remove_prefix(format!("f|i|{number}|").as_bytes()).map(drop),
                    2 => store.remove_tagged(b"f|", &[&format!("tag{number}")]).map(drop),
                    3 => store.remove_tagged(b"f|i|", &["all", &format!("tag{number}")]).map(drop),
                    _ => store.remove_prefix(b"f|").map(drop),
                }
                .expect("removed");
                REMOVED[number].store(removal, Ordering::SeqCst);
            }
            done.store(true, Ordering::Relaxed);
        });
        assert!(hits.load(Ordering::Relaxed) > REMOVALS / 4, "much was read: {hits:?}");
    });
}
