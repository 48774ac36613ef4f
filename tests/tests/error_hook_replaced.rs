//! Promise 5: an error hook that another replaces is dropped where it may do anything.

use memo::{Cache, backend::on_error};
use memo_tests::{moody::moody, within_20_s};

/// Whoever drops it has something to report.
struct Reports(Cache<u32, u32>);

impl Drop for Reports {
    fn drop(&mut self) {
        assert!(self.0.get(&1).is_err_and(|error| error.is_unavailable()));
    }
}

#[test]
fn what_a_hook_held_may_fail_when_it_is_dropped() {
    let store = moody("replaced-hook");
    store.fails.store(true, std::sync::atomic::Ordering::SeqCst);
    within_20_s(|| {
        let reports = Reports(Cache::open("reports", "replaced-hook://").expect("opens later"));
        on_error(move |_, _| {
            let _held = &reports;
        });
        on_error(|_, _| {});
    });
}
