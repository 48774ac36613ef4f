//! Row 33; promises 2, 10: what values do while they are read and dropped, and stores while they are opened, may use the caches
//! that wait for it.

use std::{
    cell::Cell,
    panic::catch_unwind,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use memo::{
    Cache, aio,
    backend::{Memory, register_backend},
    cache_delete, cache_entry, cache_get, cache_set, explain_cache, invalidates, memoize,
};
use memo_tests::{
    lmdb::{self, new_dir},
    moody::moody,
    within_20_s,
};
use serde::{Deserialize, Deserializer, Serialize};
use tempfile::TempDir;

/// A number that does what its test says whenever it is deserialized. Each test has a type of its own: a type is traced once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct Busy<const TEST: usize>(u32);

type Acts = [Option<fn()>; 5];

static ON_READING: Mutex<Acts> = Mutex::new([None; 5]);

thread_local! {
    static IS_BUSY: Cell<bool> = const { Cell::new(false) };
}

impl<'de, const TEST: usize> Deserialize<'de> for Busy<TEST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let act = ON_READING.lock().expect("no panic")[TEST];
        if let Some(act) = act.filter(|_| !IS_BUSY.replace(true)) {
            act();
            IS_BUSY.set(false);
        }
        u32::deserialize(from).map(Self)
    }
}

fn on_reading<const TEST: usize>(act: fn()) {
    ON_READING.lock().expect("no panic")[TEST] = Some(act);
}

fn no_more<const TEST: usize>() {
    ON_READING.lock().expect("no panic")[TEST] = None;
}

#[test]
fn a_value_may_address_its_own_function_while_its_type_is_traced() {
    static ACTS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "memory://traced-function")]
    fn number(n: u32) -> Busy<0> {
        Busy(n)
    }
    #[invalidates(number(n))]
    fn changed(n: u32) -> u32 {
        n
    }
    on_reading::<0>(|| {
        ACTS.fetch_add(1, Ordering::SeqCst);
        assert_eq!((number(1), cache_get!(number(1)), cache_entry!(number(1)).is_some()), (Busy(1), None, false));
        assert!(!explain_cache!(number(1)).is_hit());
        assert!(cache_set!(number(1), Busy(2)).expect_err("not from in there").is_unavailable());
        assert!(cache_delete!(number(1)).expect_err("not from in there").is_unavailable());
        assert_eq!(changed(1), 1);
    });
    within_20_s(|| {
        assert_eq!(number(1), Busy(1));
        no_more::<0>();
        assert_eq!(number(1), Busy(1));
        assert!(ACTS.load(Ordering::SeqCst) > 0);
        let info = memo::cache_info(number);
        assert_eq!((info.hits, info.misses, info.size), (1, 1, 1));
    });
}

#[test]
fn a_value_may_use_its_own_cache_while_its_type_is_traced() {
    static ACTS: AtomicU32 = AtomicU32::new(0);
    static CACHE: LazyLock<Cache<u32, Busy<1>>> =
        LazyLock::new(|| Cache::open("traced", "memory://traced-cache").expect("opens"));
    #[invalidates(CACHE[&n])]
    fn changed(n: u32) -> u32 {
        n
    }
    on_reading::<1>(|| {
        ACTS.fetch_add(1, Ordering::SeqCst);
        assert_eq!(CACHE.get_or_compute(&1, || Busy(7)).expect("it goes past the cache"), Busy(7));
        let computed = aio::Cache::from(CACHE.clone());
        let computed = computed.get_or_compute(&1, async { Busy(8) });
        assert_eq!(futures::executor::block_on(computed).expect("it goes past the cache"), Busy(8));
        assert_eq!(CACHE.get(&1).expect("it goes past the cache"), None);
        assert!(CACHE.iter().is_err_and(|error| error.is_unavailable()));
        assert_eq!(changed(1), 1);
    });
    within_20_s(|| {
        CACHE.set(1, Busy(1)).expect("sets");
        no_more::<1>();
        assert_eq!(CACHE.get(&1).expect("reads"), Some(Busy(1)));
        assert!(ACTS.load(Ordering::SeqCst) > 0);
    });
}

#[test]
fn a_value_that_is_taken_may_change_its_cache_while_it_is_decoded() {
    static ACTS: AtomicU32 = AtomicU32::new(0);
    static CACHE: LazyLock<Cache<u32, Busy<2>>> =
        LazyLock::new(|| Cache::open("taken", "memory://taken").expect("opens"));
    within_20_s(|| {
        CACHE.set(1, Busy(1)).expect("sets");
        on_reading::<2>(|| {
            ACTS.fetch_add(1, Ordering::SeqCst);
            CACHE.clear().expect("nobody is in its way");
            CACHE.set(1, Busy(2)).expect("nobody is in its way");
        });
        assert_eq!(CACHE.take(&1).expect("takes"), Some(Busy(1)));
        no_more::<2>();
        assert_eq!((CACHE.get(&1).expect("reads"), ACTS.load(Ordering::SeqCst)), (Some(Busy(2)), 1));
    });
}

/// A scheme of a test's own for a store in LMDB, whose map has to grow for an entry that is not small.
fn register_small_lmdb(scheme: &str) -> TempDir {
    let dir = new_dir();
    let url = lmdb::url(dir.path(), "?map_size=64KiB&sync=off");
    register_backend(scheme, move |_| Ok(Arc::new(lmdb::try_open(&url)?))).expect("this test's own");
    dir
}

#[test]
fn a_value_may_use_its_own_function_while_it_is_decoded() {
    static ACTS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "reentry-decoded://")]
    fn number(n: u32) -> Busy<3> {
        Busy(n)
    }
    #[memoize(backend = "reentry-decoded://")]
    fn large(n: u32) -> Vec<u32> {
        (0..n).collect()
    }
    let _dir = register_small_lmdb("reentry-decoded");
    within_20_s(|| {
        assert_eq!((number(1), number(2)), (Busy(1), Busy(2)));
        on_reading::<3>(|| {
            ACTS.fetch_add(1, Ordering::SeqCst);
            assert_eq!(number(2), Busy(2), "a hit within a hit");
            // The map grows, which it does only while nobody reads.
            assert_eq!(large(100_000), large(100_000));
            assert!(cache_delete!(number(1)).expect("nobody is in its way"));
            cache_set!(number(1), Busy(7)).expect("nobody is in its way");
        });
        assert_eq!(number(1), Busy(1), "what was there when it was asked for");
        no_more::<3>();
        assert_eq!((number(1), ACTS.load(Ordering::SeqCst)), (Busy(7), 1));
        let info = memo::cache_info(number);
        assert_eq!((info.hits, info.misses, info.errors), (3, 2, 0));
    });
}

#[test]
fn a_value_may_panic_while_it_is_decoded() {
    #[memoize(backend = "reentry-panics://")]
    fn number(n: u32) -> Busy<4> {
        Busy(n)
    }
    let _dir = register_small_lmdb("reentry-panics");
    within_20_s(|| {
        number(1);
        on_reading::<4>(|| panic!("a value that can't be read"));
        assert!(catch_unwind(|| number(1)).is_err());
        no_more::<4>();
        assert_eq!(number(1), Busy(1));
        cache_set!(number(1), Busy(2)).expect("nobody is in its way");
        assert_eq!(number(1), Busy(2));
    });
}

#[test]
fn a_value_that_could_not_be_set_may_change_its_cache_while_it_is_dropped() {
    static DROPS: AtomicU32 = AtomicU32::new(0);
    static CACHE: LazyLock<Cache<u32, Dropped>> = LazyLock::new(|| {
        Cache::builder("dropped").backends(["memory", "reentry-moody://"]).build().expect("valid URLs")
    });
    #[derive(Clone, Serialize, Deserialize)]
    struct Dropped(u32);
    impl Drop for Dropped {
        fn drop(&mut self) {
            if self.0 == 7 {
                DROPS.fetch_add(1, Ordering::SeqCst);
                // Under a lock it is an error.
                CACHE.delete(&1).ok();
            }
        }
    }
    within_20_s(|| {
        let store = moody("reentry-moody");
        CACHE.set(1, Dropped(1)).expect("sets");
        store.fails.store(true, Ordering::SeqCst);
        CACHE.set(1, Dropped(7)).expect_err("the store is down");
        assert_eq!(DROPS.load(Ordering::SeqCst), 2, "the value, and the copy for memory");
    });
}

#[test]
fn a_store_may_use_the_cache_while_it_is_opened_to_be_added() {
    static CACHE: LazyLock<Cache<u32, u32>> =
        LazyLock::new(|| Cache::open("opening", "memory://opening").expect("opens"));
    register_backend("opens-slowly", |_| {
        CACHE.set(1, 2)?;
        CACHE.clear()?;
        CACHE.set(1, 3)?;
        Ok(Arc::new(Memory::new()))
    })
    .expect("this test's own");
    within_20_s(|| {
        CACHE.set(1, 1).expect("sets");
        CACHE.add_tier("opens-slowly://").expect("nobody is in its way");
        assert_eq!(CACHE.get(&1).expect("reads"), Some(3));
    });
}
