//! A cache in Redis that one process serves from, and another invalidates which never calls the function: a program that
//! imports new prices, say, or somebody at a console.
//!
//! ```text
//! cargo run --release --example invalidate_elsewhere                          # starts a Redis of its own
//! cargo run --release --example invalidate_elsewhere -- redis://127.0.0.1
//! ```
//!
//! It starts itself as the other process, with two more arguments: `redis://… article 7`, `redis://… tag fruit`.

use std::{
    env,
    error::Error,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use memo::{cache_delete, memoize};
use memo_examples::redis;

/// How often this process computed something.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// The URL is mostly a literal, `backend = "redis://cache.internal?timeout=250ms"`. Here it is known at run time only, so `main`
/// registers a scheme that leads there.
#[memoize(backend = "prices://", ttl = "1h", tag = if article < 10 { "fruit" } else { "vegetables" })]
fn price(article: u32) -> u32 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    article * 25 // something slow
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => redis::Server::start()?.map_or(Ok(()), |server| serve(&server.url())),
        [url] => serve(url),
        [url, what, which] => invalidate(url, what, which),
        _ => Err("expected: [REDIS_URL [article NUMBER | tag NAME]]".into()),
    }
}

fn open(url: &str) -> Result<(), memo::Error> {
    let url = url.to_owned();
    memo::register_backend("prices", move |_| memo::backend(&url))
}

/// The process that serves.
fn serve(url: &str) -> Result<(), Box<dyn Error>> {
    open(url)?;
    let all = || {
        let before = RUNS.load(Ordering::Relaxed);
        let prices = [7, 8, 12].map(price);
        let runs = RUNS.load(Ordering::Relaxed) - before;
        println!("  prices of articles 7, 8 and 12: {prices:?}; computed: {runs}");
        runs
    };
    memo::cache_clear(price)?; // what an earlier run of this example left there
    println!("One process serves from {url}.");
    assert_eq!((all(), all()), (3, 0));

    elsewhere(url, "article", "7")?;
    assert_eq!((all(), all()), (1, 0));

    elsewhere(url, "tag", "fruit")?;
    assert_eq!((all(), all()), (2, 0));
    memo::cache_clear(price)?;
    Ok(())
}

fn elsewhere(url: &str, what: &str, which: &str) -> Result<(), Box<dyn Error>> {
    let status = Command::new(env::current_exe()?).args([url, what, which]).status()?;
    if status.success() { Ok(()) } else { Err("the other process failed".into()) }
}

/// The other process: it needs the function's path for an entry, and not even that for a tag.
fn invalidate(url: &str, what: &str, which: &str) -> Result<(), Box<dyn Error>> {
    open(url)?;
    match what {
        "article" => {
            let was_there = cache_delete!(price(which.parse()?))?;
            println!("Another process deletes the price of article {which}; there was one: {was_there}");
        }
        "tag" => {
            let cleared = memo::clear_tag(which)?;
            println!("Another process clears the tag `{which}`; entries that had it: {}", cleared.removed());
        }
        _ => return Err(format!("{what}: expected `article` or `tag`").into()),
    }
    assert_eq!(RUNS.load(Ordering::Relaxed), 0, "the function is named, and not called");
    Ok(())
}
