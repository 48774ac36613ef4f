//! What is worth remembering: successes, failures for a while, and values that are still good.

use std::{
    cell::Cell,
    num::ParseIntError,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use memo::{clock::TestClock, memoize};

thread_local! {
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

fn count_run() {
    RUNS.set(RUNS.get() + 1);
}

/// How often bodies ran while a closure did.
fn runs(calls: impl FnOnce()) -> u32 {
    let before = RUNS.get();
    calls();
    RUNS.get() - before
}

/// Of a `Result` only `Ok` is stored, so its error needs no `Clone`.
#[memoize]
fn parse(text: &str) -> Result<u64, ParseIntError> {
    count_run();
    text.parse()
}

/// Errors are stored too, for ten seconds: a service that is down is not asked at every call.
#[memoize(ttl = "1h", err_ttl = "10s")]
fn ask(service: &str) -> Result<u64, String> {
    count_run();
    Err(format!("{service} is down"))
}

/// `None` is a value like any other; here it is asked for again earlier than a user who was found.
#[memoize(ttl = "1h", none_ttl = 30)]
fn find(name: &str) -> Option<u64> {
    count_run();
    (name == "Ada").then_some(1815)
}

/// Not every value deserves its place.
#[memoize(cache_if = |words| words.len() > 2)]
fn words(text: &str) -> Vec<String> {
    count_run();
    text.split(' ').map(str::to_owned).collect()
}

static REVISION: AtomicU64 = AtomicU64::new(1);

/// Checked at every hit: an entry of an older revision is a miss, and is computed anew.
#[memoize(validate = |entry| entry.value().0 == REVISION.load(Ordering::Relaxed))]
fn template(name: &str) -> (u64, String) {
    count_run();
    let revision = REVISION.load(Ordering::Relaxed);
    (revision, format!("{name}, revision {revision}"))
}

fn main() {
    // Time stands still but for `advance`; a program that is no example needs no such clock.
    let clock = TestClock::install();
    let twice = |call: fn()| runs(|| (call(), call()).0);

    assert_eq!(twice(|| drop(parse("12"))), 1);
    assert_eq!(twice(|| drop(parse("twelve"))), 2);
    println!("parse: Ok is stored, Err is not");

    assert_eq!(twice(|| drop(ask("weather"))), 1);
    clock.advance(Duration::from_secs(10));
    assert_eq!(twice(|| drop(ask("weather"))), 1);
    println!("ask: Err is stored for ten seconds, then asked for again");

    let both = || runs(|| _ = (find("Ada"), find("Bob")));
    assert_eq!((both(), both()), (2, 0));
    clock.advance(Duration::from_secs(30));
    assert_eq!(both(), 1);
    println!("find: None went after half a minute, Some stays for an hour");

    assert_eq!(twice(|| drop(words("one two"))), 2);
    assert_eq!(twice(|| drop(words("one two three"))), 1);
    println!("words: short lists are not stored");

    assert_eq!(twice(|| drop(template("home"))), 1);
    REVISION.store(2, Ordering::Relaxed);
    assert_eq!(template("home").1, "home, revision 2");
    assert_eq!(twice(|| drop(template("home"))), 0);
    println!("template: a new revision makes old entries misses");
}
