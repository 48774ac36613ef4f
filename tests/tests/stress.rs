//! Rows 13, 18, 20; promises 1 to 4, 8, 10: all operations at once, on many threads, and every invariant afterwards.

use std::{
    borrow::Borrow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use memo::{CacheInfo, Mode, cache_delete, cache_get, cache_set, call_with, memoize};

const KEYS: usize = 40;
const THREADS: usize = 8;

/// What is true about the keys of one function, and what its callers did.
struct Truth {
    /// The version that a body gives now. It rises before an invalidation begins.
    now: [AtomicU64; KEYS],
    /// No call that begins now may see an older version. It rises after an invalidation has returned.
    oldest: [AtomicU64; KEYS],
    /// Sets go one at a time, with no invalidation beside them: two that overlap may end in either order.
    sets: RwLock<()>,
    calls: AtomicU64,
    skipped: AtomicU64,
    runs: AtomicU64,
}

/// A value that says which key and version it is, twice.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Value {
    key: u64,
    version: u64,
    check: u64,
}

/// The same with a destructor.
#[derive(Clone, Debug)]
struct Owned(Box<Value>);

impl From<Value> for Owned {
    fn from(value: Value) -> Self {
        Self(Box::new(value))
    }
}

impl Borrow<Value> for Owned {
    fn borrow(&self) -> &Value {
        &self.0
    }
}

fn value(key: u64, version: u64) -> Value {
    Value { key, version, check: key.wrapping_mul(31) ^ version }
}

impl Truth {
    const fn new() -> Self {
        Self {
            now: [const { AtomicU64::new(0) }; KEYS],
            oldest: [const { AtomicU64::new(0) }; KEYS],
            sets: RwLock::new(()),
            calls: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            runs: AtomicU64::new(0),
        }
    }

    /// A body.
    fn load(&self, key: u64) -> Value {
        let runs = self.runs.fetch_add(1, SeqCst);
        let version = self.now[at(key)].load(SeqCst);
        if runs.is_multiple_of(7) {
            thread::yield_now();
        }
        assert!(!runs.is_multiple_of(1009), "a body panics, as the test wants it");
        value(key, version)
    }

    async fn load_async(&self, key: u64) -> Value {
        let value = self.load(key);
        smol::future::yield_now().await;
        value
    }

    /// What a call that begins now must at least see.
    fn begin(&self, key: u64) -> u64 {
        self.oldest[at(key)].load(SeqCst)
    }

    fn check(&self, key: u64, oldest: u64, seen: Value) {
        assert_eq!(seen, value(key, seen.version), "never another's value");
        assert!(seen.version >= oldest, "key {key}: version {} after {oldest} was due", seen.version);
        assert!(seen.version <= self.now[at(key)].load(SeqCst));
    }

    /// An invalidation of one key.
    fn invalidate(&self, key: u64, act: impl FnOnce()) {
        let _sets = self.sets.read().expect("not poisoned");
        let version = self.now[at(key)].fetch_add(1, SeqCst) + 1;
        act();
        self.oldest[at(key)].fetch_max(version, SeqCst);
    }

    fn invalidate_all(&self, act: impl FnOnce()) {
        let _sets = self.sets.read().expect("not poisoned");
        let versions = self.now.each_ref().map(|now| now.fetch_add(1, SeqCst) + 1);
        act();
        for (oldest, version) in self.oldest.iter().zip(versions) {
            oldest.fetch_max(version, SeqCst);
        }
    }

    fn set(&self, key: u64, act: impl FnOnce(Value)) {
        let _sets = self.sets.write().expect("not poisoned");
        let version = self.now[at(key)].fetch_add(1, SeqCst) + 1;
        act(value(key, version));
        self.oldest[at(key)].fetch_max(version, SeqCst);
    }
}

fn at(key: u64) -> usize {
    usize::try_from(key).unwrap_or(KEYS)
}

/// What the test does with a function, whatever its options are.
struct Subject {
    name: &'static str,
    truth: &'static Truth,
    call: fn(Mode, u64) -> Value,
    get: fn(u64) -> Option<Value>,
    set: fn(u64, Value),
    delete: fn(u64) -> bool,
    clear: fn(),
    info: fn() -> CacheInfo,
    /// Tags of all entries, and of one key's.
    tags: [fn(u64) -> String; 2],
}

/// The result of what a function gives: a future's, if the function is async.
macro_rules! settled {
    (async $call:expr) => {
        smol::block_on($call)
    };
    ($call:expr) => {
        $call
    };
}

macro_rules! body {
    (async $key:ident) => {
        TRUTH.load_async($key).await.into()
    };
    ($key:ident) => {
        TRUTH.load($key).into()
    };
}

macro_rules! subjects {
    ($($(#$face:tt)? $name:ident($key:ident) -> $kind:ty { $($options:tt)* })*) => {
        $(mod $name {
            use super::*;

            pub(super) static TRUTH: Truth = Truth::new();

            #[memoize($($options)*)]
            pub(super) $($face)? fn load($key: u64) -> $kind {
                body!($($face)? $key)
            }

            pub(super) const SUBJECT: Subject = Subject {
                name: stringify!($name),
                truth: &TRUTH,
                call: |mode, key| *settled!($($face)? call_with!(mode, load(key))).borrow(),
                get: |key| settled!($($face)? cache_get!(load(key))).map(|value| *value.borrow()),
                set: |key, value| settled!($($face)? cache_set!(load(key), value.into())).expect("memory"),
                delete: |key| settled!($($face)? cache_delete!(load(key))).expect("memory"),
                clear: || {
                    memo::cache_clear(load).expect("memory");
                },
                info: || memo::cache_info(load),
                tags: [|_| stringify!($name).to_owned(), |key| format!("{} {key}", stringify!($name))],
            };
        })*

        static SUBJECTS: &[Subject] = &[$($name::SUBJECT),*];
    };
}

subjects! {
    plain(key) -> Value { tag = "plain", tags = [format!("plain {key}")] }
    by_value(key) -> Value {
        tag = "by_value", tags = |value| [format!("by_value {}", value.key)], ttl = "2ms", jitter = 0.5
    }
    small(key) -> Value { tag = "small", tags = [format!("small {key}")], max_entries = 8 }
    heavy(key) -> Owned {
        tag = "heavy", tags = [format!("heavy {key}")], max_weight = 50, weigh = |_, value| 1 + value.0.key % 5
    }
    lru(key) -> Value {
        tag = "lru", tags = [format!("lru {key}")], max_entries = 8, policy = "lru", ttl = "5ms", sliding
    }
    lfu(key) -> Owned { tag = "lfu", tags = [format!("lfu {key}")], max_entries = 8, policy = "lfu" }
    fifo(key) -> Value { tag = "fifo", tags = [format!("fifo {key}")], max_entries = 8, policy = "fifo", ttl = "1ms" }
    alone(key) -> Value { tag = "alone", tags = [format!("alone {key}")], single_flight = false }
    #async task(key) -> Value { tag = "task", tags = |value| [format!("task {}", value.key)] }
    #async small_task(key) -> Owned {
        tag = "small_task", tags = [format!("small_task {key}")], max_entries = 8, ttl = "5ms"
    }
}

/// `SplitMix64`: the same operations in every run of a thread.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    }
}

impl Subject {
    fn call(&self, mode: Mode, key: u64) {
        let oldest = self.truth.begin(key);
        let counts = if mode == Mode::Skip { &self.truth.skipped } else { &self.truth.calls };
        counts.fetch_add(1, SeqCst);
        // A body may panic; that is one run less to look at.
        if let Ok(value) = catch_unwind(AssertUnwindSafe(|| (self.call)(mode, key))) {
            self.truth.check(key, oldest, value);
        }
    }

    fn step(&self, random: &mut Random) {
        let key = random.below(KEYS as u64);
        match random.below(1000) {
            0..800 => self.call(Mode::Normal, key),
            800..830 => self.call(Mode::Overwrite, key),
            830..850 => self.call(Mode::Skip, key),
            850..900 => {
                let oldest = self.truth.begin(key);
                if let Some(value) = (self.get)(key) {
                    self.truth.check(key, oldest, value);
                }
            }
            900..920 => self.truth.set(key, |value| (self.set)(key, value)),
            920..950 => self.truth.invalidate(key, || {
                (self.delete)(key);
            }),
            950..970 => {
                let tag = self.tags[1](key);
                self.truth.invalidate(key, || {
                    memo::clear_tag(tag).expect("memory");
                });
            }
            970..978 => {
                let tag = self.tags[0](key);
                self.truth.invalidate_all(|| {
                    memo::clear_tag(tag).expect("memory");
                });
            }
            978..985 => self.truth.invalidate_all(self.clear),
            985..995 => {
                let _off = memo::disabled_here();
                let oldest = self.truth.begin(key);
                if let Ok(value) = catch_unwind(AssertUnwindSafe(|| (self.call)(Mode::Normal, key))) {
                    self.truth.check(key, oldest, value);
                }
                assert_eq!((self.get)(key), None);
                self.truth.invalidate(key, || {
                    (self.delete)(key);
                });
            }
            995..999 => {
                memo::purge_expired().expect("memory");
            }
            _ => clear_everything(SUBJECTS),
        }
    }

    /// What holds at every moment.
    fn check_bounds(&self) {
        let info = (self.info)();
        assert!(info.max_entries.is_none_or(|most| info.size <= most), "{}: {info:?}", self.name);
        assert!(info.max_weight.is_none_or(|most| info.weight <= most), "{}: {info:?}", self.name);
        assert!(info.size <= KEYS as u64 && info.coalesced <= info.hits, "{}: {info:?}", self.name);
    }

    /// What holds when nobody does anything any more.
    fn check_sums(&self) {
        memo::purge_expired().expect("memory");
        self.check_bounds();
        let clock = memo::clock::TestClock::install();
        memo::purge_expired().expect("memory");
        let (info, truth) = ((self.info)(), self.truth);
        assert_eq!(info.hits + info.misses, truth.calls.load(SeqCst), "{}: {info:?}", self.name);
        assert_eq!(info.skipped, truth.skipped.load(SeqCst), "{}: {info:?}", self.name);
        let present: Vec<_> = (0..KEYS as u64).filter(|key| (self.get)(*key).is_some()).collect();
        assert_eq!(info.size, present.len() as u64, "{}: {present:?}", self.name);
        if info.max_weight.is_some() {
            assert_eq!(info.weight, present.iter().map(|key| 1 + key % 5).sum::<u64>(), "{}", self.name);
        }
        assert!(info.stores >= info.size + info.evictions + info.expirations, "{}: {info:?}", self.name);
        drop(clock);
        // And all goes on as if nothing had happened.
        for key in 0..KEYS as u64 {
            truth.invalidate(key, || {
                (self.delete)(key);
            });
            self.call(Mode::Normal, key);
        }
    }
}

/// All functions, one inside the other, so that their floors rise after everything is cleared.
fn clear_everything(subjects: &[Subject]) {
    match subjects.split_first() {
        Some((first, rest)) => first.truth.invalidate_all(|| clear_everything(rest)),
        None => {
            memo::clear_all().expect("memory");
        }
    }
}

#[test]
fn everything_at_once_keeps_every_promise() {
    let seconds = std::env::var("MEMO_STRESS_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    // The panics of the bodies are wanted, and many.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let wanted = info.payload_as_str().is_some_and(|text| text.ends_with("as the test wants it"));
        if !wanted {
            report(info);
        }
    }));
    let (stop, failed) = (AtomicBool::new(false), AtomicBool::new(false));
    let (ended, start) = (AtomicU64::new(0), Barrier::new(THREADS));
    thread::scope(|scope| {
        for seed in 0..THREADS as u64 {
            let (stop, failed, ended, start) = (&stop, &failed, &ended, &start);
            scope.spawn(move || {
                let mut random = Random(seed);
                start.wait();
                while !stop.load(SeqCst) {
                    let subject = &SUBJECTS[usize::try_from(random.below(SUBJECTS.len() as u64)).unwrap_or(0)];
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| subject.step(&mut random))) {
                        failed.store(true, SeqCst);
                        eprintln!("in {}", subject.name);
                        ended.fetch_add(1, SeqCst);
                        std::panic::resume_unwind(panic);
                    }
                }
                ended.fetch_add(1, SeqCst);
            });
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until && !failed.load(SeqCst) {
            SUBJECTS.iter().for_each(Subject::check_bounds);
            thread::yield_now();
        }
        stop.store(true, SeqCst);
        let patience = Instant::now() + Duration::from_secs(20);
        while ended.load(SeqCst) < THREADS as u64 {
            if Instant::now() > patience {
                // The scope would wait for its threads for ever.
                eprintln!("{} of {THREADS} threads have ended after 20 s: a lost wake-up", ended.load(SeqCst));
                std::process::abort();
            }
            thread::yield_now();
        }
    });
    SUBJECTS.iter().for_each(Subject::check_sums);
}
