//! Async `u64 -> u64`, from a task that is never woken: a hit is ready at its first poll.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::{Column, Contender, Keys, TTL};

async fn body(n: u64) -> u64 {
    super::note_run();
    n ^ 0x5555
}

#[memo::memoize(ttl = 300, max_entries = 100_000, tag = "bench")]
async fn memo(n: u64) -> u64 {
    body(n).await
}

#[cached::macros::cached]
async fn cached(n: u64) -> u64 {
    body(n).await
}

#[cached::macros::cached(max_size = 100_000, ttl_secs = 300)]
async fn cached_lru_ttl(n: u64) -> u64 {
    body(n).await
}

#[cached::macros::concurrent_cached(max_size = 100_000, ttl_secs = 300)]
async fn concurrent(n: u64) -> u64 {
    body(n).await
}

/// A contender, if there is one for this column.
pub fn make(column: Column) -> Option<Contender> {
    let keys = Keys::Random(1_000);
    Some(match column {
        Column::Memo => Contender::new(column, keys, |n| finish(memo(n))),
        Column::Cached => Contender::new(column, keys, |n| finish(cached(n))),
        Column::CachedLruTtl => Contender::new(column, keys, |n| finish(cached_lru_ttl(n))),
        Column::Concurrent => Contender::new(column, keys, |n| finish(concurrent(n))),
        Column::Moka => {
            let cache = moka::future::Cache::builder().max_capacity(100_000).time_to_live(TTL).build();
            Contender::new(column, keys, move |n| finish(cache.get_with(n, body(n))))
        }
        Column::QuickCache => {
            let cache = quick_cache::sync::Cache::new(100_000);
            Contender::new(column, keys, move |n| {
                finish(cache.get_or_insert_async(&n, async { Ok::<_, std::convert::Infallible>(body(n).await) }))
            })
        }
        _ => return None,
    })
}

fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
