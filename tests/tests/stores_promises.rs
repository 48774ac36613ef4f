//! Row 38; promises 1, 3, 4, 5, 7, 8, 10, 11 for functions whose entries live in stores outside of memory.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use memo::{
    Cache, Error, Tier,
    backend::{Backend, Memory, UnixMillis, register_backend},
    cache_delete, cache_get, cache_info, cache_set, memoize, overwrite_cache,
};
use memo_tests::{moody::moody, until, within_20_s};

#[test]
fn concurrent_misses_are_one_run() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    static CALLS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "memory://one-run")]
    fn slow(n: u32) -> u32 {
        // Until all have called.
        while CALLS.load(Ordering::SeqCst) < 16 * (n + 1) {
            thread::yield_now();
        }
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    within_20_s(|| {
        for n in 0..50 {
            let barrier = Barrier::new(16);
            thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| {
                        barrier.wait();
                        CALLS.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(slow(n), n);
                    });
                }
            });
        }
    });
    assert_eq!(RUNS.load(Ordering::SeqCst), 50);
    let info = cache_info(slow);
    assert_eq!((info.calls(), info.misses, info.stores), (800, 50, 50));
}

#[test]
fn tasks_and_threads_share_a_run() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    static CALLS: AtomicU32 = AtomicU32::new(0);
    async fn call(n: u32) -> u32 {
        CALLS.fetch_add(1, Ordering::SeqCst);
        slow(n).await
    }
    #[memoize(backend = "memory://one-run-of-tasks")]
    async fn slow(n: u32) -> u32 {
        // Until all have called.
        while CALLS.load(Ordering::SeqCst) < 32 * (n + 1) {
            tokio::task::yield_now().await;
        }
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    within_20_s(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("runs");
        runtime.block_on(async {
            for n in 0..20 {
                let tasks: Vec<_> = (0..32).map(|_| tokio::spawn(call(n))).collect();
                for task in tasks {
                    assert_eq!(task.await.expect("no panic"), n);
                }
            }
        });
    });
    assert_eq!(RUNS.load(Ordering::SeqCst), 20);
}

macro_rules! invalidated_while_it_runs {
    ($($name:ident, $url:literal: $invalidate:expr;)*) => {$(
        /// What is invalidated while a body runs is not stored by it.
        #[test]
        fn $name() {
            static RUNS: AtomicU32 = AtomicU32::new(0);
            static STARTED: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);
            static GO_ON: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
            #[memoize(backend = ["memory", $url], tags = |value| [format!("v:{value}")])]
            fn slow(n: u32) -> u32 {
                let run = RUNS.fetch_add(1, Ordering::SeqCst);
                if run == 0 {
                    STARTED.lock().expect("no panic").take().expect("set").send(()).expect("heard");
                    GO_ON.lock().expect("no panic").take().expect("set").recv().expect("said");
                }
                n + run
            }
            within_20_s(|| {
                let (started, has_started) = mpsc::channel();
                let (go_on, may_go_on) = mpsc::channel();
                *STARTED.lock().expect("no panic") = Some(started);
                *GO_ON.lock().expect("no panic") = Some(may_go_on);
                let first = thread::spawn(|| slow(100));
                has_started.recv().expect("it starts");
                let invalidate: fn() -> Option<u32> = || $invalidate;
                let expected = invalidate();
                go_on.send(()).expect("it waits");
                assert_eq!(first.join().expect("no panic"), 100);
                assert_eq!(cache_get!(slow(100)), expected);
                assert_eq!(slow(100), expected.unwrap_or(101));
            });
        }
    )*};
}

#[test]
fn a_deletion_waits_for_a_write_that_has_begun() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "moody-writes://")]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    within_20_s(|| {
        let store = moody("moody-writes");
        let (go_on, held) = mpsc::channel();
        *store.held.lock().expect("no panic") = Some(held);
        let writing = thread::spawn(|| number(10));
        while store.held.lock().expect("no panic").is_some() {
            thread::yield_now();
        }
        let deleting = thread::spawn(|| cache_delete!(number(10)));
        go_on.send(()).expect("it waits");
        assert_eq!(writing.join().expect("no panic"), 10);
        deleting.join().expect("no panic").expect("it is reachable");
        assert_eq!(cache_get!(number(10)), None, "a write that began before the deletion is deleted");
    });
}

#[test]
fn a_broken_store_breaks_no_call() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "moody-breaks://", tag = "broken")]
    fn number(n: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    let store = moody("moody-breaks");
    assert_eq!((number(1), number(1)), (1, 1));
    store.fails.store(true, Ordering::SeqCst);
    assert_eq!((number(1), number(2)), (1, 2));
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
    assert_eq!(cache_info(number).errors, 4, "two reads, two writes");
    assert!(cache_delete!(number(1)).expect_err("it may still be there").is_unavailable());
    assert!(cache_set!(number(1), 5).expect_err("it is not stored").is_unavailable());
    assert!(memo::cache_clear(number).expect_err("they may still be there").is_unavailable());
    assert!(memo::clear_tag("broken").expect_err("they may still be there").to_string().contains("it is moody"));
    assert_eq!(cache_get!(number(1)), None);
    store.fails.store(false, Ordering::SeqCst);
    assert_eq!(cache_get!(number(1)), None, "what was to go is not given, wherever it stands");
}

#[test]
fn garbled_bytes_are_a_miss_that_is_counted() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "moody-garbles://")]
    fn number(n: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    let store = moody("moody-garbles");
    number(7);
    store.garbles.store(true, Ordering::SeqCst);
    assert_eq!(number(7), 7);
    assert_eq!((RUNS.load(Ordering::SeqCst), cache_info(number).errors), (2, 1));
    store.garbles.store(false, Ordering::SeqCst);
    assert_eq!(number(7), 7);
    assert_eq!(RUNS.load(Ordering::SeqCst), 2);
}

#[test]
fn a_store_that_opens_late_is_used_then() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "moody-late://")]
    fn number(n: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    let clock = memo::clock::TestClock::install();
    assert_eq!((number(1), number(1)), (1, 1));
    assert_eq!(RUNS.load(Ordering::SeqCst), 2);
    let _store = moody("moody-late");
    clock.advance(Duration::from_secs(2));
    assert_eq!((number(1), number(1)), (1, 1));
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
}

#[test]
fn a_panicking_leader_is_followed_by_another() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    static CALLS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "memory://panics")]
    fn number(n: u32) -> u32 {
        // Until all have called.
        while CALLS.load(Ordering::SeqCst) < 8 {
            thread::yield_now();
        }
        assert!(RUNS.fetch_add(1, Ordering::SeqCst) > 0, "the first run fails");
        n
    }
    within_20_s(|| {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn(|| {
                    CALLS.fetch_add(1, Ordering::SeqCst);
                    number(3)
                })
            })
            .collect();
        let results: Vec<_> = callers.into_iter().map(thread::JoinHandle::join).collect();
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1);
        assert_eq!(RUNS.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_blocking_store_does_not_block_the_executor() {
    #[memoize(backend = "moody-blocks://")]
    async fn number(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let store = moody("moody-blocks");
        let (go_on, held) = mpsc::channel();
        *store.held.lock().expect("no panic") = Some(held);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        let (number, ticks) = runtime.block_on(async {
            let ticking = async {
                let mut ticks = 0;
                while store.held.lock().expect("no panic").is_some() {
                    tokio::task::yield_now().await;
                }
                // The store holds a write. The only thread of the executor is still here to say go.
                while ticks < 100 {
                    tokio::task::yield_now().await;
                    ticks += 1;
                }
                go_on.send(()).expect("it waits");
                ticks
            };
            tokio::join!(number(1), ticking)
        });
        assert_eq!((number, ticks), (1, 100));
    });
}

#[test]
fn a_dropped_call_leaves_nothing_behind_that_blocks() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "moody-drops://")]
    async fn number(n: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    within_20_s(|| {
        let store = moody("moody-drops");
        let (go_on, held) = mpsc::channel();
        *store.held.lock().expect("no panic") = Some(held);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        runtime.block_on(async {
            let call = async {
                tokio::pin! {
                    let call = number(1);
                }
                loop {
                    // Until its write is held.
                    if store.held.lock().expect("no panic").is_none() {
                        break;
                    }
                    let _ = futures::poll!(&mut call);
                    tokio::task::yield_now().await;
                }
            };
            call.await;
            // The write goes on behind our back; a deletion comes after it, however long it takes.
            tokio::pin! {
                let deletion = cache_delete!(number(1));
            }
            for _ in 0..10_000 {
                assert!(futures::poll!(&mut deletion).is_pending(), "it overtakes the write");
                tokio::task::yield_now().await;
            }
            go_on.send(()).expect("it waits");
            deletion.await.expect("reachable");
            assert_eq!(cache_get!(number(1)).await, None);
            assert_eq!(number(1).await, 1);
            assert_eq!(RUNS.load(Ordering::SeqCst), 2);
        });
    });
}

/// Row 38: what has expired leaves while others are written.
#[test]
fn expired_entries_are_swept_out_by_writes() {
    #[memoize(backend = "memory://swept", ttl = 10)]
    fn number(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let clock = memo::clock::TestClock::install();
        let store = memo::backend("memory://swept").expect("the same store");
        for n in 0..5 {
            number(n);
        }
        clock.advance(Duration::from_secs(61));
        assert_eq!(store.count(b"").expect("counts"), 5);
        number(9);
        while store.count(b"").expect("counts") > 1 {
            thread::yield_now();
        }
    });
}

/// A store in memory that counts how often it was swept.
#[derive(Default)]
struct Swept {
    inner: Memory,
    times: AtomicU32,
}

impl Backend for Swept {
    fn name(&self) -> &'static str {
        "swept"
    }

    memo_tests::as_inside!(self.inner: get set remove remove_prefix);

    fn purge(&self, now: UnixMillis) -> Result<u64, Error> {
        self.times.fetch_add(1, Ordering::SeqCst);
        self.inner.purge(now)
    }
}

#[test]
fn a_store_is_swept_once_in_a_minute_whoever_writes_to_it() {
    within_20_s(|| {
        let clock = memo::clock::TestClock::install();
        let store = Arc::new(Swept::default());
        let opened = store.clone();
        register_backend("swept-once", move |_| Ok(opened.clone())).expect("this test's own");
        let times = || store.times.load(Ordering::SeqCst);
        let tier = |n: u32| if n.is_multiple_of(2) { Tier::from("swept-once://") } else { Tier::of(store.clone()) };
        let caches: Vec<Cache<u32, u32>> =
            (0..20).map(|n| Cache::builder(format!("swept-{n}")).tier(tier(n)).build().expect("it is open")).collect();
        for minute in 0..5 {
            for cache in &caches {
                cache.set(minute, minute).expect("sets");
            }
            until(|| times() >= minute);
            assert_eq!(times(), minute);
            clock.advance(Duration::from_mins(1));
        }
    });
}

#[test]
fn overwriting_replaces_in_all_tiers() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "memory://overwritten"])]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    assert_eq!(number(10), 10);
    assert_eq!(overwrite_cache!(number(10)), 11);
    assert_eq!(number(10), 11);
    let store = memo::backend("memory://overwritten").expect("the same store");
    assert_eq!(store.count(b"").expect("counts"), 1);
}

invalidated_while_it_runs! {
    deleted, "memory://deleted": {
        assert!(!cache_delete!(slow(100)).expect("reachable"));
        None
    };
    cleared, "memory://cleared": {
        memo::cache_clear(slow).expect("reachable");
        None
    };
    cleared_by_tag, "memory://cleared_by_tag": {
        memo::clear_tag("v:100").expect("reachable");
        None
    };
    set_meanwhile, "memory://set_meanwhile": {
        cache_set!(slow(100), 7).expect("reachable");
        Some(7)
    };
}
