//! Rows 50, 53; promises 5, 7: what becomes of memcached, a function's callers never notice; `Cache` says it.

use std::thread;

use memo::{Cache, Tier, backend::Item, memoize};
use memo_tests::{
    faults,
    servers::{
        free_port,
        memcached::Server,
        proxy::{Proxy, Weather},
    },
    until, within_20_s,
};

mod weather;

fn url(port: u16, rest: &str) -> String {
    format!("memcached://127.0.0.1:{port}{rest}")
}

#[test]
fn functions_return_what_is_right_in_any_weather() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    let url = url(proxy.port(), "?timeout=200ms&connect_timeout=200ms&pause=1ms");
    let tier = Tier::of(memo::backend(&url).expect("its URL is right"));
    let cache = Cache::builder("rough").tier(tier).build().expect("nothing is wrong");
    weather::functions_return_what_is_right(&proxy, &cache, 8, |x| {
        smol::block_on(weather::square_in_a_task(&cache, x))
    });
}

#[memoize(backend = "memcached://127.0.0.1:1?connect_timeout=200ms")]
fn of_nobody(x: u64) -> u64 {
    x + 1
}

#[test]
fn a_server_that_was_never_there_only_costs_the_hits() {
    for x in [1, 2, 1] {
        assert_eq!(of_nobody(x), x + 1);
    }
    let info = memo::cache_info(of_nobody);
    assert!(info.errors > 0 && info.misses == 3, "{info:?}");
}

#[test]
fn a_dead_server_is_left_alone() {
    let Some(server) = Server::start() else { return };
    faults::dead_server_is_left_alone(server.port(), url);
}

#[test]
fn of_several_servers_it_is_said_which_is_dead() {
    let (Some(server), Some(mut other)) = (Server::start(), Server::start()) else { return };
    let url = format!("memcached://127.0.0.1:{},127.0.0.1:{}?trip_after=1&pause=1h", server.port(), other.port());
    let store = memo::backend(&url).expect("opens");
    other.kill();
    let keys: Vec<String> = (0..200).map(|n| format!("key{n}")).collect();
    let ok = keys.iter().filter(|key| store.get(key.as_bytes()).is_ok()).count();
    assert!(ok == 0 || (50..150).contains(&ok), "none if the generation of all is on the dead one, else half: {ok}");
    let error = keys.iter().find_map(|key| store.get(key.as_bytes()).err()).expect("some are there");
    assert!(error.to_string().contains(&format!("127.0.0.1:{}", other.port())), "it says which: {error}");
}

#[test]
fn what_changes_something_is_asked_once() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    let store = memo::backend(&url(proxy.port(), "?trip_after=0")).expect("opens");
    store.remove_prefix(b"f|").expect("removed");
    let before = server.counter("delete_misses");
    proxy.set(Weather::HalfClosed);
    store.remove_prefix(b"f|").expect_err("the answer is lost");
    proxy.set(Weather::Fair);
    store.remove_prefix(b"f|").expect("another connection is made");
    assert_eq!(server.counter("delete_misses") - before, 2);
}

#[test]
fn there_are_no_more_connections_than_the_url_says() {
    let Some(server) = Server::start() else { return };
    let before = server.counter("curr_connections");
    let store = memo::backend(&server.url("?pool=3")).expect("opens");
    thread::scope(|scope| {
        for number in 0..12 {
            let (store, server) = (&store, &server);
            scope.spawn(move || {
                for round in 0..20 {
                    let key = format!("f|i|{number}|{round}");
                    store.set(key.as_bytes(), Item::new(b"x")).expect("stored");
                    assert!(store.get(key.as_bytes()).expect("read").is_some());
                }
                assert!(server.counter("curr_connections") <= before + 3 + 12);
            });
        }
    });
    within_20_s(move || until(|| server.counter("curr_connections") <= before + 3));
}

#[test]
fn a_server_that_says_nothing_is_waited_for_as_long_as_the_url_says() {
    faults::silent_server_is_given_up(url);
}

#[test]
fn what_is_wrong_is_said_without_credentials() {
    let closed = free_port();
    let says = |words| faults::says(words, usize::MAX);
    let others = [
        (says(b"220 mail.example.org ESMTP ready\r\n"), "220 mail.example.org"),
        (says(b"\0\xff\x1b[31m"), "\\u{1b}"),
        (says(b"VALUE other 0 1 1\r\nx\r\n"), "VALUE other"),
        (says(b"VALUE memo:p: 0 1073741824 1\r\n"), "in time"),
        (says(b"VALUE memo:p: 0 3 1\r\n1234567"), "does not end"),
        (says(b"VALUE memo:p: 0 99999999999 1\r\n"), "99999999999"),
    ];
    let others = others.map(|(port, said)| (url(port, "?timeout=500ms"), said));
    let more = [
        (format!("memcached://me:s3cret@127.0.0.1:{closed}"), "refused"),
        (format!("memcached://me:s3cret@127.0.0.1:{}", says(b"ERROR\r\n")), "ERROR"),
        (format!("memcached://me:s3cret@no-such-host.invalid:{closed}"), "failed"),
        (format!("memcached://127.0.0.1:{closed},127.0.0.1:{closed}"), "refused"),
    ];
    for (url, said) in others.into_iter().chain(more) {
        faults::is_said(&url, said, &["s3cret"]);
    }
}

#[test]
fn wrong_urls_are_errors_before_anybody_connects() {
    faults::wrong_urls(&[
        ("memcached://", "says no server"),
        ("memcached://h/0", "no databases"),
        ("memcached://h:x", "`x` in"),
        ("memcached://a,,b", "no host"),
        ("memcached://h?pool=0", "from 1 to 1024"),
        ("memcached://h?eviction=accept", "knows no parameter"),
    ]);
}
