//! Row 33; promises 2, 5: the error hook may use what failed.

use std::{
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use memo::{Cache, cache_clear, cache_delete, cache_set, memoize};
use memo_tests::{moody::moody, until, within_20_s};

type Hooks = Vec<(&'static str, fn(&str))>;

/// What the hook does when a function of this name, or a cache, failed: it is one for all tests here.
static HOOKS: LazyLock<Mutex<Hooks>> = LazyLock::new(|| {
    memo::backend::on_error(|function, _| {
        let hooks = HOOKS.lock().expect("no panic").clone();
        for (_, hook) in hooks.iter().filter(|(name, _)| function.rsplit("::").next() == Some(name)) {
            hook(function);
        }
    });
    Mutex::default()
});

fn when_it_fails(name: &'static str, hook: fn(&str)) {
    HOOKS.lock().expect("no panic").push((name, hook));
}

#[test]
fn it_may_read_statistics_of_a_store_that_is_down() {
    static ERRORS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    #[memoize(backend = "hook-statistics://")]
    fn counted(n: u32) -> u32 {
        n
    }
    when_it_fails("counted", |function| {
        let info = memo::info_of(function).expect("it is linked");
        ERRORS.lock().expect("no panic").push(info.errors);
        assert!(memo::cache_len(counted).is_err());
    });
    let store = moody("hook-statistics");
    store.fails.store(true, Ordering::SeqCst);
    assert_eq!(counted(1), 1);
    let errors = ERRORS.lock().expect("no panic").clone();
    assert!(errors.is_sorted() && errors.len() == 2, "a read and a write: {errors:?}");
}

#[test]
fn it_may_call_and_change_what_failed() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "hook-changes://")]
    fn number(n: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    when_it_fails("number", |_| {
        assert_eq!(number(1), 1);
        for changed in [cache_clear(number).map(drop), cache_delete!(number(1)).map(drop), cache_set!(number(1), 2)] {
            assert!(changed.expect_err("it runs where the entry is changed").is_unavailable());
        }
    });
    within_20_s(|| {
        let store = moody("hook-changes");
        assert_eq!(number(1), 1);
        store.fails.store(true, Ordering::SeqCst);
        cache_clear(number).expect_err("the store is down");
        cache_delete!(number(1)).expect_err("the store is down");
        assert_eq!(RUNS.load(Ordering::SeqCst), 3, "a call within each hook");
        store.fails.store(false, Ordering::SeqCst);
        assert_eq!((number(1), RUNS.load(Ordering::SeqCst)), (1, 4), "what was to go is not given");
        assert_eq!((number(1), RUNS.load(Ordering::SeqCst)), (1, 4), "a call goes past the cache only in a hook");
    });
}

#[test]
fn it_may_flush_what_waits_to_be_written() {
    static FLUSHED: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "hook-flushes://"], write = "back")]
    fn queued(n: u32) -> u32 {
        n
    }
    when_it_fails("queued", |_| {
        // The first failure is that of the read.
        if memo::cache_info(queued).queued > 0 {
            memo::flush().expect_err("the hook runs where it is written");
            FLUSHED.fetch_add(1, Ordering::SeqCst);
        }
    });
    within_20_s(|| {
        let store = moody("hook-flushes");
        store.fails.store(true, Ordering::SeqCst);
        queued(1);
        until(|| FLUSHED.load(Ordering::SeqCst) > 0);
        store.fails.store(false, Ordering::SeqCst);
        memo::flush().expect("the store is back");
        assert_eq!(memo::cache_info(queued).queued, 0);
    });
}

#[test]
fn a_hook_that_panics_is_called_again() {
    static CALLED: AtomicU32 = AtomicU32::new(0);
    when_it_fails("panics", |_| {
        CALLED.fetch_add(1, Ordering::SeqCst);
        panic!("the hook gives up");
    });
    let store = moody("hook-panics");
    let cache = Cache::<u32, u32>::open("panics", "hook-panics://").expect("it opens");
    store.fails.store(true, Ordering::SeqCst);
    let failing = thread::spawn(move || {
        for _ in 0..2 {
            let get = std::panic::AssertUnwindSafe(|| cache.get(&1));
            std::panic::catch_unwind(get).expect_err("the hook panics");
        }
        store.fails.store(false, Ordering::SeqCst);
        cache.set(1, 1).expect("nothing is left behind");
        cache.get(&1).expect("reads")
    });
    assert_eq!(failing.join().expect("no panic here"), Some(1));
    assert_eq!(CALLED.load(Ordering::SeqCst), 2);
}
