//! Rows 37, 62; promises 3, 5, 11: what a hit on an entry that slides asks of the stores, and what it may not do.

use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use memo::{
    Error,
    backend::{self, Backend, Edit, Memory, register_backend},
    cache_entry, cache_get, cache_info,
    clock::TestClock,
    memoize, overwrite_cache,
    wire::Frame,
};
use memo_tests::{fresh, within_20_s};
use tempfile::tempdir;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A store in memory that counts what it is asked for, can be told to refuse changes, and to wait with one.
#[derive(Default)]
struct Watched {
    inner: Memory,
    reads: AtomicU32,
    changes: AtomicU32,
    refuses: AtomicBool,
    /// The next change waits here until somebody says go.
    held: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Watched {
    /// A store under a scheme of its own.
    fn at(scheme: &str) -> Arc<Self> {
        let store = Arc::new(Self::default());
        let opened = store.clone();
        register_backend(scheme, move |_| Ok(opened.clone())).expect("each test has its own");
        store
    }

    /// Reads and changes since they were asked for last.
    fn asked(&self) -> (u32, u32) {
        (self.reads.swap(0, Ordering::SeqCst), self.changes.swap(0, Ordering::SeqCst))
    }
}

impl Backend for Watched {
    fn name(&self) -> &'static str {
        "watched"
    }

    memo_tests::as_inside!(self.inner: capabilities set remove remove_prefix remove_tagged count);

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.get(key)
    }

    fn update(&self, key: &[u8], change: Edit<'_>) -> Result<(), Error> {
        let held = self.held.lock().expect("no panic").take();
        if let Some(held) = held {
            held.recv().expect("somebody says go");
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(Error::unavailable("it takes no changes"));
        }
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.inner.update(key, change)
    }
}

#[test]
fn a_hot_key_is_not_written_with_every_hit() {
    #[memoize(backend = "watched-hot://", ttl = 160, sliding)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let store = Watched::at("watched-hot");
    let clock = TestClock::install();
    let first = number(1);
    store.asked();
    for _ in 0..9 {
        clock.advance(seconds(1));
        assert_eq!(number(1), first);
    }
    assert_eq!(store.asked(), (9, 0));
    clock.advance(seconds(1));
    assert_eq!((number(1), number(1)), (first, first));
    assert_eq!(store.asked(), (2, 1));
    assert_eq!(cache_entry!(number(1)).and_then(|entry| entry.remaining()), Some(seconds(160)));
    assert_eq!(cache_info(number).errors, 0);
}

#[test]
fn memory_before_a_store_asks_it_again_after_a_sixteenth() {
    #[memoize(backend = ["memory", "watched-front://"], ttl = 160, sliding)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let store = Watched::at("watched-front");
    let clock = TestClock::install();
    let first = number(1);
    store.asked();
    for round in 0..20 {
        for _ in 0..9 {
            clock.advance(seconds(1));
            assert_eq!(number(1), first);
        }
        assert_eq!(store.asked(), (0, 0), "round {round}: memory answers");
        clock.advance(seconds(1));
        assert_eq!((number(1), number(1)), (first, first));
        assert_eq!(store.asked(), (1, 1), "round {round}");
        let left = cache_entry!(number(1)).and_then(|entry| entry.remaining());
        assert_eq!(left, Some(seconds(160)), "not that of the copy");
        store.asked();
    }
    clock.advance(seconds(160));
    assert_eq!(cache_get!(number(1)), None);
    assert_ne!(number(1), first);
}

#[test]
fn all_tiers_are_restarted() {
    #[memoize(backend = ["memory", "memory://slides-upper", "memory://slides-lower"], ttl = 160, sliding)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    let first = number(1);
    clock.advance(seconds(100));
    assert_eq!(number(1), first);
    let upper = backend::backend("memory://slides-upper").expect("the same store");
    assert_eq!(upper.remove_prefix(b"").expect("memory"), 1);
    clock.advance(seconds(100));
    assert_eq!(number(1), first, "the lower one has it still");
    assert_eq!(upper.count(b"").expect("memory"), 1, "and the upper one again");
    let lower = backend::backend("memory://slides-lower").expect("the same store");
    assert_eq!(lower.remove_prefix(b"").expect("memory"), 1);
    clock.advance(seconds(100));
    assert_eq!(number(1), first, "it was carried up with its new end");
}

/// A tier where entries live shorter: they slide by what the tier allows.
#[test]
fn the_bound_of_a_tier_is_its_window() {
    #[memoize(backend = ["memory://slides-short?ttl=32", "memory://slides-long"], ttl = 160, sliding)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    let first = number(1);
    clock.advance(seconds(30));
    assert_eq!(number(1), first);
    assert_eq!(lives("memory://slides-short?ttl=32"), (62_000, Some(32_000)));
    assert_eq!(lives("memory://slides-long"), (190_000, Some(160_000)));
    clock.advance(seconds(150));
    assert_eq!(number(1), first, "the other tier has it for all of the ttl");
    assert_eq!(lives("memory://slides-short?ttl=32"), (212_000, Some(32_000)));
}

/// How long after its creation the only entry of a store ends, and what a hit restarts, in milliseconds.
fn lives(url: &str) -> (u64, Option<u64>) {
    let mut found = None;
    let store = backend::backend(url).expect("a store in memory");
    let scanned = store.scan(b"", &mut |_, bytes| {
        let frame = Frame::read(bytes).expect("it is whole");
        found = Some((frame.expires.expect("it ends") - frame.created, frame.window));
        ControlFlow::Break(())
    });
    scanned.expect("memory enumerates");
    found.expect("there is one")
}

#[test]
fn a_restart_that_fails_is_counted_and_reported_and_the_hit_stands() {
    static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    #[memoize(backend = ["memory", "watched-refuses://"], ttl = 160, sliding)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let store = Watched::at("watched-refuses");
    backend::on_error(|function, error| {
        REPORTED.lock().expect("no panic").push(format!("{function} {error}"));
    });
    let clock = TestClock::install();
    let first = number(1);
    store.refuses.store(true, Ordering::SeqCst);
    clock.advance(seconds(100));
    assert_eq!((number(1), number(1)), (first, first));
    assert_eq!(cache_info(number).errors, 1, "memory keeps it for another while: it is not tried with every hit");
    let reported = REPORTED.lock().expect("no panic").clone();
    assert!(
        reported.iter().any(|text| text.contains("number") && text.contains("it takes no changes")),
        "{reported:?}"
    );
    store.refuses.store(false, Ordering::SeqCst);
    clock.advance(seconds(50));
    assert_eq!(number(1), first);
    clock.advance(seconds(150));
    assert_eq!((number(1), cache_info(number).errors), (first, 1));
}

#[test]
fn a_restart_does_not_block_the_executor() {
    #[memoize(backend = "watched-holds://", ttl = 160, sliding)]
    async fn number(n: u64) -> u64 {
        n + fresh()
    }
    within_20_s(|| {
        let store = Watched::at("watched-holds");
        let clock = TestClock::install();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        let first = runtime.block_on(number(1));
        clock.advance(seconds(100));
        let (go_on, held) = mpsc::channel();
        *store.held.lock().expect("no panic") = Some(held);
        let (again, ()) = runtime.block_on(async {
            let ticking = async {
                while store.held.lock().expect("no panic").is_some() {
                    tokio::task::yield_now().await;
                }
                // The restart is held. The only thread of the executor is still here to say go.
                go_on.send(()).expect("it waits");
            };
            tokio::join!(number(1), ticking)
        });
        assert_eq!(again, first);
        assert_eq!(store.asked().1, 1);
    });
}

#[test]
fn a_hit_behind_a_deletion_does_not_bring_the_entry_back() {
    #[memoize(backend = "watched-deleted://", ttl = 160, sliding)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    within_20_s(|| {
        let store = Watched::at("watched-deleted");
        let clock = TestClock::install();
        let first = number(1);
        clock.advance(seconds(100));
        let (go_on, held) = mpsc::channel();
        *store.held.lock().expect("no panic") = Some(held);
        let hit = thread::spawn(|| number(1));
        while store.held.lock().expect("no panic").is_some() {
            thread::yield_now();
        }
        // Another process, which knows nothing of turns here.
        assert_eq!(store.inner.remove_prefix(b"").expect("memory"), 1);
        go_on.send(()).expect("it waits");
        assert_eq!(hit.join().expect("no panic"), first, "it was read before");
        assert_eq!(cache_get!(number(1)), None);
    });
}

/// Registers a store on disk under a scheme that a literal URL can name.
fn on_disk(scheme: &str, url: String) {
    register_backend(scheme, move |_| backend::backend(&url)).expect("each test has its own");
}

#[test]
fn functions_slide_by_the_time_to_live_of_each_value() {
    #[memoize(backend = "slides-on-disk://", ttl = |value| seconds(*value % 1000), sliding)]
    fn by_value(n: u64) -> u64 {
        n + 1000 * fresh()
    }
    let dir = tempdir().expect("a directory");
    on_disk("slides-on-disk", format!("sqlite://{}/cache.db", dir.path().display()));
    let clock = TestClock::install();
    let (short, long) = (by_value(16), by_value(160));
    for _ in 0..5 {
        clock.advance(seconds(15));
        assert_eq!(by_value(16), short);
    }
    clock.advance(seconds(16));
    assert_ne!(by_value(16), short);
    assert_eq!(by_value(160), long);
    clock.advance(seconds(100));
    assert_eq!(overwrite_cache!(by_value(160)) % 1000, 160);
    clock.advance(seconds(159));
    assert_ne!(by_value(160), long, "overwriting begins anew");
    assert_eq!(cache_info(by_value).misses, 4);
}

#[test]
fn what_has_a_time_of_its_own_does_not_slide() {
    #[memoize(backend = "memory://slides-none", ttl = 160, sliding, none_ttl = 100)]
    fn found(n: u64) -> Option<u64> {
        (n > 0).then(fresh)
    }
    let clock = TestClock::install();
    let first = found(1);
    found(0);
    clock.advance(seconds(90));
    assert_eq!((found(1), found(0)), (first, None));
    assert_eq!(cache_info(found).misses, 2);
    clock.advance(seconds(90));
    assert_eq!((found(1), found(0)), (first, None));
    assert_eq!(cache_info(found).misses, 3);
}

#[tokio::test]
async fn async_functions_slide() {
    #[memoize(backend = ["memory", "slides-in-tasks://"], ttl = "160s", sliding, jitter = "5s")]
    async fn number(n: u64) -> u64 {
        n + fresh()
    }
    let dir = tempdir().expect("a directory");
    on_disk("slides-in-tasks", format!("lmdb://{}", dir.path().display()));
    let clock = TestClock::install();
    let (hot, cold) = (number(1).await, number(2).await);
    for _ in 0..5 {
        clock.advance(seconds(100));
        assert_eq!(number(1).await, hot);
    }
    assert_ne!(number(2).await, cold);
    clock.advance(seconds(165));
    assert_ne!(number(1).await, hot);
    assert_eq!(cache_info(number).errors, 0);
}
