//! Row 53; promise 5: what the network does to Redis, a function's callers never notice; `Cache` says it.

use std::{
    net::TcpListener,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use memo::{Cache, Error, backend::Item, memoize};
use memo_tests::{
    servers::{
        proxy::{Proxy, Weather},
        redis::Server,
    },
    until, within_20_s,
};

fn error_of(url: &str) -> Error {
    memo::backend(url).and_then(|store| store.get(b"f|i|a|v")).expect_err(url)
}

/// A cache over a tier, for functions that take one by an expression.
fn cache(name: &str, url: &str) -> Cache<u64, u64> {
    Cache::open(name, url).expect("its URL is right")
}

/// What stands before the server of one test, which holds that.
static PORT: OnceLock<u16> = OnceLock::new();
static ROUGH: LazyLock<(Proxy, Cache<u64, u64>)> = LazyLock::new(|| {
    let proxy = Proxy::before(*PORT.get().expect("the server is started"));
    let url = format!("redis://127.0.0.1:{}?timeout=200ms&connect_timeout=200ms&pause=1ms", proxy.port());
    let cache = cache("rough", &url);
    (proxy, cache)
});

static RUNS: AtomicU32 = AtomicU32::new(0);

#[memoize(cache = ROUGH.1)]
fn square(x: u64) -> u64 {
    RUNS.fetch_add(1, Ordering::SeqCst);
    x * x
}

#[memoize(cache = ROUGH.1)]
async fn square_in_a_task(x: u64) -> u64 {
    x * x
}

#[test]
fn functions_return_what_is_right_in_any_weather() {
    let Some(server) = Server::start() else { return };
    PORT.set(server.port()).expect("this is the only test that does");
    let (proxy, cache) = &*ROUGH;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("tokio");
    for (round, weather) in
        [Weather::Silent, Weather::Cut, Weather::Garbled, Weather::HalfClosed].into_iter().enumerate()
    {
        let base = round as u64 * 1000;
        assert_eq!(square(base), base * base);
        assert_eq!(runtime.block_on(square_in_a_task(base)), base * base);
        proxy.set(weather);
        let before = memo::cache_info(square).errors;
        for x in base..base + 8 {
            assert_eq!(square(x), x * x, "{weather:?}");
            assert_eq!(runtime.block_on(square_in_a_task(x)), x * x, "{weather:?}");
        }
        assert!(memo::cache_info(square).errors > before, "what fails is counted: {weather:?}");
        assert!(cache.get(&base).is_err(), "the cache says it: {weather:?}");
        proxy.set(Weather::Fair);
        // Nobody starts anything anew: the next ones find the way again.
        within_20_s(move || until(|| ROUGH.1.set(base, base * base).is_ok()));
        within_20_s(move || until(|| ROUGH.1.get(&base).is_ok_and(|found| found == Some(base * base))));
        let runs = RUNS.load(Ordering::SeqCst);
        assert_eq!((square(base), RUNS.load(Ordering::SeqCst)), (base * base, runs), "and functions hit");
    }
    drop(runtime);
    // One for threads, and the tasks' ended with their runtime.
    within_20_s(|| until(|| ROUGH.0.open() <= 2));
}

#[test]
fn a_server_that_is_killed_and_started_under_load() {
    let Some(mut server) = Server::start() else { return };
    let url = server.url("?timeout=500ms&pause=10ms");
    let cache = Arc::new(cache("load", &url));
    let (done, wrong) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let (cache, done, wrong) = (cache.clone(), done.clone(), wrong.clone());
            thread::spawn(move || {
                let mut x = worker;
                while !done.load(Ordering::Relaxed) {
                    x = (x + 7) % 100;
                    // An error is said; a wrong value is never given.
                    let found = cache.get_or_compute(&x, || x * 3).unwrap_or(x * 3);
                    wrong.fetch_add(u32::from(found != x * 3), Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..3 {
        within_20_s({
            let cache = cache.clone();
            move || until(|| cache.get(&1).is_ok())
        });
        server.kill();
        within_20_s({
            let cache = cache.clone();
            move || until(|| cache.get(&1).is_err())
        });
        server.start_again();
    }
    within_20_s({
        let cache = cache.clone();
        move || until(|| cache.get(&1).is_ok_and(|found| found == Some(3)))
    });
    done.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().expect("no panic");
    }
    assert_eq!(wrong.load(Ordering::Relaxed), 0);
    let clients = server.tell("CLIENT LIST").texts().concat().lines().count();
    assert!(clients <= 16 + 1, "no connection is left behind: {clients}");
}

#[test]
fn a_dead_server_is_left_alone() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    proxy.set(Weather::Cut);
    let url = format!("redis://127.0.0.1:{}?trip_after=3&pause=1h", proxy.port());
    let store = memo::backend(&url).expect("opens");
    for _ in 0..50 {
        store.get(b"f|i|a|v").expect_err("it is dead");
    }
    assert!(proxy.accepted() <= 4, "{} connections", proxy.accepted());
    let said = store.set(b"f|i|a|v", Item::new(b"x")).expect_err("nobody asks it").to_string();
    assert!(said.contains("left alone"), "{said}");
}

#[test]
fn a_server_that_lives_again_is_found_by_one_that_tries() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    proxy.set(Weather::Cut);
    let store = memo::backend(&format!("redis://127.0.0.1:{}?trip_after=1&pause=1ms", proxy.port())).expect("opens");
    store.get(b"f|i|a|v").expect_err("it is dead");
    proxy.set(Weather::Fair);
    within_20_s(move || until(|| store.get(b"f|i|a|v").is_ok()));
}

#[test]
fn what_changes_something_is_asked_once() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    let store = memo::backend(&format!("redis://127.0.0.1:{}?trip_after=0", proxy.port())).expect("opens");
    store.set(b"f|i|a|v", Item::new(b"x")).expect("stored");
    server.tell("CONFIG RESETSTAT");
    proxy.set(Weather::HalfClosed);
    store.set(b"f|i|a|v", Item::new(b"y")).expect_err("the answer is lost");
    let stats = server.tell("INFO commandstats").texts().concat();
    assert!(stats.contains("cmdstat_evalsha:calls=1,"), "{stats}");
}

#[test]
fn a_server_that_says_nothing_is_waited_for_as_long_as_the_url_says() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("bound").port();
    let begun = Instant::now();
    let error = error_of(&format!("redis://127.0.0.1:{port}?timeout=50ms&connect_timeout=50ms&trip_after=0"));
    assert!(error.is_unavailable(), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn what_is_wrong_is_said_without_credentials() {
    let Some(server) = Server::with(&["requirepass right"]) else { return };
    let port = server.port();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let other_port = other.local_addr().expect("bound").port();
    thread::spawn(move || {
        use std::io::Write;
        for mut client in other.incoming().flatten() {
            client.write_all(b"220 mail.example.org ESMTP ready\r\n").ok();
        }
    });
    let closed = memo_tests::servers::free_port();
    for (url, said) in [
        (format!("redis://:s3cret@127.0.0.1:{port}"), "authentication failed"),
        (format!("redis://127.0.0.1:{port}"), "NOAUTH"),
        (format!("redis://:right@127.0.0.1:{port}/999"), "DB index"),
        (format!("redis://me:s3cret@127.0.0.1:{closed}"), "refused"),
        (format!("redis://me:s3cret@127.0.0.1:{other_port}?timeout=300ms"), "failed"),
        (format!("redis://me:s3cret@no-such-host.invalid:{closed}"), "failed"),
        ("redis+unix:///no/such/socket".to_owned(), "No such file"),
    ] {
        let error = error_of(&url);
        let all = format!("{error} {error:?}");
        assert!(all.to_lowercase().contains(&said.to_lowercase()), "{url}: {all}");
        assert!(!all.contains("s3cret") && !all.contains("right"), "{all}");
    }
}

#[test]
fn wrong_urls_are_errors_before_anybody_connects() {
    for (url, said) in [
        ("redis://", "says no server"),
        ("redis://h/x", "`x` in"),
        ("redis://h/-1", "a number from 0 on"),
        ("redis://a,b", "redis-cluster://"),
        ("redis://h?pool=0", "from 1 to 1024"),
        ("redis://h?eviction=maybe", "`refuse`, `accept`"),
        ("redis://h?password=x", "knows no parameter"),
        ("redis+unix://host/path", "names no socket"),
        ("rediss://h?ca=/no/such/file", "can't be read"),
        ("redis-cluster://h/1", "one database"),
    ] {
        let error = memo::backend(url).err().expect(url);
        assert!(error.is_config() && error.to_string().contains(said), "{url}: {error}");
    }
}

#[test]
fn a_server_that_may_evict_anything_is_refused() {
    let Some(server) = Server::with(&["maxmemory 100mb", "maxmemory-policy allkeys-lru"]) else { return };
    let error = error_of(&server.url(""));
    assert!(error.is_config() && error.to_string().contains("`maxmemory-policy allkeys-lru`"), "{error}");
    let cache: memo::aio::Cache<u8, u8> = Cache::open("evicted", server.url("").as_str()).expect("opens").into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    assert!(runtime.block_on(cache.get(&1)).is_err());
    let store = memo::backend(&server.url("?eviction=accept")).expect("opens");
    store.set(b"f|i|a|v", Item::new(b"x")).expect("stored");
}
