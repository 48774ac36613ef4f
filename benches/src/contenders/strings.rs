//! `(&str, u32) -> String` and `-> Arc<str>`.

use std::sync::{Arc, LazyLock};

use super::{Column, Contender, Keys, TTL};

/// How many keys there are.
pub const KEYS: u64 = 1_000;

/// The texts that the keys borrow.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| (0..KEYS).map(|n| format!("customer-{n:04}")).collect());

/// The body of all of them.
fn body(name: &str, n: u32) -> String {
    super::note_run();
    format!("the record of {name} in {n}")
}

#[memo::memoize(ttl = 300, max_entries = 100_000, tag = "bench")]
fn memo(name: &str, n: u32) -> String {
    body(name, n)
}

#[memo::memoize(ttl = 300, max_entries = 100_000, tag = "bench")]
fn memo_shared(name: &str, n: u32) -> Arc<str> {
    body(name, n).into()
}

#[cached::macros::cached]
fn cached(name: &str, n: u32) -> String {
    body(name, n)
}

#[cached::macros::cached]
fn cached_shared(name: &str, n: u32) -> Arc<str> {
    body(name, n).into()
}

#[cached::macros::cached(max_size = 100_000, ttl_secs = 300)]
fn cached_lru_ttl(name: &str, n: u32) -> String {
    body(name, n)
}

#[cached::macros::cached(max_size = 100_000, ttl_secs = 300)]
fn cached_lru_ttl_shared(name: &str, n: u32) -> Arc<str> {
    body(name, n).into()
}

#[cached::macros::concurrent_cached(max_size = 100_000, ttl_secs = 300)]
fn concurrent(name: &str, n: u32) -> String {
    body(name, n)
}

#[cached::macros::concurrent_cached(max_size = 100_000, ttl_secs = 300)]
fn concurrent_shared(name: &str, n: u32) -> Arc<str> {
    body(name, n).into()
}

/// It takes no references: the caller makes the text.
mod memoize {
    use std::{sync::Arc, time::Duration};

    #[memoize::memoize(SharedCache, Capacity: 100_000, TimeToLive: Duration::from_secs(300))]
    pub fn owned(name: String, n: u32) -> String {
        super::body(&name, n)
    }

    #[memoize::memoize(SharedCache, Capacity: 100_000, TimeToLive: Duration::from_secs(300))]
    pub fn shared(name: String, n: u32) -> Arc<str> {
        super::body(&name, n).into()
    }
}

fn contender<R>(column: Column, call: impl Fn(&str, u32) -> R + Sync + 'static) -> Option<Contender> {
    let names: &'static [String] = &NAMES;
    Some(Contender::new(column, Keys::Random(KEYS), move |n| call(&names[n as usize], n as u32)))
}

/// A contender whose values are `String`s. The bare one only clones them.
pub fn owned(column: Column) -> Option<Contender> {
    match column {
        Column::Memo => contender(column, memo),
        Column::Cached => contender(column, cached),
        Column::CachedLruTtl => contender(column, cached_lru_ttl),
        Column::Concurrent => contender(column, concurrent),
        Column::Memoize => contender(column, |name, n| memoize::owned(name.to_owned(), n)),
        other => by_hand(other, body),
    }
}

/// A contender whose values are `Arc<str>`s.
pub fn shared(column: Column) -> Option<Contender> {
    match column {
        Column::Memo => contender(column, memo_shared),
        Column::Cached => contender(column, cached_shared),
        Column::CachedLruTtl => contender(column, cached_lru_ttl_shared),
        Column::Concurrent => contender(column, concurrent_shared),
        Column::Memoize => contender(column, |name, n| memoize::shared(name.to_owned(), n)),
        other => by_hand::<Arc<str>>(other, |name, n| body(name, n).into()),
    }
}

/// The libraries underneath, as one would use them without an attribute.
fn by_hand<V>(column: Column, body: fn(&str, u32) -> V) -> Option<Contender>
where
    V: Clone + Send + Sync + 'static,
{
    match column {
        Column::Moka => {
            let cache = moka::sync::Cache::builder().max_capacity(100_000).time_to_live(TTL).build();
            contender(column, move |name, n| {
                cache.get(&Borrowed(name, n)).unwrap_or_else(|| {
                    let value = body(name, n);
                    cache.insert((name.to_owned(), n), value.clone());
                    value
                })
            })
        }
        Column::QuickCache => {
            let cache = quick_cache::sync::Cache::new(100_000);
            contender(column, move |name, n| {
                cache.get(&Borrowed(name, n)).unwrap_or_else(|| {
                    let value = body(name, n);
                    cache.insert((name.to_owned(), n), value.clone());
                    value
                })
            })
        }
        Column::Bare => {
            let values: Vec<V> = NAMES.iter().zip(0..).map(|(name, n)| body(name, n)).collect();
            contender(column, move |_, n| values[n as usize].clone())
        }
        _ => None,
    }
}

/// Asks for a pair without making its text. moka and quick_cache take the same trait.
#[derive(Hash)]
struct Borrowed<'a>(&'a str, u32);

impl quick_cache::Equivalent<(String, u32)> for Borrowed<'_> {
    fn equivalent(&self, key: &(String, u32)) -> bool {
        self.0 == key.0 && self.1 == key.1
    }
}
