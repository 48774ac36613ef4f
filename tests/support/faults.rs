//! What networks do to a store, and what its users notice of that.

use std::{
    io::Write,
    net::TcpListener,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use memo::{Cache, Error, backend::Item};

use crate::{
    servers::proxy::{Proxy, Weather},
    until, within_20_s,
};

/// The error of a store that can't be used.
///
/// # Panics
/// If it can.
pub fn error_of(url: &str) -> Error {
    memo::backend(url).and_then(|store| store.get(b"f|i|a|v")).expect_err(url)
}

/// A server that dies and lives again while threads use a cache in it.
///
/// # Panics
/// If one of them is given a wrong value, or the cache is not used again.
pub fn under_load<S>(cache: &Cache<u64, u64>, server: &mut S, deaths: usize, die: fn(&mut S), start_again: fn(&mut S)) {
    let (done, wrong) = (AtomicBool::new(false), AtomicU32::new(0));
    let work = |worker| {
        let mut x = worker;
        while !done.load(Ordering::Relaxed) {
            x = (x + 7) % 100;
            // An error is said; a wrong value is never given.
            let found = cache.get_or_compute(&x, || x * 3).unwrap_or(x * 3);
            wrong.fetch_add(u32::from(found != x * 3), Ordering::Relaxed);
        }
    };
    let until_found = |is_so: fn(Result<Option<u64>, Error>) -> bool| {
        let cache = cache.clone();
        within_20_s(move || until(|| is_so(cache.get(&1))));
    };
    thread::scope(|scope| {
        for worker in 0..4 {
            let work = &work;
            scope.spawn(move || work(worker));
        }
        // Also if this thread finds something wrong.
        let _ended = Ended(&done);
        for _ in 0..deaths {
            until_found(|found| found.is_ok());
            die(server);
            until_found(|found| found.is_err());
            start_again(server);
        }
        until_found(|found| found.is_ok_and(|value| value == Some(3)));
    });
    assert_eq!(wrong.load(Ordering::Relaxed), 0);
    cache.set(1, 3).expect("stored");
    assert_eq!(cache.get(&1).expect("read"), Some(3));
}

/// Ends the other threads of a test when this one ends.
pub struct Ended<'a>(pub &'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A server that is dead is asked a few times, then it is said at once that it is. The URL is that of a store whose server is found at a
/// port, with what stands behind the port.
///
/// # Panics
/// If it is asked more often.
pub fn dead_server_is_left_alone(server: u16, url: fn(u16, &str) -> String) {
    let proxy = Proxy::before(server);
    proxy.set(Weather::Cut);
    let store = memo::backend(&url(proxy.port(), "?trip_after=3&pause=1h")).expect("opens");
    for _ in 0..50 {
        store.get(b"f|i|a|v").expect_err("it is dead");
    }
    assert!(proxy.accepted() <= 4, "{} connections", proxy.accepted());
    let said = store.set(b"f|i|a|v", Item::new(b"x")).expect_err("nobody asks it").to_string();
    assert!(said.contains("left alone"), "{said}");
}

/// A server that says nothing is waited for as long as the URL says.
///
/// # Panics
/// If it is waited for longer.
pub fn silent_server_is_given_up(url: fn(u16, &str) -> String) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("bound").port();
    let begun = Instant::now();
    let error = error_of(&url(port, "?timeout=50ms&connect_timeout=50ms&trip_after=0"));
    assert!(error.is_unavailable() && error.to_string().contains("in time"), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// What one says that is none of a store.
pub const MAIL: &[u8] = b"220 mail.example.org ESMTP ready\r\n";

/// The port of a server that says the same to everybody, so many times, and closes.
///
/// # Panics
/// If no port is free.
pub fn says(words: &'static [u8], times: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            thread::spawn(move || (0..times).all(|_| client.write_all(words).is_ok()));
        }
    });
    port
}

/// A store that can't be used: it is said why, and of which, but no secret is.
///
/// # Panics
/// If it is not, or one is.
pub fn is_said(url: &str, why: &str, secrets: &[&str]) -> Error {
    let error = error_of(url);
    let all = format!("{error} {error:?}");
    assert!(error.to_string().contains(why), "{url}: {all}");
    assert!(!secrets.iter().any(|secret| all.contains(secret)), "{all}");
    let (scheme, _) = url.split_once("://").expect("a URL");
    assert!(all.contains(&format!("{scheme}://")), "{all}");
    error
}

/// URLs that are wrong: it is said before anybody connects, why.
///
/// # Panics
/// If one is not.
pub fn wrong_urls(all: &[(&str, &str)]) {
    for (url, why) in all {
        let error = memo::backend(url).err().expect(url);
        assert!(error.is_config() && error.to_string().contains(why), "{url}: {error}");
    }
}
