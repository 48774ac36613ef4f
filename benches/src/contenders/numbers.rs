//! `u64 -> u64`.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::{Column, Contender, Keys, TTL};

/// The body of all of them.
fn body(n: u64) -> u64 {
    super::note_run();
    n ^ 0x5555
}

/// The memoized functions of one capacity.
macro_rules! functions {
    ($capacity:tt) => {
        use std::time::Duration;

        #[memo::memoize(ttl = 300, max_entries = $capacity, tag = "bench")]
        pub fn memo(n: u64) -> u64 {
            super::body(n)
        }

        #[cached::macros::cached]
        pub fn cached(n: u64) -> u64 {
            super::body(n)
        }

        #[cached::macros::cached(max_size = $capacity, ttl_secs = 300)]
        pub fn cached_lru_ttl(n: u64) -> u64 {
            super::body(n)
        }

        #[cached::macros::concurrent_cached(max_size = $capacity, ttl_secs = 300)]
        pub fn concurrent(n: u64) -> u64 {
            super::body(n)
        }

        #[memoize::memoize(SharedCache, Capacity: $capacity, TimeToLive: Duration::from_secs(300))]
        pub fn memoize(n: u64) -> u64 {
            super::body(n)
        }
    };
}

#[expect(dead_code, reason = "memoize makes functions beside each of its own")]
mod small {
    functions!(100_000);
}
#[expect(dead_code, reason = "memoize makes functions beside each of its own")]
mod large {
    functions!(200_000);
}
#[expect(dead_code, reason = "memoize makes functions beside each of its own")]
mod evicting {
    functions!(100_000);
}
#[expect(dead_code, reason = "memoize makes functions beside each of its own")]
mod million {
    functions!(1_048_576);
}

/// The bound of a contender's cache. Each has functions of its own, and so caches of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// 100,000 entries, far more than there are keys.
    Small,
    /// 200,000 entries for 100,000 keys: some contenders bound every shard for itself, and must not evict here.
    Large,
    /// 100,000 entries, for keys without end.
    Evicting,
    /// 2^20 entries, for a million.
    Million,
}

impl Room {
    fn entries(self) -> usize {
        match self {
            Self::Small | Self::Evicting => 100_000,
            Self::Large => 200_000,
            Self::Million => 1 << 20,
        }
    }
}

/// A contender, if there is one for this column.
pub fn make(column: Column, room: Room, keys: Keys) -> Option<Contender> {
    macro_rules! function {
        ($name:ident) => {
            match room {
                Room::Small => Contender::new(column, keys, small::$name),
                Room::Large => Contender::new(column, keys, large::$name),
                Room::Evicting => Contender::new(column, keys, evicting::$name),
                Room::Million => Contender::new(column, keys, million::$name),
            }
        };
    }
    Some(match column {
        Column::MemoFront | Column::Bytes | Column::CachedRedb | Column::ByHand => return None,
        Column::Memo => function!(memo),
        Column::Cached if room == Room::Evicting => return None,
        Column::Cached => function!(cached),
        Column::CachedLruTtl => function!(cached_lru_ttl),
        Column::Concurrent => function!(concurrent),
        Column::Memoize => function!(memoize),
        Column::Moka => moka(room, keys),
        Column::QuickCache => quick_cache(room, keys),
        Column::DashMap if room == Room::Evicting => return None,
        Column::DashMap => dashmap(keys),
        Column::Bare if room == Room::Evicting => return None,
        Column::Bare => bare(keys),
    })
}

fn moka(room: Room, keys: Keys) -> Contender {
    let cache = moka::sync::Cache::builder().max_capacity(room.entries() as u64).time_to_live(TTL).build();
    Contender::new(Column::Moka, keys, move |n| {
        cache.get(&n).unwrap_or_else(|| {
            let value = body(n);
            cache.insert(n, value);
            value
        })
    })
}

fn quick_cache(room: Room, keys: Keys) -> Contender {
    let cache = quick_cache::sync::Cache::new(room.entries());
    Contender::new(Column::QuickCache, keys, move |n| {
        cache.get(&n).unwrap_or_else(|| {
            let value = body(n);
            cache.insert(n, value);
            value
        })
    })
}

fn dashmap(keys: Keys) -> Contender {
    let map = dashmap::DashMap::new();
    Contender::new(Column::DashMap, keys, move |n| {
        map.get(&n).map(|value| *value).unwrap_or_else(|| {
            let value = body(n);
            map.insert(n, value);
            value
        })
    })
}

/// A map per thread and nothing else: what a hit costs at the least.
fn bare(keys: Keys) -> Contender {
    thread_local! {
        static MAP: RefCell<HashMap<u64, u64>> = RefCell::new(HashMap::new());
    }
    Contender::new(Column::Bare, keys, |n| {
        MAP.with_borrow_mut(|map| {
            map.get(&n).copied().unwrap_or_else(|| {
                let value = body(n);
                map.insert(n, value);
                value
            })
        })
    })
}
