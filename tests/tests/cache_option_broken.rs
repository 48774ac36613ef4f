//! Promise 5: a function whose entries live in a cache object with a broken store; in a process of its own, where no other test clears
//! everything.

use memo::{Cache, cache_delete, cache_get, cache_info, memoize};
use memo_tests::counts;

#[test]
fn a_broken_store_breaks_no_call() {
    #[memoize(cache = cache)]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        let _ = cache;
        n
    }
    let dir = tempfile::tempdir().expect("a place");
    let blocked = dir.path().join("file");
    std::fs::write(&blocked, "in the way").expect("writes");
    let url = format!("sqlite://{}/cache.db", blocked.display());
    let broken: Cache<u64, u64> = Cache::open("broken", url).expect("opened when it is used");
    assert_eq!((number(&broken, 1), number(&broken, 1)), (1, 1));
    assert!(broken.get(&1).is_err(), "the object says so");
    assert_eq!(cache_get!(number(&broken, 1)), None);
    assert!(cache_delete!(number(&broken, 1)).is_err());
    assert!(memo::cache_clear(number).expect_err("it can't be cleared").to_string().contains("number"));
    assert_eq!(counts(number), (0, 2, 0));
    assert!(cache_info(number).errors >= 2 && broken.stats().errors >= 3, "every call, and the object's own");
}
