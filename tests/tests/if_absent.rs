//! Row 86: with `if_absent` a computed value never replaces one that is there by then.

use std::time::Duration;

use memo::{cache_delete, cache_get, cache_set, clock::TestClock, memoize, overwrite_cache};
use memo_tests::fresh;

#[test]
fn a_value_that_was_set_during_the_run_stays() {
    #[memoize(if_absent, single_flight = false)]
    fn cached(n: u64) -> u64 {
        cache_set!(cached(n), 5).expect("memory");
        n + fresh()
    }
    #[memoize(single_flight = false)]
    fn replacing(n: u64) -> u64 {
        n + fresh()
    }
    assert_ne!(cached(1), 5, "the caller has its own value");
    assert_eq!(cached(1), 5);
    assert_eq!(cache_get!(cached(1)), Some(5));
    cache_set!(replacing(1), 5).expect("memory");
    assert_eq!(replacing(1), 5);
}

#[test]
fn setting_is_not_computing() {
    #[memoize(if_absent)]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    cached(1);
    cache_set!(cached(1), 5).expect("memory");
    assert_eq!(cached(1), 5);
}

#[test]
fn what_has_expired_or_was_deleted_is_absent() {
    #[memoize(if_absent, ttl = 10)]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    let first = cached(1);
    clock.advance(Duration::from_secs(10));
    let second = overwrite_cache!(cached(1));
    assert_ne!(second, first);
    assert_eq!(cached(1), second);
    assert_eq!(cache_delete!(cached(1)).ok(), Some(true));
    let third = overwrite_cache!(cached(1));
    assert_eq!(cached(1), third);
}

#[test]
fn of_several_runs_side_by_side_the_first_to_finish_is_stored() {
    #[memoize(if_absent, single_flight = false, exclude(order, late))]
    fn cached(n: u64, order: &[std::sync::Barrier; 2], late: bool) -> u64 {
        if late {
            order[0].wait();
            order[1].wait();
        }
        n + u64::from(late)
    }
    let order = [std::sync::Barrier::new(2), std::sync::Barrier::new(2)];
    std::thread::scope(|scope| {
        let late = scope.spawn(|| cached(1, &order, true));
        order[0].wait();
        assert_eq!(cached(1, &order, false), 1);
        order[1].wait();
        assert_eq!(late.join().expect("no panic"), 2);
    });
    assert_eq!(cache_get!(cached(1, _, _)), Some(1));
}
