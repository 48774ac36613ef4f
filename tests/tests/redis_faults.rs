//! Row 53; promise 5: what the network does to Redis, a function's callers never notice; `Cache` says it.

use std::thread;

use memo::{Cache, backend::Item};
use memo_tests::{
    faults,
    servers::{
        free_port,
        proxy::{Proxy, Weather},
        redis::Server,
    },
    soon, until, within_20_s,
};

mod weather;

fn url(port: u16, rest: &str) -> String {
    format!("redis://127.0.0.1:{port}{rest}")
}

fn cache(name: &str, url: &str) -> Cache<u64, u64> {
    Cache::open(name, url).expect("its URL is right")
}

#[test]
fn functions_return_what_is_right_in_any_weather() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    let cache = cache("rough", &url(proxy.port(), "?timeout=200ms&connect_timeout=200ms&pause=1ms"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("tokio");
    weather::functions_return_what_is_right(&proxy, &cache, 8, |x| {
        runtime.block_on(weather::square_in_a_task(&cache, x))
    });
    drop(runtime);
    // One for threads, and the tasks' ended with their runtime.
    within_20_s(move || until(|| proxy.open() <= 2));
}

#[test]
fn a_server_that_is_killed_and_started_under_load() {
    let Some(mut server) = Server::start() else { return };
    let cache = cache("load", &server.url("?timeout=500ms&pause=10ms"));
    faults::under_load(&cache, &mut server, 3, Server::kill, Server::start_again);
    let clients = server.tell("CLIENT LIST").texts().concat().lines().count();
    assert!(clients <= 16 + 1, "no connection is left behind: {clients}");
}

#[test]
fn a_dead_server_is_left_alone() {
    let Some(server) = Server::start() else { return };
    faults::dead_server_is_left_alone(server.port(), url);
}

#[test]
fn tasks_that_connect_in_vain_leave_no_connection_behind() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    proxy.set(Weather::Silent);
    let url = url(proxy.port(), "?timeout=50ms&connect_timeout=50ms&trip_after=0");
    let cache: memo::aio::Cache<u64, u64> = cache("in vain", &url).into();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("tokio");
    for key in 0..5 {
        runtime.block_on(cache.get(&key)).expect_err("nobody answers");
    }
    assert!(proxy.accepted() >= 5, "{}", proxy.accepted());
    within_20_s(move || until(|| proxy.open() == 0));
}

#[test]
fn a_server_that_lives_again_is_found_by_one_that_tries() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    proxy.set(Weather::Cut);
    let store = memo::backend(&url(proxy.port(), "?trip_after=1&pause=1ms")).expect("opens");
    store.get(b"f|i|a|v").expect_err("it is dead");
    proxy.set(Weather::Fair);
    within_20_s(move || until(|| store.get(b"f|i|a|v").is_ok()));
}

#[test]
fn what_changes_something_is_asked_once() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    let store = memo::backend(&url(proxy.port(), "?trip_after=0")).expect("opens");
    store.set(b"f|i|a|v", Item::new(b"x")).expect("stored");
    server.tell("CONFIG RESETSTAT");
    proxy.set(Weather::HalfClosed);
    store.set(b"f|i|a|v", Item::new(b"y")).expect_err("the answer is lost");
    let stats = server.tell("INFO commandstats").texts().concat();
    assert!(stats.contains("cmdstat_evalsha:calls=1,"), "{stats}");
}

/// Servers close what nobody has used for some time, and a write is asked once only.
#[test]
fn a_connection_that_the_server_closed_is_replaced_before_a_write() {
    let Some(server) = Server::with(&["timeout 1"]) else { return };
    let url = server.url("?trip_after=0");
    let (cache, shared): (_, memo::aio::Cache<u64, u64>) =
        (cache("closed", &url), cache("closed by tasks", &url).into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    for value in 0..3 {
        cache.set(1, value).expect("stored");
        runtime.block_on(shared.set(1, value)).expect("stored");
        // Who asks is the one.
        soon("the server closes them", || server.tell("CLIENT LIST").texts().concat().lines().count() == 1);
    }
}

#[test]
fn who_gets_no_connection_is_told() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    proxy.set(Weather::Silent);
    let url = url(proxy.port(), "?pool=1&timeout=100ms&connect_timeout=1m&trip_after=1&pause=1h");
    let store = memo::backend(&url).expect("opens");
    thread::scope(|scope| {
        let first = scope.spawn(|| store.get(b"f|i|a|v"));
        soon("it connects", || proxy.accepted() == 1);
        let error = store.get(b"f|i|a|v").expect_err("there is one connection");
        assert!(error.is_unavailable() && error.to_string().contains("in use for 100ms"), "{error}");
        proxy.set(Weather::Fair);
        first.join().expect("no panic").expect("read");
    });
    store.get(b"f|i|a|v").expect("that none was free said nothing about the server");
    assert_eq!(proxy.accepted(), 1);
}

#[test]
fn a_server_that_says_nothing_is_waited_for_as_long_as_the_url_says() {
    faults::silent_server_is_given_up(url);
}

#[test]
fn what_is_wrong_is_said_without_credentials() {
    let Some(server) = Server::with(&["requirepass right"]) else { return };
    let port = server.port();
    let (mail, closed) = (faults::says(faults::MAIL, 1), free_port());
    for (url, said) in [
        (format!("redis://:s3cret@127.0.0.1:{port}"), "authentication failed"),
        (format!("redis://127.0.0.1:{port}"), "NOAUTH"),
        (format!("redis://:right@127.0.0.1:{port}/999"), "DB index"),
        (format!("redis://me:s3cret@127.0.0.1:{closed}"), "refused"),
        (format!("redis://me:s3cret@127.0.0.1:{mail}?timeout=300ms"), "failed"),
        (format!("redis://me:s3cret@no-such-host.invalid:{closed}"), "failed"),
        ("redis+unix:///no/such/socket".to_owned(), "No such file"),
    ] {
        faults::is_said(&url, said, &["s3cret", "right"]);
    }
}

#[test]
fn wrong_urls_are_errors_before_anybody_connects() {
    faults::wrong_urls(&[
        ("redis://", "says no server"),
        ("redis://h/x", "`x` in"),
        ("redis://h/-1", "a number from 0 on"),
        ("redis://[::1]6379", "`6379` in"),
        ("redis://a%3A1", "is no host"),
        ("redis://h?prefix=a:e", "behind a colon"),
        ("redis://h?prefix={1}app", "a number in braces"),
        ("redis://a,b", "redis-cluster://"),
        ("redis://h?pool=0", "from 1 to 1024"),
        ("redis://h?eviction=maybe", "`refuse`, `accept`"),
        ("redis://h?password=x", "knows no parameter"),
        ("redis+unix://host/path", "names no socket"),
        ("rediss://h?ca=/no/such/file", "can't be read"),
        ("redis-cluster://h/1", "one database"),
    ]);
}

/// What does not let us ask whether it evicts is no server that does.
#[test]
fn a_user_that_may_not_ask_for_that_is_let_in() {
    let Some(server) = Server::start() else { return };
    server.tell("ACL SETUSER limited on nopass ~* &* +@all -info");
    let store = memo::backend(&format!("redis://limited:x@127.0.0.1:{}", server.port())).expect("opens");
    store.set(b"f|i|a|v", Item::new(b"x")).expect("stored");
}

#[test]
fn a_server_that_may_evict_anything_is_refused() {
    let Some(server) = Server::with(&["maxmemory 100mb", "maxmemory-policy allkeys-lru"]) else { return };
    let error = faults::error_of(&server.url(""));
    assert!(error.is_config() && error.to_string().contains("`maxmemory-policy allkeys-lru`"), "{error}");
    let cache: memo::aio::Cache<u8, u8> = Cache::open("evicted", server.url("").as_str()).expect("opens").into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    assert!(runtime.block_on(cache.get(&1)).is_err());
    let store = memo::backend(&server.url("?eviction=accept")).expect("opens");
    store.set(b"f|i|a|v", Item::new(b"x")).expect("stored");
}
