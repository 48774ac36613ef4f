//! Rows 50, 53; promises 5, 7: what becomes of memcached, a function's callers never notice; `Cache` says it.

use std::{
    io::Write,
    net::TcpListener,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use memo::{Cache, Error, Tier, backend::Item, memoize};
use memo_tests::{
    servers::{
        free_port,
        memcached::Server,
        need,
        proxy::{Proxy, Weather},
    },
    until, within_20_s,
};

fn error_of(url: &str) -> Error {
    memo::backend(url).and_then(|store| store.get(b"f|i|a|v")).expect_err(url)
}

/// A cache over a tier that is found by a URL.
fn cache(name: &str, url: &str) -> Cache<u64, u64> {
    let tier = Tier::of(memo::backend(url).expect("its URL is right"));
    Cache::builder(name).tier(tier).build().expect("nothing is wrong")
}

static ROUGH: LazyLock<(Server, Proxy, Cache<u64, u64>)> = LazyLock::new(|| {
    let server = Server::start().expect("asked for before");
    let proxy = Proxy::before(server.port());
    let url = format!("memcached://127.0.0.1:{}?timeout=200ms&connect_timeout=200ms&pause=1ms", proxy.port());
    let cache = cache("rough", &url);
    (server, proxy, cache)
});

static RUNS: AtomicU32 = AtomicU32::new(0);

#[memoize(cache = ROUGH.2)]
fn square(x: u64) -> u64 {
    RUNS.fetch_add(1, Ordering::SeqCst);
    x * x
}

#[memoize(cache = ROUGH.2)]
async fn square_in_a_task(x: u64) -> u64 {
    x * x
}

#[test]
fn functions_return_what_is_right_in_any_weather() {
    if need("memcached", "memcached", &[]).is_none() {
        return;
    }
    let (_, proxy, cache) = &*ROUGH;
    for (round, weather) in
        [Weather::Silent, Weather::Cut, Weather::Garbled, Weather::HalfClosed].into_iter().enumerate()
    {
        let base = round as u64 * 1000;
        assert_eq!(square(base), base * base);
        assert_eq!(smol::block_on(square_in_a_task(base)), base * base);
        proxy.set(weather);
        let before = memo::cache_info(square).errors;
        for x in base..base + 8 {
            assert_eq!(square(x), x * x, "{weather:?}");
            assert_eq!(smol::block_on(square_in_a_task(x)), x * x, "{weather:?}");
        }
        assert!(memo::cache_info(square).errors > before, "what fails is counted: {weather:?}");
        assert!(cache.get(&base).is_err(), "the cache says it: {weather:?}");
        proxy.set(Weather::Fair);
        // Nobody starts anything anew: the next ones find the way again.
        within_20_s(move || until(|| ROUGH.2.set(base, base * base).is_ok()));
        within_20_s(move || until(|| ROUGH.2.get(&base).is_ok_and(|found| found == Some(base * base))));
        let runs = RUNS.load(Ordering::SeqCst);
        assert_eq!((square(base), RUNS.load(Ordering::SeqCst)), (base * base, runs), "and functions hit");
    }
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
    let proxy = Proxy::before(server.port());
    proxy.set(Weather::Cut);
    let store = memo::backend(&format!("memcached://127.0.0.1:{}?trip_after=3&pause=1h", proxy.port())).expect("opens");
    for _ in 0..50 {
        store.get(b"f|i|a|v").expect_err("it is dead");
    }
    assert!(proxy.accepted() <= 4, "{} connections", proxy.accepted());
    let said = store.set(b"f|i|a|v", Item::new(b"x")).expect_err("nobody asks it").to_string();
    assert!(said.contains("left alone"), "{said}");
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
    let store = memo::backend(&format!("memcached://127.0.0.1:{}?trip_after=0", proxy.port())).expect("opens");
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
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("bound").port();
    let begun = Instant::now();
    let error = error_of(&format!("memcached://127.0.0.1:{port}?timeout=50ms&connect_timeout=50ms&trip_after=0"));
    assert!(error.is_unavailable() && error.to_string().contains("in time"), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// A server that says the same to everybody, again and again.
fn says(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            thread::spawn(move || while client.write_all(words).is_ok() {});
        }
    });
    port
}

#[test]
fn what_is_wrong_is_said_without_credentials() {
    let closed = free_port();
    let others = [
        (says(b"220 mail.example.org ESMTP ready\r\n"), "220 mail.example.org"),
        (says(b"\0\xff\x1b[31m"), "\\u{1b}"),
        (says(b"VALUE other 0 1 1\r\nx\r\n"), "VALUE other"),
        (says(b"VALUE memo:p: 0 1073741824 1\r\n"), "in time"),
        (says(b"VALUE memo:p: 0 3 1\r\n1234567"), "does not end"),
        (says(b"VALUE memo:p: 0 99999999999 1\r\n"), "99999999999"),
    ];
    let others = others.map(|(port, said)| (format!("memcached://127.0.0.1:{port}?timeout=500ms"), said));
    let more = [
        (format!("memcached://me:s3cret@127.0.0.1:{closed}"), "refused"),
        (format!("memcached://me:s3cret@127.0.0.1:{}", says(b"ERROR\r\n")), "ERROR"),
        (format!("memcached://me:s3cret@no-such-host.invalid:{closed}"), "failed"),
        (format!("memcached://127.0.0.1:{closed},127.0.0.1:{closed}"), "refused"),
    ];
    for (url, said) in others.into_iter().chain(more) {
        let error = error_of(&url);
        let all = format!("{error} {error:?}");
        assert!(error.to_string().contains(said), "{url}: {all}");
        assert!(!all.contains("s3cret") && all.contains("memcached://"), "{all}");
    }
}

#[test]
fn wrong_urls_are_errors_before_anybody_connects() {
    for (url, said) in [
        ("memcached://", "says no server"),
        ("memcached://h/0", "no databases"),
        ("memcached://h:x", "`x` in"),
        ("memcached://a,,b", "no host"),
        ("memcached://h?pool=0", "from 1 to 1024"),
        ("memcached://h?eviction=accept", "knows no parameter"),
    ] {
        let error = memo::backend(url).err().expect(url);
        assert!(error.is_config() && error.to_string().contains(said), "{url}: {error}");
    }
}
