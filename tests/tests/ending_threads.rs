//! Rows 1, 20, 21: calls made while a thread ends, from the destructors of its thread-locals.

use std::{cell::RefCell, sync::mpsc, thread};

use memo::{cache_info, memoize};
use memo_tests::within_20_s;

#[memoize(max_entries = 10)]
fn of_the_process(n: u64) -> u64 {
    n * 2
}

#[memoize(scope = "thread")]
fn of_the_thread(n: u64) -> String {
    format!("{n}")
}

/// Calls both functions when it is dropped, and sends what they returned.
struct Farewell(mpsc::Sender<(u64, String)>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.0.send((of_the_process(4), of_the_thread(5)));
    }
}

thread_local! {
    static EARLY: RefCell<Option<Farewell>> = const { RefCell::new(None) };
    static LATE: RefCell<Option<Farewell>> = const { RefCell::new(None) };
}

/// Destructors run in an order of their own: one thread-local is older than those of the library, one is younger.
#[test]
fn a_thread_local_that_is_dropped_may_call() {
    within_20_s(|| {
        let (results, received) = mpsc::channel();
        let ending = thread::spawn(move || {
            EARLY.set(Some(Farewell(results.clone())));
            assert_eq!((of_the_process(1), of_the_thread(1)), (2, "1".to_owned()));
            LATE.set(Some(Farewell(results)));
        });
        ending.join().expect("no destructor panics");
        let results: Vec<_> = received.into_iter().collect();
        assert_eq!(results, vec![(8, "5".to_owned()); 2]);
    });
    assert_eq!(of_the_process(4), 8);
    assert!(cache_info(of_the_process).calls() >= 2);
}
