//! Row 17: clearing everything, and the list of functions; in a process of its own.

use std::sync::LazyLock;

use memo::{Cache, Clear, cache_get, clear_all, memoize};

static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| Cache::builder("an object").build().expect("memory"));

#[memoize(ttl = 5, tag = "all")]
fn one(n: u64) -> u64 {
    n
}

#[memoize(scope = "thread")]
fn two<T>(n: u64) -> u64 {
    n
}

#[memoize]
async fn three(n: u64) -> u64 {
    n
}

/// Its entries are the object's, which is one of those that are cleared.
#[memoize(cache = OBJECT, tag = "all", ttl = 5)]
fn in_the_object(n: u64) -> u64 {
    n
}

#[memoize(name = "shown as four", max_entries = 7, policy = "lru")]
fn never_called(n: u64) -> u64 {
    n
}

#[test]
fn everything_is_cleared_and_every_function_is_known() {
    let names: Vec<String> = memo::functions().into_iter().map(|info| info.name).collect();
    assert_eq!(
        names,
        ["clear_all::in_the_object", "clear_all::one", "clear_all::three", "clear_all::two", "shown as four"]
    );
    assert_eq!(clear_all().expect("memory").removed(), 0, "nothing was called yet");

    let fill = || (one(1), one(2), two::<u8>(1), two::<u16>(1), smol::block_on(three(1)), in_the_object(1));
    fill();
    assert_eq!(clear_all().expect("memory").removed(), 6);
    assert_eq!((cache_get!(one(1)), cache_get!(two::<u8>(1))), (None, None));
    fill();
    assert_eq!(Clear::new().crate_name("clear_all").run().expect("memory").removed(), 5);
    assert!(cache_get!(in_the_object(1)).is_some(), "an object belongs to no crate");
    fill();
    assert_eq!(Clear::new().backend("memory").run().expect("memory").removed(), 6);
    assert_eq!(OBJECT.len().expect("memory"), 0);

    let report = memo::report();
    assert_eq!(report.functions().len(), 6);
    let text = report.to_string();
    for name in ["clear_all::one", "clear_all::two", "clear_all::three", "shown as four", "an object", "in_the_object"]
    {
        assert!(text.contains(name), "{text}");
    }
    let info = memo::cache_info(never_called);
    assert_eq!((info.calls(), info.max_entries, info.policy), (0, Some(7), Some("lru")));
    assert_eq!(memo::info_of("shown as four").map(|info| info.max_entries), Some(Some(7)));
    assert_eq!(never_called(1), 1);
    assert_eq!(memo::cache_info(never_called).misses, 1);
}
