//! Rows 7, 8, 9, 10, 16, 86; promise 9: what a function whose entries live in a cache object stores there, and for how long.

use std::{sync::LazyLock, time::Duration};

use memo::{
    Cache, Explanation, cache_entry, cache_get, cache_info, cache_set, clock::TestClock, explain_cache, memoize,
};
use memo_tests::{counts, fresh};

fn built<K: memo::Key, V: memo::Value>(name: &str) -> Cache<K, V> {
    Cache::builder(name).build().expect("memory needs nothing")
}

type Numbers = LazyLock<Cache<u64, u64>>;

#[test]
fn of_results_only_ok_is_stored() {
    static OBJECT: Numbers = LazyLock::new(|| built("ok"));
    #[memoize(cache = OBJECT)]
    fn parsed(n: u64) -> Result<u64, std::fmt::Error> {
        if n == 0 { Err(std::fmt::Error) } else { Ok(n + fresh()) }
    }
    assert_eq!((parsed(0), parsed(1)), (Err(std::fmt::Error), parsed(1)));
    assert_eq!((OBJECT.get(&0).expect("memory"), OBJECT.get(&1).expect("memory")), (None, parsed(1).ok()));
    assert_eq!(cache_get!(parsed(1)), parsed(1).ok());
}

#[test]
fn whole_results_where_errors_are_stored() {
    static OBJECT: LazyLock<Cache<u64, Result<u64, String>>> = LazyLock::new(|| built("whole"));
    #[memoize(cache = OBJECT, err_ttl = 5, ttl = 60)]
    fn parsed(n: u64) -> Result<u64, String> {
        if n == 0 { Err(fresh().to_string()) } else { Ok(n + fresh()) }
    }
    let clock = TestClock::install();
    let (wrong, right) = (parsed(0), parsed(1));
    assert_eq!((parsed(0), OBJECT.get(&0).expect("memory")), (wrong.clone(), Some(wrong.clone())));
    clock.advance(Duration::from_secs(5));
    assert_ne!(parsed(0), wrong);
    assert_eq!(parsed(1), right);
}

#[test]
fn times_are_those_of_the_function_else_of_the_object() {
    static OBJECT: Numbers = LazyLock::new(|| Cache::builder("times").ttl(100).build().expect("memory needs nothing"));
    #[memoize(cache = OBJECT)]
    fn plain(n: u64) -> u64 {
        n + fresh()
    }
    #[memoize(cache = OBJECT, ttl = 10, key = n + 1000)]
    fn short(n: u64) -> u64 {
        n + fresh()
    }
    #[memoize(cache = OBJECT, ttl = Duration::from_secs(n), key = n + 2000)]
    fn of_arguments(n: u64) -> u64 {
        fresh()
    }
    #[memoize(cache = OBJECT, ttl = |value| *value, key = n + 3000)]
    fn of_value(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    plain(1);
    short(1);
    of_arguments(20);
    of_value(30);
    let left = |key: u64| OBJECT.entry(&key).expect("memory").and_then(|entry| entry.remaining());
    assert_eq!([1, 1001, 2020, 3030].map(left), [100, 10, 20, 30].map(|secs| Some(Duration::from_secs(secs))));
    clock.advance(Duration::from_secs(10));
    assert_eq!((cache_get!(short(1)), cache_get!(plain(1)).is_some()), (None, true));
    cache_set!(short(1), 5).expect("memory");
    assert_eq!(left(1001), Some(Duration::from_secs(10)));
}

#[test]
fn jitter_is_added_to_the_ttl_of_the_object() {
    static OBJECT: Numbers = LazyLock::new(|| Cache::builder("jitter").ttl(100).build().expect("memory needs nothing"));
    #[memoize(cache = OBJECT, jitter = "50s")]
    fn number(n: u64) -> u64 {
        n
    }
    let _clock = TestClock::install();
    let lives = |n| {
        number(n);
        cache_entry!(number(n)).expect("stored").remaining().expect("it expires")
    };
    let times: Vec<Duration> = (0..100).map(lives).collect();
    assert!(times.iter().all(|time| (100..=150).contains(&time.as_secs())), "{times:?}");
    assert!(times.iter().any(|time| *time != times[0]));
}

#[test]
fn none_has_a_ttl_of_its_own() {
    static OBJECT: LazyLock<Cache<u64, Option<u64>>> = LazyLock::new(|| built("none"));
    #[memoize(cache = OBJECT, none_ttl = 5)]
    fn found(n: u64) -> Option<u64> {
        (n > 0).then_some(n)
    }
    let _clock = TestClock::install();
    let left = |n| {
        found(n);
        cache_entry!(found(n)).expect("stored").remaining()
    };
    assert_eq!((left(0), left(1)), (Some(Duration::from_secs(5)), None));
}

#[test]
fn tags_of_all_kinds() {
    static OBJECT: Numbers = LazyLock::new(|| built("tags"));
    #[memoize(cache = OBJECT, tag = "option numbers", tags = [format!("option {n}")], tags = |value| [format!("option value {value}")])]
    fn number(n: u64) -> u64 {
        n * 10
    }
    let tags = || cache_entry!(number(1)).map(|entry| entry.tags().map(str::to_owned).collect::<Vec<_>>());
    number(1);
    assert_eq!(tags().expect("stored"), ["option 1", "option numbers", "option value 10"]);
    for tag in ["option numbers", "option 1", "option value 10"] {
        number(1);
        number(2);
        OBJECT.set(3, 3).expect("memory");
        let removed = if tag == "option numbers" { 2 } else { 1 };
        assert_eq!(memo::clear_tag(tag).expect("memory").removed(), removed, "{tag}");
        assert_eq!((tags(), OBJECT.get(&3).expect("memory")), (None, Some(3)), "{tag}");
    }
    cache_set!(number(1), 5).expect("memory");
    assert_eq!(tags().expect("stored"), ["option 1", "option numbers", "option value 5"]);
}

#[test]
fn values_and_entries_are_tested() {
    static OBJECT: Numbers = LazyLock::new(|| built("tested"));
    #[memoize(cache = OBJECT, cache_if = |value| *value != 0, validate = |entry| *entry.value() < most, exclude(most))]
    fn below(n: u64, most: u64) -> u64 {
        n + most
    }
    below(0, 0);
    assert_eq!(OBJECT.len().expect("memory"), 0);
    OBJECT.set(1, 5).expect("memory");
    assert_eq!((below(1, 10), below(1, 5)), (5, 6));
    assert_eq!(counts(below), (1, 2, 1));
    assert_eq!((cache_get!(below(1, 6)), cache_get!(below(1, 7))), (None, Some(6)));
    assert_eq!(explain_cache!(below(1, 6)), Explanation::Invalid);
}

#[test]
fn a_computed_value_may_yield() {
    static OBJECT: Numbers = LazyLock::new(|| built("yields"));
    #[memoize(cache = OBJECT, if_absent)]
    fn yields(n: u64) -> u64 {
        OBJECT.set(n, 7).expect("memory");
        n
    }
    #[memoize(cache = OBJECT)]
    fn replaces(n: u64) -> u64 {
        OBJECT.get_or_compute(&(n + 1), || 9).expect("memory");
        n
    }
    assert_eq!((yields(1), yields(1)), (1, 7));
    assert_eq!((replaces(2), cache_get!(replaces(2)), cache_get!(replaces(3))), (2, Some(2), Some(9)));
    cache_set!(yields(1), 8).expect("memory");
    assert_eq!(yields(1), 8);
}

#[test]
fn bounds_and_weights_are_those_of_the_object() {
    static OBJECT: LazyLock<Cache<u64, String>> = LazyLock::new(|| {
        Cache::builder("weights").max_weight(10, |_, value: &String| value.len() as u64).build().expect("builds")
    });
    #[memoize(cache = OBJECT)]
    fn text(n: u64) -> String {
        format!("{n:04}")
    }
    for n in 0..10 {
        text(n);
    }
    cache_set!(text(99), "1234567890".to_owned()).expect("memory");
    let stats = OBJECT.stats();
    assert_eq!((stats.size, stats.weight), (1, 10));
    let info = cache_info(text);
    assert_eq!((info.size, info.weight, info.max_weight), (1, 10, Some(10)));
}
