//! Who is measured, and the loop that calls all of them alike.

pub mod numbers;
pub mod strings;
pub mod tasks;

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::runtime::Runtime;

/// The time to live of every contender that has one. No run takes as long.
pub const TTL: Duration = Duration::from_secs(300);

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Memo,
    /// memo with the copies that its threads keep: for hit ratios, where they count apart.
    MemoFront,
    Cached,
    CachedLruTtl,
    Concurrent,
    Memoize,
    Moka,
    QuickCache,
    DashMap,
    Bare,
    /// What memo's store gives for a key: bytes.
    Bytes,
    /// cached on redb.
    CachedRedb,
    /// The library under a store, and nothing else.
    ByHand,
}

impl Column {
    pub const ALL: [Self; 13] = [
        Self::Memo,
        Self::MemoFront,
        Self::Cached,
        Self::CachedLruTtl,
        Self::Concurrent,
        Self::Memoize,
        Self::Moka,
        Self::QuickCache,
        Self::DashMap,
        Self::Bare,
        Self::Bytes,
        Self::CachedRedb,
        Self::ByHand,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Memo => "memo",
            Self::MemoFront => "memo with front",
            Self::Cached => "cached",
            Self::CachedLruTtl => "cached lru+ttl",
            Self::Concurrent => "concurrent_cached",
            Self::Memoize => "memoize",
            Self::Moka => "moka",
            Self::QuickCache => "quick_cache",
            Self::DashMap => "dashmap",
            Self::Bare => "bare",
            Self::Bytes => "its bytes",
            Self::CachedRedb => "cached on redb",
            Self::ByHand => "by hand",
        }
    }
}

/// Which keys the calls have.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// So many different ones, at random.
    Random(u64),
    /// A new one every time.
    Fresh,
}

type Loop = Box<dyn Fn(u64) + Sync>;

/// One contender in one row.
pub struct Contender {
    pub column: Column,
    /// Is every call a hit once the contender is warm?
    pub only_hits: bool,
    /// Calls that make it warm.
    pub warm_up: u64,
    calls: Loop,
}

impl Contender {
    pub fn new<R>(column: Column, keys: Keys, call: impl Fn(u64) -> R + Sync + 'static) -> Self {
        let (only_hits, warm_up, calls): (_, _, Loop) = match keys {
            Keys::Random(distinct) => (true, 20 * distinct, Box::new(move |calls| random(calls, distinct, &call))),
            Keys::Fresh => {
                // Others may use the same store, and must not have had these keys.
                static FIRST: AtomicU64 = AtomicU64::new(1);
                let state = AtomicU64::new(FIRST.fetch_add(1, Ordering::Relaxed));
                (false, 0, Box::new(move |calls| fresh(calls, &state, &call)))
            }
        };
        Self { column, only_hits, warm_up, calls }
    }

    /// One whose calls several tasks make, at the same time.
    pub fn of_tasks<F>(
        column: Column,
        distinct: u64,
        (runtime, tasks): (&'static Runtime, u64),
        call: impl Fn(u64) -> F + Copy + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let calls: Loop = Box::new(move |calls| {
            let task = |number| runtime.spawn(random_in_task((calls + number) / tasks, distinct, number, call));
            let running: Vec<_> = (0..tasks).map(task).collect();
            runtime.block_on(async {
                for task in running {
                    task.await.expect("no contender panics");
                }
            });
        });
        Self { column, only_hits: true, warm_up: 20 * distinct, calls }
    }

    /// Makes so many calls.
    pub fn run(&self, calls: u64) {
        (self.calls)(calls);
    }
}

/// A linear congruential generator (Knuth, MMIX): two instructions, and a period in which no state comes twice.
fn next(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

#[inline(never)]
fn random<R>(calls: u64, distinct: u64, call: &impl Fn(u64) -> R) {
    let mut state = 1;
    for _ in 0..calls {
        state = next(state);
        black_box(call(black_box(((state >> 32) * distinct) >> 32)));
    }
}

/// The same in a task; each has keys of its own.
async fn random_in_task<F: Future>(calls: u64, distinct: u64, task: u64, call: impl Fn(u64) -> F) {
    let mut state = next(task << 32);
    for _ in 0..calls {
        state = next(state);
        black_box(call(black_box(((state >> 32) * distinct) >> 32)).await);
    }
}

#[inline(never)]
fn fresh<R>(calls: u64, from: &AtomicU64, call: &impl Fn(u64) -> R) {
    let mut state = from.load(Ordering::Relaxed);
    for _ in 0..calls {
        state = next(state);
        black_box(call(black_box(state)));
    }
    from.store(state, Ordering::Relaxed);
}

static RUNS: AtomicU64 = AtomicU64::new(0);

/// How often bodies ran.
pub fn runs() -> u64 {
    RUNS.load(Ordering::Relaxed)
}

/// What every body does first.
pub fn note_run() {
    RUNS.fetch_add(1, Ordering::Relaxed);
}
