//! Rows 39, 51, 52, 57, 58: PostgreSQL as a store of bytes; promise 6: nobody touches what is not theirs.
#![cfg(unix)]

use std::{
    ops::ControlFlow,
    sync::{Arc, Barrier},
    thread,
};

use memo::{
    Cache,
    backend::{AsyncBackend, Backend, Change, Item, Postgres, Url, conformance},
    memoize,
};
use memo_tests::{
    children::{self, Player},
    fresh,
    servers::postgres::{PASSWORD, Server},
};

fn store(url: &str) -> Postgres {
    Postgres::open(&Url::parse(url).expect(url)).expect(url)
}

/// What a thread is told by a store that has two faces.
fn blocking(url: &str) -> Arc<dyn Backend> {
    memo::backend(url).expect(url)
}

#[test]
fn it_keeps_the_promises_of_stores() {
    let Some(server) = Server::shared() else { return };
    let store = Arc::new(store(&server.url("?table=promises")));
    conformance::check(&*store);
    conformance::check_async(store as Arc<dyn AsyncBackend>);
}

#[test]
fn it_keeps_them_on_one_connection_and_through_a_socket() {
    let Some(server) = Server::shared() else { return };
    let rest = format!(
        "socket={}&table=one_connection&pool=1&timeout=20s&connect_timeout=20s&unlogged=true",
        server.dir().display()
    );
    let store = Arc::new(store(&format!("postgres://memo@:{}/postgres?{rest}", server.port())));
    conformance::check(&*store);
    conformance::check_async(store as Arc<dyn AsyncBackend>);
}

#[test]
fn functions_keep_their_entries_there() {
    #[memoize(cache = cache)]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        n + fresh()
    }
    #[memoize(cache = cache)]
    async fn number_in_a_task(cache: &Cache<u64, u64>, n: u64) -> u64 {
        n + fresh()
    }
    let Some(server) = Server::shared() else { return };
    let open = || Cache::builder("numbers").tier(server.url("?table=functions")).build().expect("builds");
    let cache: Cache<u64, u64> = open();
    let first = number(&cache, 1);
    assert_eq!(number(&open(), 1), first, "what one object stores, another finds");
    for _ in 0..2 {
        // Connections end with the runtime of the tasks that made them.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("tokio");
        assert_eq!(runtime.block_on(number_in_a_task(&cache, 1)), first);
    }
    assert_eq!(smol::block_on(number_in_a_task(&cache, 1)), first);
    cache.clear().expect("cleared");
    assert_ne!(number(&open(), 1), first);
}

#[test]
fn prefixes_and_tables_know_nothing_of_each_other() {
    let Some(server) = Server::shared() else { return };
    server.sql("CREATE TABLE invoices (id int); INSERT INTO invoices VALUES (1), (2)");
    let places =
        ["?table=apart&prefix=a_", "?table=apart&prefix=a%25", "?table=apart&prefix=ab", "?table=apart2&prefix=ab"];
    let stores = places.map(|place| blocking(&server.url(place)));
    for (number, store) in (0..).zip(&stores) {
        let bytes = [number];
        let item = Item::new(&bytes).tags(&["t", "%"]).expires(1_000);
        store.set_many(&[(b"f|i|a|1", item), (b"f|%|_|1", item), (b"f|_|%|1", item)]).expect("stored");
    }
    let [one, others @ ..] = &stores;
    let untouched = || {
        for (number, store) in (1..).zip(others) {
            assert_eq!(store.count(b"").expect("counted"), 3);
            assert_eq!(store.get(b"f|i|a|1").expect("read"), Some(vec![number]));
        }
    };
    assert_eq!(one.remove_prefix(b"f|_|").expect("removed"), 1, "`_` means itself");
    assert_eq!(one.remove_tagged(b"f|%|", &["%"]).expect("removed"), 1, "`%` means itself");
    assert_eq!(one.purge(1_000).expect("purged"), 1);
    untouched();
    one.set(b"f|i|a|1", Item::new(b"x").tags(&["t"])).expect("stored");
    assert!(one.remove(b"f|i|a|1").expect("removed"));
    assert_eq!(one.remove_prefix(b"").expect("removed"), 0);
    untouched();
    assert_eq!(server.number("SELECT count(*) FROM invoices"), 2);
}

/// Keys that are cut are found, told apart, shown whole, and removed by prefixes of any length; and so are tags.
#[test]
fn keys_and_tags_of_any_length() {
    let Some(server) = Server::shared() else { return };
    let store = blocking(&server.url("?table=long"));
    let long = "k".repeat(50_000);
    let ids = ["|a", "|b", "|b|c", ""];
    let keys: Vec<Vec<u8>> = ids.iter().map(|id| format!("f|{long}{id}").into_bytes()).collect();
    let tags: Vec<String> = ids.iter().map(|id| format!("{long}{id}")).collect();
    for (key, tag) in keys.iter().zip(&tags) {
        store.set(key, Item::new(&key[key.len() - 3..]).tags(&[tag])).expect("stored");
    }
    let asked: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
    let expected: Vec<_> = keys.iter().map(|key| Some(key[key.len() - 3..].to_vec())).collect();
    assert_eq!(store.get_many(&asked).expect("read"), expected);
    assert_eq!(store.get(&keys[2]).expect("read"), expected[2]);
    let mut shown = Vec::new();
    let mut visit = |key: &[u8], _: &[u8]| {
        shown.push(key.to_vec());
        ControlFlow::Continue(())
    };
    store.scan(b"f|", &mut visit).expect("shown");
    shown.sort_unstable();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(shown, sorted);
    store.update(&keys[1], &mut |_| Change::set(b"n".to_vec())).expect("updated");
    assert_eq!(store.get(&keys[1]).expect("read").as_deref(), Some(&b"n"[..]));
    assert_eq!(store.count(format!("f|{long}|b|").as_bytes()).expect("counted"), 1);
    assert_eq!(store.remove_tagged(b"", &[&tags[1]]).expect("removed"), 0, "an update takes tags away");
    assert_eq!(store.remove_tagged(b"", &[&tags[0]]).expect("removed"), 1);
    assert_eq!(store.remove_prefix(format!("f|{long}|b|").as_bytes()).expect("removed"), 1);
    assert_eq!(store.remove_many(&[&keys[1], &keys[2], &keys[3]]).expect("removed"), [true, false, true]);
}

/// More than goes in one statement: batches, pages, prefixes, tags, purges.
#[test]
fn many_entries() {
    const MANY: u64 = 12_000;
    let Some(server) = Server::shared() else { return };
    let store = blocking(&server.url("?table=many"));
    let keys: Vec<Vec<u8>> = (0..MANY).map(|n| format!("f|i|{n:05}|v").into_bytes()).collect();
    let fill = || {
        for keys in keys.chunks(2000) {
            let items: Vec<_> = keys.iter().map(|key| (&**key, Item::new(key).tags(&["t"]).expires(1_000))).collect();
            store.set_many(&items).expect("stored");
        }
    };
    fill();
    let asked: Vec<&[u8]> = keys.iter().rev().map(|key| &**key).collect();
    let found = store.get_many(&asked).expect("read");
    assert!(found.iter().zip(&asked).all(|(found, key)| found.as_deref() == Some(*key)));
    let mut shown = 0;
    let mut visit = |_: &[u8], _: &[u8]| {
        shown += 1;
        ControlFlow::Continue(())
    };
    store.scan(b"f|", &mut visit).expect("shown");
    assert_eq!((shown, store.count(b"f|").expect("counted")), (MANY, MANY));
    assert_eq!(store.remove_prefixes(&[b"g|", b"f|i|00001|", b"f|"]).expect("removed").iter().sum::<u64>(), MANY);
    fill();
    assert_eq!(store.remove_tagged(b"f|", &["t"]).expect("removed"), MANY);
    fill();
    assert_eq!(store.purge(999).expect("purged"), 0);
    assert_eq!(store.purge(1_000).expect("purged"), MANY);
    assert_eq!(store.count(b"").expect("counted"), 0);
}

/// However many make the tables at the same time, in this process and in others.
#[test]
fn many_begin_at_once() {
    let Some(server) = Server::shared() else { return };
    let url = server.url("?table=begun");
    let mut players: Vec<_> = (0..3).map(|_| Player::start("begin", &[&url])).collect();
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for n in 0..8_u8 {
            let (url, barrier) = (&url, &barrier);
            scope.spawn(move || {
                let store = store(url);
                barrier.wait();
                Backend::set(&store, &[n], Item::new(b"x")).expect("stored");
            });
        }
        players.iter_mut().for_each(Player::tell);
    });
    assert!(players.into_iter().all(Player::ends_well));
    assert_eq!(blocking(&url).count(b"").expect("counted"), 9);
}

/// Two processes add to one number, and write the same pair of entries, with everything else going on beside.
#[test]
fn processes_write_at_once() {
    let Some(server) = Server::shared() else { return };
    let url = server.url("?table=processes");
    let mut players: Vec<_> = (0..2).map(|_| Player::start("write", &[&url])).collect();
    players.iter_mut().for_each(Player::tell);
    assert!(players.into_iter().all(Player::ends_well));
    assert_eq!(blocking(&url).get(b"sum").expect("read").as_deref(), Some(&b"200"[..]));
}

#[test]
fn another_process() {
    let Some((part, arguments)) = children::part() else { return };
    let store = blocking(&arguments[0]);
    children::wait_for_line();
    match &*part {
        "begin" => store.set(b"of all", Item::new(b"x")).expect("stored"),
        "write" => write(&*store),
        _ => panic!("no such part: {part}"),
    }
}

fn write(store: &dyn Backend) {
    let mut add_one = |bytes: Option<&[u8]>| {
        let sum: u32 = bytes.map_or(0, |bytes| String::from_utf8_lossy(bytes).parse().expect("a number"));
        Change::Set {
            bytes: (sum + 1).to_string().into_bytes(),
            expires: None,
            tags: vec!["sum".to_owned()],
            since: None,
            is_news: true,
        }
    };
    for round in 0..100_u32 {
        store.update(b"sum", &mut add_one).expect("nobody is in the way for long");
        let bytes = [std::process::id(), round].map(u32::to_be_bytes).concat();
        let item = Item::new(&bytes).tags(&["pair"]).expires(1_000);
        // In either order: nobody waits in a circle.
        let (one, other) = ((&b"p|i|1|v"[..], item), (&b"p|i|2|v"[..], item));
        store.set_many(&if round % 2 == 0 { [one, other] } else { [other, one] }).expect("stored");
        let pair = store.get_many(&[one.0, other.0]).expect("read");
        assert_eq!(pair[0], pair[1], "both of one batch, or none");
        match round % 10 {
            2 => drop(store.remove_many(&[other.0, one.0]).expect("removed")),
            4 => drop(store.remove_prefix(b"p|").expect("removed")),
            6 => drop(store.remove_tagged(b"p|", &["pair"]).expect("removed")),
            8 => drop(store.purge(1_000).expect("purged")),
            _ => {}
        }
    }
}

#[test]
fn there_are_no_more_connections_than_asked_for() {
    let Some(server) = Server::shared() else { return };
    let store = Arc::new(store(&server.url("?table=pooled&pool=3&application_name=pooled")));
    let threads: Vec<_> = (0..16_u8)
        .map(|n| {
            let store = store.clone();
            thread::spawn(move || {
                for _ in 0..50 {
                    Backend::set(&*store, &[n], Item::new(&[n; 100])).expect("stored");
                    assert_eq!(Backend::get(&*store, &[n]).expect("read").as_deref(), Some(&[n; 100][..]));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    let open = || server.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooled'");
    assert!((1..=3).contains(&open()), "{}", open());
    drop(store);
    memo_tests::until(|| open() == 0);
}

#[test]
fn who_may_only_use_tables_can() {
    let Some(server) = Server::shared() else { return };
    server.sql(
        "CREATE ROLE guest LOGIN PASSWORD 'correct-horse'; REVOKE CREATE ON SCHEMA public FROM public; \
         CREATE ROLE reader LOGIN PASSWORD 'correct-horse'",
    );
    let url = |user: &str| server.url("?table=granted").replace("memo:", &format!("{user}:"));
    let refused = blocking(&url("guest")).get(b"k").expect_err("there is no table");
    assert!(refused.is_config(), "{refused:?}");
    let said = refused.to_string();
    assert!(said.contains("`granted`") && said.contains("can't be made"), "{said}");
    blocking(&server.url("?table=granted")).set(b"k", Item::new(b"x")).expect("the owner can");
    server.sql(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON granted, granted_removed TO guest; \
         GRANT SELECT ON granted, granted_removed TO reader",
    );
    let guest = Arc::new(store(&url("guest")));
    assert_eq!(Backend::get(&*guest, b"k").expect("read").as_deref(), Some(&b"x"[..]));
    conformance::check(&*guest);
    let reader = blocking(&url("reader"));
    assert!(reader.get(b"k").expect("a reader reads").is_some());
    let refused = reader.set(b"k", Item::new(b"y")).expect_err("it must not");
    assert!(refused.is_config() && refused.to_string().contains("permission denied"), "{refused}");
}

#[test]
fn tables_of_others_and_of_newer_versions_are_refused() {
    let Some(server) = Server::shared() else { return };
    server.sql("CREATE TABLE theirs (id int); INSERT INTO theirs VALUES (1)");
    blocking(&server.url("?table=newer")).set(b"k", Item::new(b"x")).expect("stored");
    server.sql("COMMENT ON TABLE newer IS 'entries of memo, version 2'");
    for (table, said) in [("theirs", "memo did not make"), ("newer", "made by a newer memo")] {
        // Another store than the one above.
        let error = blocking(&server.url(&format!("?table={table}&pool=2"))).get(b"k").expect_err(table);
        assert!(error.is_config() && error.to_string().contains(said), "{error}");
    }
    assert_eq!(server.number("SELECT count(*) FROM theirs"), 1);
}

#[test]
fn a_table_that_goes_comes_again() {
    let Some(server) = Server::shared() else { return };
    let store = blocking(&server.url("?table=gone"));
    store.set(b"k", Item::new(b"x")).expect("stored");
    server.sql("DROP TABLE gone, gone_removed");
    assert_eq!(store.get(b"k").expect("a read makes it again"), None);
    store.set(b"k", Item::new(b"x")).expect("stored");
}

#[test]
fn a_config_of_ones_own() {
    let Some(server) = Server::shared() else { return };
    let url = Url::parse(&format!("postgres://127.0.0.1:{}?table=own&timeout=20s&connect_timeout=20s", server.port()))
        .expect("a URL");
    let store = Postgres::open_with(&url, |config| {
        config.user("memo").password(PASSWORD).dbname("postgres").options("-c search_path=elsewhere,public");
    });
    server.sql("CREATE SCHEMA elsewhere");
    let store = store.expect("opens");
    Backend::set(&store, b"k", Item::new(b"x")).expect("stored");
    assert_eq!(server.number("SELECT count(*) FROM elsewhere.own"), 1);
    assert!(!format!("{store:?}").contains(PASSWORD));
}
