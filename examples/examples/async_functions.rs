//! Async functions: awaited as before, on any runtime. Callers of the same key at the same time share one run.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering},
};

use memo::{cache_get, cache_set, memoize, overwrite_cache, skip_cache};
use memo_examples::{block_on, join_all, unblock};

static DOWNLOADS: AtomicU32 = AtomicU32::new(0);

/// Stands for the network: the work is done on another thread, and the executor is free meanwhile.
async fn download(url: String) -> String {
    let number = DOWNLOADS.fetch_add(1, Ordering::Relaxed) + 1;
    unblock(move || {
        println!("  download {number}: {url}");
        format!("page of {url}")
    })
    .await
}

#[memoize(ttl = "5m", max_entries = 1_000)]
async fn fetch(url: &str) -> String {
    download(url.to_owned()).await
}

/// A function that returns a boxed future works like an `async fn`; so does one that returns `impl Future`.
#[memoize]
fn depth(url: String) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        let page = fetch(&url).await;
        page.matches('/').count()
    })
}

struct Client {
    base: String,
}

impl Client {
    #[memoize(include(self.base))]
    async fn get(&self, path: &str) -> String {
        download(format!("{}{path}", self.base)).await
    }
}

async fn tour() -> Result<(), memo::Error> {
    // One after the other: the second call is a hit.
    let first = fetch("https://a.example").await;
    assert_eq!(fetch("https://a.example").await, first);
    assert_eq!(DOWNLOADS.load(Ordering::Relaxed), 1);

    // At the same time: one runs, nine wait for it and take its value.
    let pages = join_all((0..10).map(|_| fetch("https://b.example"))).await;
    assert_eq!(pages.len(), 10);
    assert_eq!(DOWNLOADS.load(Ordering::Relaxed), 2);
    let info = memo::cache_info(fetch);
    println!("{} of {} hits waited for a running download", info.coalesced, info.hits);
    // A download that is over already is a plain hit.
    assert_eq!(info.hits, 10);

    // A memoized function may call another one.
    assert_eq!(depth("https://a.example".into()).await, 2);
    assert_eq!(DOWNLOADS.load(Ordering::Relaxed), 2);

    let client = Client { base: "https://c.example".into() };
    assert_eq!(client.get("/x").await, client.get("/x").await);
    assert_eq!(DOWNLOADS.load(Ordering::Relaxed), 3);

    // Around one call: the macros give futures, too.
    skip_cache!(fetch("https://a.example")).await;
    overwrite_cache!(fetch("https://a.example")).await;
    assert_eq!(DOWNLOADS.load(Ordering::Relaxed), 5);
    cache_set!(fetch("https://d.example"), "by hand".to_owned()).await?;
    assert_eq!(fetch("https://d.example").await, "by hand");
    assert_eq!(cache_get!(fetch("https://e.example")).await, None);
    Ok(())
}

fn main() -> Result<(), memo::Error> {
    block_on(tour())?;
    println!("\n{}", memo::report());
    Ok(())
}
