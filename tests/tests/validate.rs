//! Row 10: `validate`. All tests that depend on time use the test clock.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use memo::{Entry, cache_entry, cache_get, clock::TestClock, explain_cache, memoize};
use memo_tests::{counts, fresh};

#[test]
fn false_is_a_miss_and_the_new_value_replaces_the_old_one() {
    static LEAST: AtomicU64 = AtomicU64::new(0);
    #[memoize(validate = |entry| *entry.value() >= LEAST.load(Ordering::Relaxed))]
    fn cached(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    let first = cached(1);
    assert_eq!(cached(1), first);
    LEAST.store(first + 1, Ordering::Relaxed);
    assert_eq!(cache_get!(cached(1)), None, "what a call would not return");
    assert_eq!(explain_cache!(cached(1)), memo::Explanation::Invalid);
    let second = cached(1);
    assert!(second > first);
    assert_eq!(cached(1), second);
    assert_eq!(counts(cached), (2, 2, 1));
}

#[test]
fn it_is_asked_on_every_hit() {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    #[memoize(validate = |_entry| ASKED.fetch_add(1, Ordering::Relaxed) < u64::MAX)]
    fn cached(n: u8) -> u8 {
        n
    }
    for _ in 0..10 {
        cached(1);
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 9);
    assert_eq!(memo::cache_info(cached).hits, 9);
}

#[test]
fn it_sees_age_times_and_tags() {
    #[memoize(
        ttl = 100,
        tags = ["literal", format!("of:{n}")],
        validate = |entry| entry.age() < Duration::from_secs(10)
            && entry.created_at() <= SystemTime::now() + Duration::from_secs(1_000)
            && entry.expires_at().is_some_and(|at| at > entry.created_at())
            && entry.tags().count() == 2
    )]
    fn cached(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    let clock = TestClock::install();
    let first = cached(1);
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(cached(1), first);
    let entry = cache_entry!(cached(1)).expect("valid");
    assert_eq!(entry.age(), Duration::from_millis(9_999));
    let life = entry.expires_at().and_then(|at| at.duration_since(entry.created_at()).ok()).expect("expires");
    assert!(life.abs_diff(Duration::from_secs(100)) < Duration::from_secs(1), "{life:?}");
    assert_eq!(entry.tags().collect::<Vec<_>>(), ["literal", "of:1"]);
    clock.advance(Duration::from_millis(1));
    assert_ne!(cached(1), first);
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(counts(cached), (1, 2, 1));
}

#[test]
fn several_all_have_to_agree_and_functions_work() {
    static SECOND: AtomicU64 = AtomicU64::new(1);
    fn is_even(entry: &Entry<u64>) -> bool {
        entry.value().is_multiple_of(2)
    }
    #[memoize(validate = is_even, validate = |_entry| SECOND.load(Ordering::Relaxed) == 1)]
    fn cached(n: u64) -> u64 {
        n
    }
    for n in [1, 1, 2, 2] {
        cached(n);
    }
    assert_eq!(counts(cached), (1, 3, 2));
    SECOND.store(0, Ordering::Relaxed);
    cached(2);
    assert_eq!(counts(cached), (1, 4, 2));
}

#[test]
fn it_sees_the_arguments_and_the_stored_value_of_a_result() {
    #[memoize(exclude(wanted), validate = |entry| entry.value().len() == wanted)]
    fn cached(text: &str, wanted: usize) -> Result<String, std::fmt::Error> {
        Ok(text.repeat(wanted))
    }
    assert_eq!(cached("a", 2), Ok("aa".into()));
    assert_eq!(cached("a", 2), Ok("aa".into()));
    assert_eq!(cached("a", 3), Ok("aaa".into()));
    assert_eq!(counts(cached), (1, 2, 1));
}

#[test]
fn async_functions_are_validated_too() {
    #[memoize(validate = |entry| entry.age() < limit)]
    async fn cached(n: u8, limit: Duration) -> u64 {
        u64::from(n) + fresh()
    }
    let clock = TestClock::install();
    smol::block_on(async {
        let limit = Duration::from_secs(10);
        let first = cached(1, limit).await;
        clock.advance(Duration::from_secs(9));
        assert_eq!(cached(1, limit).await, first);
        clock.advance(Duration::from_secs(1));
        assert_ne!(cached(1, limit).await, first);
    });
}

#[test]
fn an_invalid_entry_does_not_come_back_when_its_body_fails() {
    static VALID: AtomicU64 = AtomicU64::new(1);
    #[memoize(exclude(fails), validate = |_entry| VALID.load(Ordering::Relaxed) == 1)]
    fn cached(n: u8, fails: bool) -> Result<u8, String> {
        if fails { Err("failed".into()) } else { Ok(n) }
    }
    assert_eq!(cached(1, false), Ok(1));
    VALID.store(0, Ordering::Relaxed);
    assert_eq!(cached(1, true), Err("failed".into()));
    assert_eq!(cache_get!(cached(1, true)), None);
}
