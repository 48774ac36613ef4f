//! Rows 59, 60, 61, 62; promises 3, 7: what stores keep is stale, too, and made anew; also by a process that comes later.

use std::{
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use memo::{Cache, cache_delete, cache_entry, cache_get, cache_info, clock::TestClock, memoize, refresh, wire::Frame};
use memo_tests::fresh;
use tempfile::TempDir;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
static DOWN: AtomicBool = AtomicBool::new(false);

fn begin() -> (MutexGuard<'static, ()>, TestClock) {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    DOWN.store(false, Ordering::SeqCst);
    (alone, TestClock::install())
}

fn pass(clock: &TestClock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

#[memoize(ttl = 10, stale_while_revalidate = 60, stale_if_error = 120, backend = "memory://stale")]
fn in_bytes(key: u32) -> Result<u64, String> {
    if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(fresh() + u64::from(key)) }
}

#[memoize(ttl = 10, stale_while_revalidate = 60, stale_if_error = 120, backend = ["memory", "memory://stale-behind"])]
fn in_tiers(key: u32) -> Result<u64, String> {
    if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(fresh() + u64::from(key)) }
}

#[memoize(ttl = 10, stale_while_revalidate = 60, stale_if_error = 120, backend = "memory://stale-in-tasks")]
async fn in_a_task(key: u32) -> Result<u64, String> {
    if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(fresh() + u64::from(key)) }
}

static DIR: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder can be made"));
static FILES: LazyLock<Cache<u32, u64>> = LazyLock::new(|| {
    Cache::builder("files")
        .backend(format!("sqlite://{}/cache.db", DIR.path().display()))
        .ttl(10)
        .build()
        .expect("builds")
});

#[memoize(cache = FILES, stale_while_revalidate = 60, stale_if_error = 120)]
fn in_an_object(key: u32) -> Result<u64, String> {
    if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(fresh() + u64::from(key)) }
}

#[memoize(cache = OBJECT, stale_while_revalidate = 60, stale_if_error = 120)]
fn in_an_object_in_memory(key: u32) -> Result<u64, String> {
    if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(fresh() + u64::from(key)) }
}

static OBJECT: LazyLock<Cache<u32, u64>> = LazyLock::new(|| Cache::builder("object").ttl(10).build().expect("builds"));

/// A life: fresh, stale and made anew, stale without a source, kept in place of errors, gone.
fn lives(clock: &TestClock, what: &str, call: impl Fn() -> Result<u64, String>) {
    let first = call().expect(what);
    assert_eq!(call().as_ref(), Ok(&first), "{what}");
    pass(clock, 11);
    assert_eq!(call().as_ref(), Ok(&first), "{what}: the older one, at once");
    refresh::wait();
    let second = call().expect(what);
    assert!(second > first, "{what}: it was made anew");
    DOWN.store(true, Ordering::SeqCst);
    pass(clock, 59);
    assert_eq!(call().as_ref(), Ok(&second), "{what}: while it can't be made anew");
    refresh::wait();
    pass(clock, 2);
    assert_eq!(call().as_ref(), Ok(&second), "{what}: in place of an error");
    pass(clock, 60);
    assert!(call().is_err(), "{what}: at the end it is gone");
    DOWN.store(false, Ordering::SeqCst);
    assert!(call().expect(what) > second, "{what}");
}

#[test]
fn wherever_entries_are() {
    let (_alone, clock) = begin();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("tokio");
    let before = cache_info(in_bytes);
    lives(&clock, "bytes", || in_bytes(1));
    let after = cache_info(in_bytes);
    let (refreshes, misses) = (after.refreshes - before.refreshes, after.misses - before.misses);
    assert_eq!((refreshes, misses), (2, 4), "one of them failed; an error stood behind two misses");
    lives(&clock, "tiers", || in_tiers(1));
    lives(&clock, "a task", || runtime.block_on(in_a_task(1)));
    lives(&clock, "an object", || in_an_object(1));
    lives(&clock, "an object in memory", || in_an_object_in_memory(1));
    assert_eq!(cache_info(in_a_task).refreshes, 2);
}

#[test]
fn what_is_deleted_is_not_stale() {
    let (_alone, clock) = begin();
    for key in [2, 3] {
        in_tiers(key).expect("it is up");
        in_bytes(key).expect("it is up");
    }
    pass(&clock, 11);
    assert!(cache_get!(in_tiers(2)).is_some() && cache_get!(in_bytes(2)).is_some());
    assert!(cache_entry!(in_bytes(2)).expect("it is there").is_stale());
    cache_delete!(in_tiers(2)).expect("deleted");
    cache_delete!(in_bytes(2)).expect("deleted");
    assert_eq!((cache_get!(in_tiers(2)), cache_get!(in_bytes(2))), (None, None));
    // Beyond the first window it is for errors only.
    pass(&clock, 60);
    assert_eq!((cache_get!(in_tiers(3)), cache_get!(in_bytes(3))), (None, None));
}

#[test]
fn to_who_knows_of_no_window_it_is_absent() {
    let (_alone, clock) = begin();
    for (cache, call) in [(&FILES, in_an_object as fn(u32) -> _), (&OBJECT, in_an_object_in_memory)] {
        let first = call(5).expect("it is up");
        assert_eq!(
            (cache.get(&5).expect("read"), cache.keys().expect("read").any(|key| key == 5)),
            (Some(first), true)
        );
        pass(&clock, 11);
        assert_eq!((cache.get(&5).expect("read"), cache.keys().expect("read").any(|key| key == 5)), (None, false));
        assert_eq!(call(5), Ok(first), "to the function it is not");
        refresh::wait();
        assert!(cache.get(&5).expect("read").is_some_and(|value| value > first));
        pass(&clock, 11);
        let computed = cache.get_or_compute(&5, || 7).expect("computed");
        assert_eq!((computed, call(5)), (7, Ok(7)));
    }
}

#[test]
fn another_process_sees_when_it_becomes_stale() {
    let (_alone, _clock) = begin();
    in_bytes(4).expect("it is up");
    let store = memo::backend("memory://stale").expect("opens");
    let mut seen = Vec::new();
    let mut see = |_: &[u8], bytes: &[u8]| {
        let frame = Frame::read(bytes).expect("it is whole");
        let after = |time: Option<u64>| time.map(|time| time - frame.created);
        seen.push((after(frame.fresh_until), after(frame.expires)));
        std::ops::ControlFlow::Continue(())
    };
    store.scan(b"", &mut see).expect("scanned");
    assert!(seen.contains(&(Some(10_000), Some(120_000))), "{seen:?}");
}
