//! Rows 16, 17, 52; promise 6: clearing reaches what is tagged, under its own prefix, however much else there is.

use memo::backend::{Backend, Item};
use memo_tests::servers::redis::{Answer, Server};

const PREFIXES: [&str; 7] = ["memo", "mem", "m*", "memo[a-z]", "%25", "_", "memo%3Aa"];

fn fill(store: &dyn Backend) {
    for (key, tags) in [("f|i|1|v", &["users", "eu"][..]), ("f|i|2|v", &["users"]), ("g|i|1|v", &["us*rs"])] {
        store.set(key.as_bytes(), Item::new(key.as_bytes()).tags(tags)).expect("stored");
    }
}

#[test]
fn nobody_touches_what_is_not_his() {
    let Some(server) = Server::start() else { return };
    let stores = PREFIXES.map(|prefix| memo::backend(&server.url(&format!("?prefix={prefix}"))).expect("opens"));
    for store in &stores {
        fill(&**store);
    }
    let foreign =
        ["memo", "memo:", "memo:e", "memo:t:other", "memo:elsewhere", "f|i|1|v", "users", "memoe:f|i|1|v", "x|f|"];
    for key in foreign {
        server.ask(&[b"SET", key.as_bytes(), b"foreign"]);
    }
    let are_there = |but: usize| {
        for key in foreign {
            assert_eq!(server.ask(&[b"GET", key.as_bytes()]), Answer::Text(b"foreign".to_vec()), "{key}");
        }
        for (number, store) in stores.iter().enumerate().filter(|(number, _)| *number > but) {
            assert_eq!(store.count(b"").expect("counted"), 3, "`{}`", PREFIXES[number]);
        }
    };
    for (number, store) in stores.iter().enumerate() {
        assert_eq!(store.remove_tagged(b"", &["us*"]).expect("cleared"), 0);
        assert_eq!(store.remove_prefix(b"*").expect("cleared"), 0);
        assert_eq!(store.count(b"").expect("counted"), 3);
        assert_eq!(store.remove_tagged(b"f|", &["users", "eu"]).expect("cleared"), 1);
        assert_eq!(store.remove_tagged(b"", &["us*rs"]).expect("cleared"), 1);
        assert_eq!(store.remove_prefix(b"f|").expect("cleared"), 1);
        assert_eq!(store.count(b"").expect("counted"), 0);
        are_there(number);
    }
}

#[test]
fn what_has_expired_leaves_nothing_behind() {
    let Some(server) = Server::start() else { return };
    let store = memo::backend(&server.url("")).expect("opens");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later").as_millis();
    let soon = u64::try_from(now).expect("it fits") + 60;
    for number in 0..2500 {
        let key = format!("f|i|{number}|v");
        store.set(key.as_bytes(), Item::new(b"x").tags(&["some"]).expires(soon)).expect("stored");
    }
    // The server counts the time by itself.
    memo_tests::within_20_s({
        let store = store.clone();
        move || memo_tests::until(|| store.get(b"f|i|2499|v").expect("read").is_none())
    });
    store.purge(soon).expect("purged");
    assert_eq!(server.tell("DBSIZE").number(), 0);
}

/// What clearing a tag of ten entries asks of the server, in commands and in time of the slowest of them, is the same among a
/// thousand entries and among fifty times as many.
#[test]
fn clearing_costs_what_is_cleared() {
    let Some(server) = Server::start() else { return };
    let store = memo::backend(&server.url("")).expect("opens");
    // The server has seen the script before.
    store.remove_tagged(b"", &["none"]).expect("cleared");
    let mut calls = Vec::new();
    for entries in [1_000, 50_000] {
        let keys: Vec<String> = (0..entries).map(|number| format!("f|i|{number}|v")).collect();
        for keys in keys.chunks(1_000) {
            let items: Vec<_> = keys.iter().map(|key| (key.as_bytes(), Item::new(b"x").tags(&["others"]))).collect();
            store.set_many(&items).expect("stored");
        }
        for key in &keys[..10] {
            store.set(key.as_bytes(), Item::new(b"x").tags(&["few"])).expect("stored");
        }
        server.tell("CONFIG RESETSTAT");
        assert_eq!(store.remove_tagged(b"f|", &["few"]).expect("cleared"), 10);
        calls.push(server.tell("INFO commandstats").texts().concat().lines().map(calls_of).sum::<u64>());
    }
    assert_eq!(calls[0], calls[1]);
}

/// How often a command was called, by a line such as `cmdstat_get:calls=3,usec=…`. Asking for that is a command as well.
fn calls_of(line: &str) -> u64 {
    let calls = line.strip_prefix("cmdstat_").and_then(|line| line.split_once(":calls=")?.1.split_once(','));
    calls.and_then(|(calls, _)| calls.parse().ok()).unwrap_or(0)
}
