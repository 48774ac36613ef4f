//! Rows 33, 56; promise 5: what is written in the background is flushed, and what fails there is reported. In a process of its own,
//! because both are of the whole process.

use std::{sync::Mutex, thread};

use distant::Distant;
use memo::{cache_info, cache_set, clock::TestClock, memoize};
use memo_tests::within_20_s;

mod distant;

static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[memoize(backend = ["memory", "flushed://"], write = "back", name = "flushed")]
fn number(n: u32) -> u32 {
    n
}

#[memoize(backend = ["memory", "flushed-in-tasks://"], write = "back")]
async fn in_a_task(n: u32) -> u32 {
    n
}

/// Linked, and never called: a flush opens nothing.
#[memoize(backend = ["memory", "never-registered://"], write = "back")]
fn never_called(n: u32) -> u32 {
    n
}

#[test]
fn everything_is_flushed_and_what_fails_is_said() {
    within_20_s(|| {
        let _clock = TestClock::install();
        let (store, other) = (Distant::under("flushed"), Distant::under("flushed-in-tasks"));
        let _ = never_called;
        memo::flush().expect("nothing is there");
        memo::backend::on_error(|function, error| {
            REPORTED.lock().expect("no panic").push(format!("{function}: {error}"));
        });
        store.fail(true);
        assert_eq!(number(1), 1, "a broken store breaks no call");
        let reported = || REPORTED.lock().expect("no panic").clone();
        while !reported().contains(&"flushed: the line is dead".to_owned()) {
            thread::yield_now();
        }
        cache_set!(number(2), 3).expect("queued");
        assert_eq!(futures::executor::block_on(in_a_task(1)), 1);
        let error = memo::flush().expect_err("it can't be written");
        assert!(error.is_unavailable(), "{error}");
        assert!(error.to_string().contains("`flushed` could not be flushed: 2 values of `flushed`"), "{error}");
        assert_eq!((store.count_now(), other.count_now()), (0, 1), "the others are flushed all the same");
        store.fail(false);
        let info = cache_info(number);
        assert!(info.errors >= 1 && info.queued == 2, "{info:?}");
        futures::executor::block_on(memo::aio::flush()).expect("now it can");
        assert_eq!((store.count_now(), cache_info(number).queued), (2, 0));
    });
}
