//! Rows 7, 8, 9, 62: times to live of their own do not slide, and entries that live for months do leave.

use std::time::Duration;

use memo::{clock::TestClock, memoize};

#[test]
fn an_error_does_not_outlive_its_own_time_by_being_asked_for() {
    #[memoize(ttl = 300, sliding, jitter = "30s", err_ttl = 5)]
    fn failing(n: u64) -> Result<u64, u64> {
        Err(n)
    }
    let clock = TestClock::install();
    for _ in 0..5 {
        assert_eq!(failing(1), Err(1));
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(failing(1), Err(1));
    assert_eq!(memo::cache_info(failing).misses, 2, "five seconds have passed since it was stored");
}

#[test]
fn what_lives_for_months_is_purged_when_its_time_has_come() {
    #[memoize(ttl = "60d")]
    fn lasting(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    lasting(1);
    clock.advance(Duration::from_hours(61 * 24));
    assert!(memo::purge_expired().expect("memory") >= 1);
    assert_eq!(memo::cache_info(lasting).size, 0);
}
