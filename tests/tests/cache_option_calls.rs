//! Rows 11, 17, 19, 20; promises 9, 10: single calls of functions whose entries live in a cache object, the switch, clears, and stores.

use std::{sync::LazyLock, time::Duration};

use memo::{
    Cache, Explanation, cache_delete, cache_entry, cache_get, cache_info, cache_set, call_with, clock::TestClock,
    explain_cache, memoize, overwrite_cache, skip_cache,
};
use memo_tests::{counts, fresh};

fn built<K: memo::Key, V: memo::Value>(name: &str) -> Cache<K, V> {
    Cache::builder(name).build().expect("memory needs nothing")
}

#[test]
fn single_calls_are_controlled() {
    static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("controlled"));
    #[memoize(cache = OBJECT)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    assert_eq!((cache_get!(number(1)), explain_cache!(number(1))), (None, Explanation::Absent));
    let first = number(1);
    assert_ne!(skip_cache!(number(1)), first);
    assert_eq!(call_with!(memo::Mode::Normal, number(1)), first);
    let second = overwrite_cache!(number(1));
    assert_eq!((number(1), OBJECT.get(&1).expect("memory")), (second, Some(second)));
    assert!(explain_cache!(number(1)).is_hit());
    cache_set!(number(1), 7).expect("memory");
    assert_eq!((number(1), cache_entry!(number(1)).map(memo::Entry::into_value)), (7, Some(7)));
    assert!(OBJECT.expire_in(&1, 5).expect("memory"));
    clock.advance(Duration::from_secs(5));
    assert_eq!(explain_cache!(number(1)), Explanation::Expired);
    number(1);
    assert!(cache_delete!(number(1)).expect("memory"));
    assert!(!cache_delete!(number(1)).expect("memory"));
    let info = cache_info(number);
    assert_eq!((info.hits, info.misses, info.skipped, info.stores), (3, 3, 1, 3));
    assert_eq!(OBJECT.stats().skipped, 1);
}

#[test]
fn the_expression_does_not_take_the_mode() {
    static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("mode"));
    #[memoize]
    fn object() -> u64 {
        fresh()
    }
    fn chosen() -> &'static Cache<u64, u64> {
        object();
        &OBJECT
    }
    #[memoize(cache = chosen())]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let first = number(1);
    assert_ne!(skip_cache!(number(1)), first);
    assert_eq!((number(1), cache_info(object).skipped, cache_info(number).skipped), (first, 0, 1));
}

#[test]
fn caching_is_switched_off() {
    static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("off"));
    #[memoize(cache = OBJECT)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let first = number(1);
    let off = memo::disabled_here();
    assert_ne!(number(1), first);
    assert_eq!((cache_get!(number(1)), explain_cache!(number(1))), (None, Explanation::Disabled));
    cache_set!(number(1), 7).expect("nothing happens");
    drop(off);
    assert_eq!((number(1), counts(number)), (first, (1, 1, 1)));
    let _off = memo::disabled_here();
    assert!(cache_delete!(number(1)).expect("deletes act"));
}

#[test]
fn clearing_a_function_clears_the_objects_that_it_used() {
    #[memoize(cache = cache)]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        let _ = cache;
        n
    }
    #[memoize(cache = cache)]
    fn never_called(cache: &Cache<u64, u64>, n: u64) -> u64 {
        let _ = cache;
        n
    }
    let objects = [built::<u64, u64>("used"), built("used"), built("not used")];
    for object in &objects {
        object.set(7, 7).expect("memory");
    }
    number(&objects[0], 1);
    assert_eq!(number(&objects[1], 7), 7, "a hit is a use, too");
    assert_eq!(memo::cache_len(number).expect("memory"), 3);
    assert_eq!(memo::cache_clear(never_called).expect("memory").removed(), 0);
    assert_eq!(memo::cache_clear(number).expect("memory").removed(), 3);
    assert_eq!(objects.map(|object| object.len().expect("memory")), [0, 0, 1]);
    assert_eq!(cache_info(number).size, 0, "the objects are gone");
}

#[test]
fn an_entry_is_cleared_once() {
    static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("once"));
    #[memoize(cache = OBJECT, ttl = 12_345, tag = "cleared once")]
    fn number(n: u64) -> u64 {
        n
    }
    number(1);
    OBJECT.set(2, 2).expect("memory");
    // The entries are the object's: what selects functions does not select it.
    let of_crate = memo::Clear::new().crate_name("cache_option").tag("cleared once").run().expect("memory");
    let of_ttl = memo::Clear::new().ttl(12_345).run().expect("memory");
    assert_eq!((of_crate.removed(), of_ttl.removed(), OBJECT.len().expect("memory")), (0, 0, 2));
    assert_eq!(memo::clear_tag("cleared once").expect("memory").removed(), 1);
    assert_eq!(OBJECT.len().expect("memory"), 1);
}

#[test]
fn the_report_has_both() {
    static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("reported object"));
    #[memoize(cache = OBJECT, name = "reported guest")]
    fn number(n: u64) -> u64 {
        n
    }
    number(1);
    let report = memo::report().to_string();
    assert!(report.contains("reported object") && report.contains("reported guest"), "{report}");
    assert_eq!(memo::info_of("reported guest").expect("it is there").misses, 1);
}

/// A serde type, so that the object can store it; the function asks for nothing.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Page(String);

#[test]
fn entries_of_an_object_with_stores() {
    #[memoize(cache = cache, ttl = 60, tag = "stored pages")]
    fn page(cache: &Cache<(String, u32), Page>, path: &str, number: u32) -> Result<Page, std::fmt::Error> {
        let _ = cache;
        if path.is_empty() { Err(std::fmt::Error) } else { Ok(Page(format!("{path} {number} {}", fresh()))) }
    }
    for urls in [&["memory://option-stores"][..], &["memory", "memory://option-tiers?codec=json"]] {
        let pages: Cache<(String, u32), Page> =
            Cache::builder("pages").backends(urls.iter().copied()).build().expect("memory needs nothing");
        memo::reset_stats(page).expect("memoized");
        let first = page(&pages, "a", 1).expect("not empty");
        assert_eq!(page(&pages, "a", 1), Ok(first.clone()));
        assert!(page(&pages, "", 1).is_err());
        let key = ("a".to_owned(), 1);
        assert_eq!(pages.get(&key).expect("memory"), Some(first.clone()));
        // Another object of the name and store: the entry is there, not only in this object's memory.
        let again: Cache<(String, u32), Page> =
            Cache::builder("pages").backends(urls.iter().copied()).build().expect("memory needs nothing");
        assert_eq!(page(&again, "a", 1), Ok(first.clone()));
        let entry = cache_entry!(page(&again, "a", 1)).expect("stored");
        assert_eq!(entry.tags().collect::<Vec<_>>(), ["stored pages"]);
        assert!(entry.remaining().is_some_and(|left| left.as_secs() > 50));
        cache_set!(page(&pages, "b", 2), Page("set".to_owned())).expect("memory");
        assert_eq!(pages.get(&("b".to_owned(), 2)).expect("memory"), Some(Page("set".to_owned())));
        assert_eq!(pages.iter().expect("memory").count(), 2);
        let info = cache_info(page);
        assert_eq!((info.hits, info.misses, info.stores, info.size), (2, 2, 1, 2), "{urls:?}");
        assert!(cache_delete!(page(&pages, "b", 2)).expect("memory"));
        assert_eq!(memo::clear_tag("stored pages").expect("memory").removed(), 1);
        assert_ne!(page(&pages, "a", 1), Ok(first));
        assert!(memo::cache_clear(page).expect("memory").removed() >= 1);
    }
}
