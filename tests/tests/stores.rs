//! Rows 24, 28, 31, 32, 34; promises 1, 5, 6: functions whose entries live in stores outside of memory.

use std::sync::atomic::{AtomicU32, Ordering};

use memo::{cache_delete, cache_entry, cache_get, cache_info, cache_set, memoize, overwrite_cache, skip_cache};

#[test]
fn a_value_is_stored_and_found() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "memory://found")]
    fn describe(id: u64, name: &str) -> Option<String> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        (id > 0).then(|| format!("{name} {id}"))
    }
    assert_eq!(describe(7, "x").as_deref(), Some("x 7"));
    assert_eq!(describe(7, "x").as_deref(), Some("x 7"));
    assert_eq!((describe(0, "x"), describe(0, "x")), (None, None));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    let info = cache_info(describe);
    assert_eq!((info.hits, info.misses, info.size, info.stores, info.errors), (2, 2, 2, 2, 0));
    assert_eq!((&*info.backend, info.codec.as_deref()), ("memory", Some("bincode")));
    let store = memo::backend("memory://found").expect("the same store");
    assert_eq!(store.count(b"stores::a_value_is_stored_and_found::describe|").expect("counts"), 2);
}

#[test]
fn single_calls_are_controlled() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "memory://controlled", ttl = "5m", tag = "numbers", tags = [format!("n:{n}")])]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::Relaxed)
    }
    assert_eq!(cache_get!(number(10)), None);
    assert_eq!(number(10), 10);
    assert_eq!(cache_get!(number(10)), Some(10));
    assert_eq!(skip_cache!(number(10)), 11);
    assert_eq!(number(10), 10);
    assert_eq!(overwrite_cache!(number(10)), 12);
    assert_eq!(number(10), 12);
    let entry = cache_entry!(number(10)).expect("it is there");
    assert_eq!(entry.tags().collect::<Vec<_>>(), ["numbers", "n:10"]);
    assert!(entry.remaining().is_some_and(|left| left.as_secs() > 290), "{entry:?}");
    cache_set!(number(10), 99).expect("memory is reachable");
    assert_eq!(number(10), 99);
    assert!(cache_delete!(number(10)).expect("memory is reachable"));
    assert!(!cache_delete!(number(10)).expect("memory is reachable"));
    assert_eq!(number(10), 13);
    assert_eq!(memo::clear_tag("n:11").expect("clears").removed(), 0);
    assert_eq!(memo::clear_tag("n:10").expect("clears").removed(), 1);
    assert_eq!(number(10), 14);
    assert_eq!(memo::cache_clear(number).expect("clears").removed(), 1);
    assert_eq!(number(10), 15);
}

#[test]
fn memory_stands_in_front() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "memory://behind"], max_entries = 2)]
    fn squared(n: u64) -> u64 {
        RUNS.fetch_add(1, Ordering::Relaxed);
        n * n
    }
    for n in 0..10 {
        assert_eq!(squared(n), n * n);
    }
    for n in 0..10 {
        assert_eq!(squared(n), n * n);
    }
    assert_eq!(RUNS.load(Ordering::Relaxed), 10);
    assert_eq!(cache_info(squared).size, 10);
    assert!(cache_delete!(squared(9)).expect("reachable"));
    squared(9);
    assert_eq!(RUNS.load(Ordering::Relaxed), 11);
}

#[tokio::test]
async fn async_functions_are_stored() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "memory://async", validate = |entry| *entry.value() != 3)]
    async fn slow(n: u32) -> Result<u32, std::rc::Rc<str>> {
        tokio::task::yield_now().await;
        RUNS.fetch_add(1, Ordering::Relaxed);
        if n == 0 { Err("none".into()) } else { Ok(n) }
    }
    assert_eq!((slow(1).await, slow(1).await), (Ok(1), Ok(1)));
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    assert!(slow(0).await.is_err() && slow(0).await.is_err());
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
    assert_eq!((slow(3).await, slow(3).await), (Ok(3), Ok(3)));
    assert_eq!(RUNS.load(Ordering::Relaxed), 5);
    assert_eq!(cache_get!(slow(1)).await, Some(1));
    assert_eq!(cache_get!(slow(3)).await, None);
    assert!(cache_delete!(slow(1)).await.expect("reachable"));
    assert_eq!(cache_get!(slow(1)).await, None);
    cache_set!(slow(1), 8).await.expect("reachable");
    assert_eq!(slow(1).await, Ok(8));
}

#[tokio::test]
async fn calls_can_be_spawned() {
    #[memoize(backend = "memory://spawned")]
    async fn sendable(n: u32) -> u32 {
        n
    }
    assert_eq!(tokio::spawn(sendable(1)).await.expect("no panic"), 1);
}

/// Row 28: values that people can read.
#[test]
fn plain_files_hold_the_bare_value() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = format!("file://{}?format=plain&codec=json", dir.path().display());
    let users = memo::Cache::<u64, Vec<String>>::open("users", &url).expect("opens");
    users.set(7, vec!["Ada".to_owned(), "Grace".to_owned()]).expect("sets");
    assert_eq!(users.get(&7).expect("reads"), Some(vec!["Ada".to_owned(), "Grace".to_owned()]));
    let mut found = Vec::new();
    let mut dirs = vec![dir.path().to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("readable").map(|entry| entry.expect("readable").path()) {
            if entry.is_dir() {
                dirs.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "json") {
                found.push(std::fs::read_to_string(entry).expect("a text"));
            }
        }
    }
    assert_eq!(found, [r#"["Ada","Grace"]"#]);
    assert!(users.expire_in(&7, 100).expect("there"));
    assert!(users.get(&7).expect("reads").is_some());
}

#[test]
fn settings_of_a_url_count_beside_the_codec_of_the_attribute() {
    #[memoize(backend = "memory://settings?level=9&max_value=1KiB", codec = "json+zstd")]
    fn letters(count: usize) -> String {
        "a".repeat(count)
    }
    assert_eq!((letters(100), letters(2000)), ("a".repeat(100), "a".repeat(2000)));
    let info = cache_info(letters);
    assert_eq!(info.codec.as_deref(), Some("json+zstd?level=9&max_value=1024"));
    assert_eq!((info.stores, info.errors), (1, 1), "one of them has more bytes than `max_value` allows");
}
