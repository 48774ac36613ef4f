//! Row 53; promise 5: what happens to PostgreSQL, and to the way there, a function's callers never notice; `Cache` says it.
#![cfg(unix)]

use std::{
    net::TcpListener,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use memo::{
    Cache, Error,
    backend::{Backend, Item},
};
use memo_tests::{
    faults,
    servers::{
        free_port,
        postgres::{PASSWORD, Server},
        proxy::Proxy,
    },
    until, within_20_s,
};

mod weather;

fn opened(url: &str) -> Arc<dyn Backend> {
    memo::backend(url).expect(url)
}

fn at(port: u16, rest: &str) -> String {
    format!("postgres://memo:{PASSWORD}@127.0.0.1:{port}/postgres{rest}")
}

#[test]
fn functions_return_what_is_right_in_any_weather() {
    let Some(server) = Server::shared() else { return };
    let proxy = Proxy::before(server.port());
    let url = at(proxy.port(), "?table=rough&timeout=1s&connect_timeout=2s&pause=1ms&pool=2");
    let cache: Cache<u64, u64> = Cache::open("rough", url.as_str()).expect("its URL is right");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("tokio");
    within_20_s({
        let cache = cache.clone();
        move || until(|| cache.get(&0).is_ok())
    });
    weather::functions_return_what_is_right(&proxy, &cache, 2, |x| {
        runtime.block_on(weather::square_in_a_task(&cache, x))
    });
    drop(runtime);
    // Those for threads are left; the tasks' ended with their runtime.
    within_20_s(move || until(|| proxy.open() <= 2));
}

#[test]
fn a_server_that_crashes_and_starts_under_load() {
    let Some(mut server) = Server::start() else { return };
    let url = server.url("?timeout=2s&connect_timeout=2s&pause=10ms&pool=3");
    let cache = Cache::open("load", url.as_str()).expect("its URL is right");
    faults::under_load(&cache, &mut server, 2, Server::crash, Server::start_again);
}

#[test]
fn a_write_after_a_restart_finds_the_server() {
    let Some(mut server) = Server::start() else { return };
    let store = opened(&server.url("?trip_after=0"));
    store.set(b"f|i|a|v", Item::new(b"x")).expect("stored");
    server.crash();
    server.start_again();
    // It was told that its connection has ended, or is told now; once.
    let again = || store.set(b"f|i|a|v", Item::new(b"y"));
    again().or_else(|_| again()).expect("stored");
    assert_eq!(store.get(b"f|i|a|v").expect("read").as_deref(), Some(&b"y"[..]));
}

#[test]
fn a_dead_server_is_left_alone() {
    let Some(server) = Server::shared() else { return };
    faults::dead_server_is_left_alone(server.port(), at);
}

/// Who gets no more connections than some works with those.
#[test]
fn a_server_that_gives_few_connections_is_used_through_those() {
    let Some(server) = Server::shared() else { return };
    opened(&server.url("?table=few&prefix=owner")).set(b"k", Item::new(b"x")).expect("the table is made");
    server.sql(&format!(
        "CREATE ROLE few LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 2; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON few, few_removed TO few"
    ));
    let store = opened(&server.url("?table=few&pool=8").replace("memo:", "few:"));
    store.get(b"k").expect("the first is there");
    thread::scope(|scope| {
        for n in 0..8_u8 {
            let store = &store;
            scope.spawn(move || {
                for _ in 0..20 {
                    store.set(&[n], Item::new(&[n; 1000])).expect("stored");
                }
            });
        }
    });
    assert_eq!(store.count(b"").expect("counted"), 8);
}

/// A lock of somebody else's is waited for no longer than an answer, also by the server.
#[test]
fn who_waits_too_long_is_let_go() {
    let Some(server) = Server::shared() else { return };
    let store = opened(&server.url("?table=slow&timeout=200ms&trip_after=0"));
    within_20_s({
        let store = store.clone();
        move || until(|| store.set(b"f|i|a|v", Item::new(b"x")).is_ok())
    });
    let held = thread::scope(|scope| {
        let holder = scope.spawn(|| server.sql("BEGIN; LOCK TABLE slow; SELECT pg_sleep(3); COMMIT"));
        until(|| {
            server.number(
                "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'slow'::regclass",
            ) > 0
        });
        let begun = Instant::now();
        let error = store.set(b"f|i|a|v", Item::new(b"y")).expect_err("the table is locked");
        assert!(error.is_unavailable() && error.to_string().contains("in time"), "{error}");
        let took = begun.elapsed();
        holder.join().expect("no panic");
        took
    });
    assert!(held < Duration::from_secs(3), "{held:?}");
    assert_eq!(store.get(b"f|i|a|v").expect("read").as_deref(), Some(&b"x"[..]), "the server has let it go");
}

/// A write that fails in the middle leaves nothing of its batch, and what comes after it on the connection is not concerned.
#[test]
fn what_the_server_refuses_is_undone_as_a_whole() {
    let Some(server) = Server::shared() else { return };
    let store = opened(&server.url("?table=full&pool=1"));
    store.set(b"f|i|a|v", Item::new(b"old")).expect("stored");
    server.sql(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'could not extend file: No space left on device'; END $$; \
         CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON full_ FOR EACH ROW WHEN (new.value = 'big') EXECUTE FUNCTION no_room()"
            .replace("full_", "\"full\"").as_str(),
    );
    let batch =
        [(&b"f|i|a|v"[..], Item::new(b"new")), (b"f|i|b|v", Item::new(b"big")), (b"f|i|c|v", Item::new(b"new"))];
    let error = store.set_many(&batch).expect_err("there is no room");
    assert!(error.is_unavailable() && error.to_string().contains("No space left"), "{error}");
    let found = store.get_many(&[b"f|i|a|v", b"f|i|b|v", b"f|i|c|v"]).expect("read");
    assert_eq!(found, [Some(b"old".to_vec()), None, None]);
}

#[test]
fn what_is_wrong_is_said_without_credentials() {
    let Some(server) = Server::shared() else { return };
    let port = server.port();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let silent_port = silent.local_addr().expect("bound").port();
    let (mail, closed) = (faults::says(faults::MAIL, 1), free_port());
    let folder = server.dir().display();
    for (url, is_config, said) in [
        (
            format!("postgres://memo:s3cret@127.0.0.1:{port}/postgres?connect_timeout=20s"),
            true,
            "password authentication failed",
        ),
        (format!("postgres://memo@127.0.0.1:{port}/postgres?connect_timeout=20s"), true, "password missing"),
        (
            format!("postgres://nobody:s3cret@127.0.0.1:{port}/postgres?connect_timeout=20s"),
            true,
            "authentication failed",
        ),
        (
            format!("postgres://memo:{PASSWORD}@127.0.0.1:{port}/nothing?connect_timeout=20s"),
            true,
            "\"nothing\" does not exist",
        ),
        (format!("postgres://me:s3cret@127.0.0.1:{closed}/postgres"), false, "refused"),
        (format!("postgres://me:s3cret@127.0.0.1:{mail}/postgres?timeout=300ms"), false, "failed"),
        (format!("postgres://me:s3cret@127.0.0.1:{silent_port}/postgres?connect_timeout=50ms"), false, "in time"),
        (format!("postgres://me:s3cret@no-such-host.invalid:{closed}/postgres"), false, "failed"),
        ("postgres://me@/postgres?socket=/no/such/folder".to_owned(), false, "No such file"),
        (at(port, "?sslmode=require&connect_timeout=20s"), false, "does not support TLS"),
        (format!("postgres://nobody@:{port}/postgres?socket={folder}&connect_timeout=20s"), true, "does not exist"),
    ] {
        let error = faults::is_said(&url, said, &["s3cret", PASSWORD]);
        assert_eq!(error.is_config(), is_config, "{url}: {error}");
    }
}

#[test]
fn wrong_urls_are_errors_before_anybody_connects() {
    let long = format!("postgres://h/d?prefix={}", "p".repeat(256));
    let wide = format!("postgres://h/d?table={}", "t".repeat(41));
    faults::wrong_urls(&[
        ("postgres://", "says no server"),
        ("postgres:///d", "names no host"),
        ("postgres://h/d?socket=/tmp", "names hosts and a `socket`"),
        ("postgres://h/d?table=a-b", "a name of letters"),
        ("postgres://h/d?sslmode=maybe", "`disable`"),
        ("postgres://h/d?sslmode=verify-ca", "needs the certificates"),
        ("postgres://h/d?ca=/no/such/file", "no certificate is looked at"),
        ("postgres://h/d?sslmode=require&ca=/no/such/file", "can't be used"),
        ("postgres://h/d?prefix=%00", "no zero byte"),
        ("postgres://h/d?pool=0", "from 1 to 1024"),
        ("postgres://h/d?password=x", "knows no parameter"),
        (&long, "at most 255 bytes"),
        (&wide, "at most 40 letters"),
    ]);
}

#[test]
fn tls_as_it_is_asked_for() {
    let Some((server, certificate)) = Server::with_tls("localhost") else { return };
    let (ca, other) = (certificate.display(), Server::certificate_of_others());
    let try_with = |host: &str, rest: &str| {
        let url = format!("postgres://memo:{PASSWORD}@{host}:{}/postgres?connect_timeout=10s&{rest}", server.port());
        let store = memo::backend(&url)?;
        store.get(b"k")?;
        let seen = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'memo'";
        let is_encrypted = server.number(seen) > 0;
        drop(store);
        until(|| server.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'memo'") == 0);
        Ok::<_, Error>(is_encrypted)
    };
    for (host, rest, is_encrypted) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), Some(false)),
        ("127.0.0.1", "sslmode=prefer".to_owned(), Some(true)),
        ("127.0.0.1", "sslmode=require".to_owned(), Some(true)),
        ("127.0.0.1", format!("sslmode=require&ca={ca}"), Some(true)),
        ("127.0.0.1", format!("sslmode=verify-ca&ca={ca}"), Some(true)),
        ("127.0.0.1", format!("sslmode=verify-full&ca={ca}"), None),
        ("localhost", format!("sslmode=verify-full&ca={ca}"), Some(true)),
        ("localhost", format!("sslmode=verify-ca&ca={}", other.path().display()), None),
        ("localhost", format!("sslmode=require&ca={}", other.path().display()), None),
        ("localhost", "sslmode=verify-full".to_owned(), None),
    ] {
        let result = try_with(host, &rest);
        match is_encrypted {
            Some(is_encrypted) => assert_eq!(result.expect(&rest), is_encrypted, "{rest}"),
            None => drop(result.expect_err(&rest)),
        }
    }
}
