//! Row 9: what is stored, and for how long. All tests that depend on time use the test clock.
#![allow(clippy::trivially_copy_pass_by_ref, reason = "forms that users write, in the tests that they belong to")]

use std::time::Duration;

use memo::{cache_get, cache_set, clock::TestClock, memoize};
use memo_tests::{counts, fresh};

#[test]
fn cache_if_decides_by_the_value() {
    #[memoize(cache_if = |user| user.is_some())]
    fn find(id: u64) -> Option<u64> {
        (id > 0).then_some(id)
    }
    for _ in 0..2 {
        assert_eq!((find(0), find(1)), (None, Some(1)));
    }
    assert_eq!(counts(find), (1, 3, 1));
}

#[test]
fn cache_if_may_use_the_arguments() {
    #[memoize(cache_if = |value| *value > limit && !text.is_empty())]
    fn cached(value: u64, limit: u64, text: String) -> u64 {
        drop(text);
        value
    }
    for _ in 0..2 {
        cached(5, 1, "a".into());
        cached(5, 9, "a".into());
        cached(5, 1, String::new());
    }
    assert_eq!(counts(cached), (1, 5, 1));
}

#[test]
fn several_filters_all_have_to_agree() {
    fn is_even(n: &u64) -> bool {
        n.is_multiple_of(2)
    }
    #[memoize(cache_if = is_even, cache_if = |n| *n > 10)]
    fn cached(n: u64) -> u64 {
        n
    }
    for n in [4, 11, 12] {
        cached(n);
    }
    assert_eq!((cache_get!(cached(4)), cache_get!(cached(11)), cache_get!(cached(12))), (None, None, Some(12)));
}

#[test]
fn only_ok_is_stored_of_a_result() {
    #[memoize]
    fn cached(n: u8) -> Result<u64, u64> {
        if n > 0 { Ok(fresh()) } else { Err(fresh()) }
    }
    assert_eq!(cached(1), cached(1));
    assert_ne!(cached(0), cached(0));
    assert_eq!(cache_get!(cached(1)), cached(1).ok());
    assert_eq!(counts(cached), (2, 3, 1));
}

type Fallible<T> = Result<T, NotClone>;

#[derive(Debug, PartialEq)]
struct NotClone;

#[test]
fn aliases_of_result_are_recognised_and_errors_need_no_traits() {
    #[memoize]
    fn cached(n: u8) -> Fallible<u64> {
        if n > 0 { Ok(fresh()) } else { Err(NotClone) }
    }
    #[memoize]
    fn io(n: u8) -> std::io::Result<u64> {
        if n > 0 { Ok(fresh()) } else { Err(std::io::Error::other("zero")) }
    }
    #[memoize]
    fn dynamic(n: u8) -> Result<u64, Box<dyn std::error::Error>> {
        if n > 0 { Ok(fresh()) } else { Err("zero".into()) }
    }
    assert_eq!(cached(1), cached(1));
    assert_eq!(cached(0), Err(NotClone));
    assert_eq!(cached(0), Err(NotClone));
    assert_eq!(io(1).ok(), io(1).ok());
    assert!(io(0).is_err());
    assert_eq!(dynamic(1).ok(), dynamic(1).ok());
    assert!(dynamic(0).is_err());
    assert_eq!((counts(cached), counts(io), counts(dynamic)), ((1, 3, 1), (1, 2, 1), (1, 2, 1)));
    assert_eq!(cache_get!(cached(1)), cached(1).ok());
    assert!(cache_set!(cached(2), 5).is_ok());
    assert_eq!(cached(2), Ok(5));
}

#[test]
fn cache_err_stores_errors_too() {
    #[memoize(cache_err)]
    fn cached(n: u8) -> Result<u64, u64> {
        if n > 0 { Ok(fresh()) } else { Err(fresh()) }
    }
    assert_eq!(cached(1), cached(1));
    let error = cached(0);
    assert_eq!(cached(0), error);
    assert_eq!(cache_get!(cached(0)), Some(error));
    assert!(cache_set!(cached(5), Err(5)).is_ok());
    assert_eq!(cached(5), Err(5));
}

#[test]
fn err_ttl_stores_errors_for_that_long() {
    #[memoize(err_ttl = "5s", ttl = 100)]
    fn cached(n: u8) -> Result<u64, u64> {
        if n > 0 { Ok(fresh()) } else { Err(fresh()) }
    }
    let clock = TestClock::install();
    let (ok, error) = (cached(1), cached(0));
    clock.advance(Duration::from_millis(4_999));
    assert_eq!((cached(1), cached(0)), (ok, error));
    clock.advance(Duration::from_millis(1));
    assert_eq!(cached(1), ok);
    assert_ne!(cached(0), error);
}

#[test]
fn err_ttl_without_a_ttl_lets_ok_live_on() {
    #[memoize(err_ttl = seconds)]
    fn cached(seconds: u64, fails: bool) -> Result<u64, u64> {
        if fails { Err(fresh()) } else { Ok(fresh()) }
    }
    let clock = TestClock::install();
    let (ok, error) = (cached(5, false), cached(5, true));
    assert_eq!(cached(5, true), error);
    clock.advance(Duration::from_secs(5));
    assert_ne!(cached(5, true), error);
    clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(cached(5, false), ok);
}

#[test]
fn a_cached_none_is_a_hit() {
    #[memoize]
    fn cached(n: u8) -> Option<u64> {
        (n > 0).then(fresh)
    }
    assert_eq!((cached(0), cached(0)), (None, None));
    assert_eq!(counts(cached), (1, 1, 1));
    assert_eq!(cache_get!(cached(0)), Some(None), "a stored `None` is a value");
    assert_eq!(cache_get!(cached(1)), None);
}

#[test]
fn none_ttl_is_for_none_only() {
    #[memoize(none_ttl = "5s")]
    fn cached(n: u8) -> Option<u64> {
        (n > 0).then(fresh)
    }
    let clock = TestClock::install();
    let some = cached(1);
    cached(0);
    clock.advance(Duration::from_millis(4_999));
    assert_eq!(cache_get!(cached(0)), Some(None));
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache_get!(cached(0)), None);
    clock.advance(Duration::from_secs(1_000));
    assert_eq!(cached(1), some);
}

#[test]
fn none_ttl_reaches_into_results() {
    #[memoize(none_ttl = 5, ttl = 50)]
    fn cached(n: u8) -> Result<Option<u64>, String> {
        if n == 9 { Err("nine".into()) } else { Ok((n > 0).then(fresh)) }
    }
    #[memoize(none_ttl = 5, err_ttl = 20, ttl = 50)]
    fn with_errors(n: u8) -> Result<Option<u64>, u64> {
        if n == 9 { Err(fresh()) } else { Ok((n > 0).then(fresh)) }
    }
    let clock = TestClock::install();
    for n in [0, 1, 9] {
        let _ = (cached(n).ok(), with_errors(n).ok());
    }
    let stored = || {
        ([0, 1, 9].map(|n| cache_get!(cached(n)).is_some()), [0, 1, 9].map(|n| cache_get!(with_errors(n)).is_some()))
    };
    assert_eq!(stored(), ([true, true, false], [true, true, true]));
    clock.advance(Duration::from_secs(5));
    assert_eq!(stored(), ([false, true, false], [false, true, true]));
    clock.advance(Duration::from_secs(15));
    assert_eq!(stored(), ([false, true, false], [false, true, false]));
    clock.advance(Duration::from_secs(30));
    assert_eq!(stored(), ([false; 3], [false; 3]));
}

#[test]
fn none_ttl_zero_does_not_store_none() {
    #[memoize(none_ttl = 0)]
    fn cached(n: u8) -> Option<u64> {
        (n > 0).then(fresh)
    }
    cached(0);
    cached(0);
    assert_eq!(cached(1), cached(1));
    assert_eq!(counts(cached), (1, 3, 1));
}

#[test]
fn filters_see_the_stored_value() {
    #[memoize(cache_if = |text| text.len() > 1)]
    fn of_result(text: &str) -> Result<String, std::fmt::Error> {
        Ok(text.to_owned())
    }
    #[memoize(cache_err, cache_if = |result| result.as_ref().is_err_and(|error| *error > 5))]
    fn whole(n: u8) -> Result<u8, u8> {
        Err(n)
    }
    let _ = (of_result("a").ok(), of_result("ab").ok());
    assert_eq!((cache_get!(of_result("a")), cache_get!(of_result("ab"))), (None, Some("ab".into())));
    let _ = (whole(1).ok(), whole(6).ok());
    assert_eq!((cache_get!(whole(1)), cache_get!(whole(6))), (None, Some(Err(6))));
}

#[test]
fn all_filters_combine() {
    #[memoize(ttl = 100, err_ttl = 10, none_ttl = 20, cache_if = |value| *value != Ok(Some(13)), max_entries = 5, tag = "combined")]
    fn cached(n: i8) -> Result<Option<i8>, i8> {
        if n < 0 { Err(n) } else { Ok((n > 0).then_some(n)) }
    }
    let clock = TestClock::install();
    for n in [-1, 0, 1, 13] {
        cached(n).ok();
    }
    assert_eq!(memo::cache_info(cached).size, 3);
    clock.advance(Duration::from_secs(10));
    assert_eq!([-1, 0, 1].map(|n| cache_get!(cached(n)).is_some()), [false, true, true]);
    clock.advance(Duration::from_secs(10));
    assert_eq!([-1, 0, 1].map(|n| cache_get!(cached(n)).is_some()), [false, false, true]);
    memo::clear_tag("combined").expect("memory");
    assert_eq!(cache_get!(cached(1)), None);
}
