//! Rows 7, 62: time to live, jitter, sliding. All tests here use the test clock.

use std::time::Duration;

use memo::{cache_entry, cache_get, cache_set, clock::TestClock, memoize, overwrite_cache};
use memo_tests::{counts, fresh};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

macro_rules! lives {
    ($($test:ident: $ttl:expr => $millis:expr;)*) => {$(
        #[test]
        fn $test() {
            #[memoize(ttl = $ttl)]
            fn cached(n: u64) -> u64 {
                n + fresh()
            }
            let clock = TestClock::install();
            let first = cached(1);
            clock.advance(ms($millis - 1));
            assert_eq!(cached(1), first);
            clock.advance(ms(1));
            assert_eq!(cache_get!(cached(1)), None);
            assert_ne!(cached(1), first);
            assert_eq!(counts(cached), (1, 2, 1));
        }
    )*};
}

const LIMIT: Duration = ms(250);

lives! {
    whole_seconds: 300 => 300_000;
    fractions_of_seconds: 0.5 => 500;
    texts: "5m" => 300_000;
    texts_with_several_units: "1h30m" => 5_400_000;
    texts_of_milliseconds: "250ms" => 250;
    texts_of_days: "2d" => 172_800_000;
    constants: LIMIT => 250;
    durations: Duration::from_secs(2) => 2_000;
    closures_over_the_value: |value| ms(if *value > 0 { 200 } else { 0 }) => 200;
    closures_that_return_seconds: |_value| 7 => 7_000;
    optional_durations: Some(LIMIT) => 250;
    less_than_a_millisecond_lives_one: Duration::from_nanos(1) => 1;
}

#[test]
fn without_a_ttl_nothing_expires() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    let first = cached(1);
    // Later tests go on from there, and no clock reaches farther than some 26 years.
    clock.advance(Duration::from_hours(10 * 365 * 24));
    assert_eq!(cached(1), first);
    let entry = cache_entry!(cached(1)).expect("stored");
    assert_eq!(entry.expires_at(), None);
}

#[test]
fn each_argument_and_each_value_has_its_own_ttl() {
    #[memoize(ttl = Duration::from_secs(u64::from(seconds)))]
    fn by_argument(seconds: u8) -> u64 {
        fresh()
    }
    #[memoize(ttl = |seconds| Duration::from_secs(*seconds))]
    fn by_value(seconds: u64) -> u64 {
        seconds
    }
    let clock = TestClock::install();
    let (short, long) = (by_argument(1), by_argument(9));
    let _ = (by_value(1), by_value(9));
    clock.advance(ms(1_000));
    assert_ne!(by_argument(1), short);
    assert_eq!(by_argument(9), long);
    assert_eq!((cache_get!(by_value(1)), cache_get!(by_value(9))), (None, Some(9)));
}

#[test]
fn seconds_may_be_computed_from_arguments() {
    #[memoize(ttl = seconds * 2)]
    fn cached(seconds: u64) -> u64 {
        fresh()
    }
    let clock = TestClock::install();
    let first = cached(3);
    clock.advance(ms(5_999));
    assert_eq!(cached(3), first);
    clock.advance(ms(1));
    assert_ne!(cached(3), first);
}

#[test]
fn a_closure_sees_the_stored_value_of_a_result() {
    #[memoize(ttl = |text| ms(text.len() as u64))]
    fn cached(text: &str) -> Result<String, ()> {
        Ok(text.to_owned())
    }
    let clock = TestClock::install();
    let _ = (cached("a").ok(), cached("abc").ok());
    clock.advance(ms(1));
    assert_eq!(cache_get!(cached("a")), None);
    assert_eq!(cache_get!(cached("abc")), Some("abc".into()));
}

#[test]
fn zero_stores_nothing() {
    #[memoize(ttl = 0)]
    fn never(n: u64) -> u64 {
        n + fresh()
    }
    #[memoize(ttl = "0s")]
    fn never_by_text(n: u64) -> u64 {
        n + fresh()
    }
    let _clock = TestClock::install();
    assert_ne!(never(1), never(1));
    assert_ne!(never_by_text(1), never_by_text(1));
    assert_eq!(counts(never), (0, 2, 0));
    assert_eq!(memo::cache_info(never).stores, 0);
}

#[test]
fn zero_removes_an_older_entry() {
    #[memoize(ttl = |value| if *value < 100 { ms(1000) } else { ms(0) }, exclude(value))]
    fn cached(key: u8, value: u64) -> u64 {
        let _ = key;
        value
    }
    let _clock = TestClock::install();
    assert_eq!(cached(1, 5), 5);
    assert_eq!(overwrite_cache!(cached(1, 100)), 100);
    assert_eq!(cache_get!(cached(1, 0)), None);
    assert_eq!(memo::cache_info(cached).size, 0);
    assert_eq!(cached(1, 6), 6);
    assert!(cache_set!(cached(1, 0), 100).is_ok());
    assert_eq!(cache_get!(cached(1, 0)), None);
}

#[test]
fn negative_numbers_that_are_computed_are_over_already() {
    #[memoize(ttl = seconds)]
    fn cached(seconds: i64) -> u64 {
        fresh()
    }
    let _clock = TestClock::install();
    assert_ne!(cached(-5), cached(-5));
    assert_eq!(cached(5), cached(5));
}

#[test]
fn none_never_expires() {
    #[memoize(ttl = seconds.map(Duration::from_secs))]
    fn cached(seconds: Option<u64>) -> u64 {
        fresh()
    }
    let clock = TestClock::install();
    let (never, soon) = (cached(None), cached(Some(1)));
    clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(cached(None), never);
    assert_ne!(cached(Some(1)), soon);
}

#[test]
fn storing_again_restarts_the_ttl() {
    #[memoize(ttl = 10)]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    cached(1);
    clock.advance(Duration::from_secs(9));
    let second = overwrite_cache!(cached(1));
    clock.advance(Duration::from_secs(9));
    assert_eq!(cached(1), second);
    assert!(cache_set!(cached(1), 5).is_ok());
    clock.advance(Duration::from_secs(9));
    assert_eq!(cached(1), 5);
    clock.advance(Duration::from_secs(1));
    assert_ne!(cached(1), 5);
}

#[test]
fn a_hit_does_not_prolong_a_life() {
    #[memoize(ttl = 10)]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    let first = cached(1);
    for _ in 0..9 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(cached(1), first);
    }
    clock.advance(Duration::from_secs(1));
    assert_ne!(cached(1), first);
}

#[test]
fn sliding_restarts_the_ttl_with_every_hit() {
    #[memoize(ttl = 10, sliding)]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    let first = cached(1);
    for _ in 0..20 {
        clock.advance(Duration::from_secs(9));
        assert_eq!(cached(1), first);
    }
    let entry = cache_entry!(cached(1)).expect("stored");
    assert_eq!(entry.remaining(), Some(Duration::from_secs(10)));
    clock.advance(Duration::from_secs(10));
    assert_ne!(cached(1), first);
}

#[test]
fn sliding_works_with_a_ttl_of_the_value() {
    #[memoize(ttl = |value| Duration::from_secs(*value), sliding)]
    fn cached(seconds: u64) -> u64 {
        seconds
    }
    let clock = TestClock::install();
    let _ = (cached(2), cached(20));
    for _ in 0..5 {
        clock.advance(Duration::from_secs(1));
        cached(2);
    }
    clock.advance(Duration::from_millis(1_500));
    assert_eq!((cache_get!(cached(2)), cache_get!(cached(20))), (Some(2), Some(20)));
    clock.advance(Duration::from_secs(2));
    assert_eq!(cache_get!(cached(2)), None);
}

#[test]
fn jitter_of_a_duration_is_added_within_its_bound_and_varies() {
    #[memoize(ttl = 100, jitter = "50s")]
    fn cached(n: u64) -> u64 {
        n
    }
    jittered(cached, |n| cache_entry!(cached(n)).and_then(|entry| entry.remaining()), 100..=150);
}

#[test]
fn jitter_of_a_fraction_is_added_within_its_bound_and_varies() {
    #[memoize(ttl = |value| Duration::from_secs(if *value < 1_000 { 200 } else { 0 }), jitter = 0.1)]
    fn cached(n: u64) -> u64 {
        n
    }
    jittered(cached, |n| cache_entry!(cached(n)).and_then(|entry| entry.remaining()), 200..=220);
}

fn jittered(call: fn(u64) -> u64, remaining: impl Fn(u64) -> Option<Duration>, bound: std::ops::RangeInclusive<u64>) {
    let _clock = TestClock::install();
    let lives: Vec<Duration> = (0..100)
        .map(|n| {
            call(n);
            remaining(n).expect("expires")
        })
        .collect();
    let (least, most) = (lives.iter().min().copied(), lives.iter().max().copied());
    let (start, end) = (Duration::from_secs(*bound.start()), Duration::from_secs(*bound.end()));
    assert!(least >= Some(start) && most <= Some(end), "{least:?} {most:?}");
    let spread = most.zip(least).map(|(most, least)| most.abs_diff(least));
    assert!(spread > Some(end.abs_diff(start) / 2), "100 draws cover half of the range: {spread:?}");
}

#[test]
fn jitter_does_not_make_zero_live() {
    #[memoize(ttl = 0, jitter = "10s")]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let _clock = TestClock::install();
    assert_ne!(cached(1), cached(1));
}

#[test]
fn an_expired_entry_leaves_on_access_and_is_counted() {
    #[memoize(ttl = 1)]
    fn cached(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    cached(1);
    clock.advance(Duration::from_secs(1));
    cached(1);
    let info = memo::cache_info(cached);
    assert_eq!((info.expirations, info.size, info.evictions, info.invalidations), (1, 1, 0, 0));
}
