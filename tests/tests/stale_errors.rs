//! Rows 20, 60; promise 4: what can't be made anew keeps its last good value for a while, and nobody tries again at once.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use memo::{cache_get, cache_info, clock::TestClock, memoize, refresh};
use memo_tests::fresh;

static DOWN: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicU32 = AtomicU32::new(0);
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn begin() -> (MutexGuard<'static, ()>, TestClock) {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    DOWN.store(false, Ordering::SeqCst);
    (alone, TestClock::install())
}

fn pass(clock: &TestClock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

/// Neither `Clone` nor `Send`.
#[derive(Debug)]
struct Down(#[expect(dead_code, reason = "it is not to be sent")] *const ());

fn ask() -> Result<u64, Down> {
    ASKED.fetch_add(1, Ordering::SeqCst);
    if DOWN.load(Ordering::SeqCst) { Err(Down(std::ptr::null())) } else { Ok(fresh()) }
}

#[memoize(ttl = 10, stale_if_error = 60)]
fn price(item: &str) -> Result<u64, Down> {
    let _ = item;
    ask()
}

/// How often the source was asked by this.
fn asked<T>(call: impl FnOnce() -> T) -> (T, u32) {
    let before = ASKED.load(Ordering::SeqCst);
    let value = call();
    (value, ASKED.load(Ordering::SeqCst) - before)
}

#[test]
fn an_error_gives_way_to_the_last_good_value() {
    let (_alone, clock) = begin();
    let first = price("tea").expect("it is up");
    DOWN.store(true, Ordering::SeqCst);
    pass(&clock, 11);
    let (value, runs) = asked(|| price("tea").expect("the last good value"));
    assert_eq!((value, runs), (first, 1), "it is asked first");
    let (values, runs) = asked(|| [price("tea"), price("tea")].map(|value| value.expect("still")));
    assert_eq!((values, runs), ([first; 2], 0), "nobody tries again at once");
    pass(&clock, 2);
    let (value, runs) = asked(|| price("tea").expect("still"));
    assert_eq!((value, runs), (first, 1), "but in a moment");
    let info = cache_info(price);
    assert_eq!((info.misses, info.hits, info.stale_hits), (3, 2, 4));
    pass(&clock, 2);
    DOWN.store(false, Ordering::SeqCst);
    let second = price("tea").expect("it is up again");
    assert!(second > first);
    assert_eq!(price("tea").expect("a hit"), second);
    DOWN.store(true, Ordering::SeqCst);
    pass(&clock, 60);
    price("tea").expect_err("beyond the window it is an error");
    assert_eq!(cache_get!(price("tea")), None);
}

#[test]
fn what_was_never_there_is_an_error() {
    let (_alone, _clock) = begin();
    DOWN.store(true, Ordering::SeqCst);
    price("coffee").expect_err("there is nothing else");
}

#[memoize(ttl = 10, stale_if_error = 60)]
fn panics(key: u32) -> u64 {
    ask().expect("it is up") + u64::from(key)
}

#[test]
fn so_does_a_panic() {
    let (_alone, clock) = begin();
    let first = panics(1);
    DOWN.store(true, Ordering::SeqCst);
    pass(&clock, 11);
    assert_eq!(panics(1), first);
    assert_eq!(asked(|| panics(1)), (first, 0));
    catch_unwind(|| panics(2)).expect_err("there is nothing else");
    pass(&clock, 50);
    catch_unwind(|| panics(1)).expect_err("beyond the window it goes on");
    DOWN.store(false, Ordering::SeqCst);
    assert!(panics(1) > first);
}

#[memoize(ttl = 10, stale_while_revalidate = 30, stale_if_error = 60)]
fn both(key: u32) -> Result<u64, String> {
    ask().map(|value| value + u64::from(key)).map_err(|_| "down".to_owned())
}

#[test]
fn a_refresh_that_fails_keeps_the_value_and_is_tried_again_later() {
    let (_alone, clock) = begin();
    let first = both(1).expect("it is up");
    DOWN.store(true, Ordering::SeqCst);
    pass(&clock, 11);
    let (value, runs) = asked(|| {
        let value = both(1);
        refresh::wait();
        value
    });
    assert_eq!((value, runs), (Ok(first), 1), "in the background");
    let (value, runs) = asked(|| {
        let value = both(1);
        refresh::wait();
        value
    });
    assert_eq!((value, runs), (Ok(first), 0), "not again at once");
    pass(&clock, 20);
    assert_eq!(asked(|| both(1)), (Ok(first), 1), "beyond the first window by the caller");
    pass(&clock, 30);
    assert_eq!(both(1), Err("down".to_owned()), "and beyond the second not at all");
}

#[memoize(ttl = 10, stale_if_error = 60, cache_err, err_ttl = 5)]
fn errors_too(key: u32) -> Result<u64, String> {
    ask().map(|value| value + u64::from(key)).map_err(|_| "down".to_owned())
}

#[test]
fn an_error_that_could_be_stored_takes_no_good_values_place() {
    let (_alone, clock) = begin();
    let first = errors_too(1);
    DOWN.store(true, Ordering::SeqCst);
    pass(&clock, 11);
    assert_eq!(errors_too(1), first);
    assert_eq!((first.is_ok(), cache_get!(errors_too(1))), (true, None), "it is there for errors only");
    // One without a value before it is stored, and never stale.
    assert!(errors_too(2).is_err());
    assert_eq!(asked(|| errors_too(2).is_err()), (true, 0));
    DOWN.store(false, Ordering::SeqCst);
    pass(&clock, 6);
    assert!(errors_too(2).is_ok());
}

#[memoize(ttl = 10, stale_if_error = 60, if_absent)]
fn yielding(key: u32) -> u64 {
    ask().expect("it is up") + u64::from(key)
}

#[test]
fn a_spare_value_is_nothing_to_yield_to() {
    let (_alone, clock) = begin();
    let first = yielding(1);
    pass(&clock, 11);
    let second = yielding(1);
    assert!(second > first);
    assert_eq!(asked(|| yielding(1)), (second, 0), "it was stored");
}

#[memoize(ttl = 10, stale_if_error = 60)]
async fn in_a_task(key: u32) -> Result<u64, String> {
    tokio::task::yield_now().await;
    assert!(key != 7 || !DOWN.load(Ordering::SeqCst), "down");
    ask().map(|value| value + u64::from(key)).map_err(|_| "down".to_owned())
}

#[test]
fn tasks_have_it_too() {
    let (_alone, clock) = begin();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("tokio");
    let call = |key| runtime.block_on(in_a_task(key));
    let (first, seventh) = (call(1), call(7));
    DOWN.store(true, Ordering::SeqCst);
    pass(&clock, 11);
    assert_eq!((call(1), call(7)), (first.clone(), seventh.clone()), "an error, and a panic");
    assert_eq!(asked(|| call(1)), (first, 0));
    assert!(call(2).is_err());
    pass(&clock, 60);
    assert!(call(1).is_err());
    catch_unwind(AssertUnwindSafe(|| call(7))).expect_err("it goes on");
    assert!(seventh.is_ok());
}
