//! Rows 13, 54; promises 1 to 5: what one process does with leases: its own, those of others, and where there can be none.

use std::{
    ops::ControlFlow,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use futures::FutureExt as _;
use memo::{
    Cache, Tier, Write,
    backend::{Backend, Capabilities, Edit, Item, Memory},
    cache_delete,
    clock::TestClock,
    memoize, overwrite_cache,
};
use memo_tests::{fresh, moody::Moody, servers::free_port, soon, within_20_s};

type Numbers = Cache<u32, u64>;

fn built(name: &str, url: &str) -> (Numbers, Arc<dyn Backend>) {
    (Cache::builder(name).backend(url).distributed().build().expect("builds"), memo::backend(url).expect("opens"))
}

/// The clock is the process's, and so is the hook: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The leases in a store, as people see them.
fn leases(store: &dyn Backend) -> Vec<(Vec<u8>, String)> {
    let mut leases = Vec::new();
    let mut visit = |key: &[u8], bytes: &[u8]| {
        leases.push((key.to_vec(), String::from_utf8(bytes.to_vec()).expect("text")));
        ControlFlow::Continue(())
    };
    store.scan(b"/lease|", &mut visit).expect("it can be scanned");
    leases
}

/// Has another process hold the lease of a key of a cache.
fn lend(cache: &Numbers, store: &dyn Backend, key: u32, renewals: u32) -> Vec<u8> {
    let mut place = Vec::new();
    cache
        .try_get_or_compute::<_, memo::Error>(&key, || {
            let [(at, _)] = leases(store).try_into().expect("one lease");
            place = at;
            Err(memo::Error::unavailable("no value"))
        })
        .expect_err("there is no value");
    renew(store, &place, renewals);
    place
}

fn renew(store: &dyn Backend, place: &[u8], renewals: u32) {
    let note = format!("held {:032x} {renewals} 10000 {:032x} what it computes", 7, 0);
    store.set(place, Item::new(note.as_bytes())).expect("it is set");
}

#[test]
fn a_lease_can_be_read_and_is_no_entry() {
    let _alone = alone();
    let (cache, store) = built("read", "memory://read?lease=5s");
    let value = cache.get_or_compute(&7, || {
        let [(place, note)] = leases(&*store).try_into().expect("one lease");
        assert!(String::from_utf8(place).expect("text").starts_with("/lease|read|"));
        let words: Vec<&str> = note.split(' ').collect();
        assert_eq!((words[0], words[2], words[3]), ("held", "0", "5000"), "{note}");
        assert!(words[5].starts_with("read||7|"), "{note}");
        assert_eq!((cache.len().expect("counted"), cache.clear().expect("cleared")), (0, 0));
        assert_eq!(leases(&*store).len(), 1, "it is cleared with nothing");
        1
    });
    assert_eq!((value.expect("computed"), leases(&*store)), (1, Vec::new()));
}

#[test]
fn a_lease_is_over_when_it_has_not_changed_for_its_time() {
    let _alone = alone();
    within_20_s(|| {
        let (cache, store) = built("over", "memory://over");
        let place = lend(&cache, &*store, 7, 1);
        let clock = TestClock::install();
        let ran = Arc::new(AtomicU32::new(0));
        let run = || {
            ran.fetch_add(1, Ordering::SeqCst);
            fresh()
        };
        thread::scope(|scope| {
            let caller = scope.spawn(|| cache.get_or_compute(&7, run).expect("computed"));
            let pass = |ms| clock.advance(Duration::from_millis(ms));
            // It is seen at some time, and not over for 9.9 s from now on.
            (0..99).for_each(|_| pass(100));
            assert_eq!(ran.load(Ordering::SeqCst), 0);
            // The bytes change: it lives.
            renew(&*store, &place, 2);
            (0..99).for_each(|_| pass(100));
            assert_eq!(ran.load(Ordering::SeqCst), 0);
            soon("it is taken over", || {
                pass(100);
                caller.is_finished()
            });
        });
        assert_eq!((ran.load(Ordering::SeqCst), leases(&*store)), (1, Vec::new()));
    });
}

#[test]
fn a_lease_that_another_has_taken_over_is_left_alone() {
    let _alone = alone();
    let (cache, store) = built("taken", "memory://taken?lease=150ms");
    let values = |key| {
        cache.get_or_compute(&key, || {
            let [(place, _)] = leases(&*store).try_into().expect("one lease");
            renew(&*store, &place, 5);
            1
        })
    };
    assert_eq!(values(7).expect("computed"), 1);
    let [(_, note)] = leases(&*store).try_into().expect("it is there");
    assert!(note.ends_with("what it computes"), "{note}");
}

/// A store in which something is done before the first lease is put down.
struct Between(Memory, Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Backend for Between {
    fn name(&self) -> &'static str {
        "between"
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, memo::Error> {
        self.0.get(key)
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), memo::Error> {
        self.0.set(key, item)
    }

    fn remove(&self, key: &[u8]) -> Result<bool, memo::Error> {
        self.0.remove(key)
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, memo::Error> {
        self.0.remove_prefix(prefix)
    }

    fn update(&self, key: &[u8], change: Edit<'_>) -> Result<(), memo::Error> {
        let hand = self.1.lock().expect("no panic").take_if(|_| key.starts_with(b"/lease|"));
        if let Some(hand) = hand {
            hand();
        }
        self.0.update(key, change)
    }
}

#[test]
fn what_was_stored_before_the_lease_was_taken_is_a_hit() {
    let _alone = alone();
    within_20_s(|| {
        let store = Arc::new(Between(Memory::new(), Mutex::default()));
        let built = || Numbers::builder("between").tier(Tier::of(store.clone()));
        let (cache, other) = (built().distributed().build().expect("builds"), built().build().expect("builds"));
        *store.1.lock().expect("no panic") = Some(Box::new(move || other.set(7, 70).expect("set")));
        assert_eq!(cache.get_or_compute(&7, || unreachable!("it is there")).expect("a hit"), 70);
        let stats = cache.stats();
        assert_eq!((stats.hits, stats.misses, stats.coalesced), (1, 0, 1));
    });
}

#[test]
fn a_value_that_is_set_ends_the_wait() {
    let _alone = alone();
    within_20_s(|| {
        let store = Arc::new(Moody::default());
        let built = || Numbers::builder("set").tier(Tier::of(store.clone()));
        let (cache, other) = (built().distributed().build().expect("builds"), built().build().expect("builds"));
        // It stands under the same key in every store.
        let (twin, of_twin) = self::built("set", "memory://set");
        renew(&*store, &lend(&twin, &*of_twin, 7, 1), 1);
        let before = store.reads.load(Ordering::SeqCst);
        thread::scope(|scope| {
            let caller = scope.spawn(|| cache.get_or_compute(&7, || unreachable!("it waits")).expect("a hit"));
            soon("it looks again and again", || store.reads.load(Ordering::SeqCst) > before + 6);
            // The lease stays where it is.
            other.set(7, 70).expect("set");
            assert_eq!(caller.join().expect("no panic"), 70);
        });
    });
}

#[test]
fn callers_of_this_process_wait_with_the_one_that_leads() {
    let _alone = alone();
    within_20_s(|| {
        let (cache, store) = built("here", "memory://here");
        let place = lend(&cache, &*store, 7, 1);
        let values: Vec<u64> = thread::scope(|scope| {
            let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| cache.get_or_compute(&7, fresh))).collect();
            store.remove(&place).expect("removed");
            callers.into_iter().map(|caller| caller.join().expect("no panic").expect("computed")).collect()
        });
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
    });
}

#[test]
fn a_future_that_is_dropped_leads_and_leases_nothing() {
    let _alone = alone();
    within_20_s(|| {
        let (cache, store) = built("dropped", "memory://dropped");
        let cache = memo::aio::Cache::from(cache);
        {
            let mut running = pin!(cache.get_or_compute(&7, std::future::pending()));
            soon("it runs", || {
                assert!(running.as_mut().now_or_never().is_none());
                leases(&*store).len() == 1
            });
        }
        soon("it is given back", || leases(&*store).is_empty());
        let sync = Numbers::from(cache.clone());
        let place = lend(&sync, &*store, 7, 1);
        {
            let mut waiting = pin!(cache.get_or_compute(&7, async { unreachable!("it waits") }));
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        store.remove(&place).expect("removed");
        assert_eq!(smol::block_on(cache.get_or_compute(&7, async { 3 })).expect("computed"), 3);
    });
}

#[test]
fn what_a_body_invalidates_and_calls_again_does_not_wait_for_itself() {
    #[memoize(backend = "memory://itself", single_flight = "distributed")]
    fn itself(depth: u32) -> u64 {
        static LEFT: AtomicU32 = AtomicU32::new(3);
        let left = LEFT.fetch_sub(1, Ordering::SeqCst);
        if left == 0 {
            return 0;
        }
        if left != 2 {
            cache_delete!(itself(depth)).expect("deleted");
        }
        1 + itself(depth)
    }
    let _alone = alone();
    within_20_s(|| assert_eq!(itself(7), 3));
    assert_eq!(leases(&*memo::backend("memory://itself").expect("opens")), Vec::new());
}

#[test]
fn who_overwrites_waits_for_nobody() {
    #[memoize(cache = cache, single_flight = "distributed")]
    fn overwritten(cache: &Numbers, key: u32) -> u64 {
        fresh() + u64::from(key)
    }
    let _alone = alone();
    within_20_s(|| {
        let (cache, store) = built("overwritten", "memory://overwritten");
        lend(&cache, &*store, 7, 1);
        let value = overwrite_cache!(overwritten(&cache, 7));
        assert_eq!(cache.get(&7).expect("read"), Some(value));
    });
}

#[test]
fn with_write_back_others_find_the_value() {
    let _alone = alone();
    let url = "memory://behind";
    let tiers = ["memory://before", url];
    let cache: Numbers =
        Cache::builder("behind").backends(tiers).write(Write::Back).distributed().build().expect("builds");
    let store = memo::backend(url).expect("opens");
    cache.get_or_compute(&7, || 1).expect("computed");
    assert_eq!((store.count(b"behind|").expect("counted"), leases(&*store)), (1, Vec::new()));
    let moody = Arc::new(Moody::default());
    let tiers = Numbers::builder("behind it").backend(tiers[0]).tier(Tier::of(moody.clone()));
    let cache = tiers.write(Write::Back).distributed().build().expect("builds");
    let fail = || {
        moody.fails.store(true, Ordering::SeqCst);
        1
    };
    assert_eq!(cache.get_or_compute(&7, fail).expect("computed"), 1);
    assert_eq!(cache.stats().queued, 0, "nobody waits for what is queued");
}

#[test]
fn a_store_that_is_down_keeps_no_body_from_running() {
    #[memoize(cache = cache, single_flight = "distributed")]
    fn number(cache: &Numbers, key: u32) -> u64 {
        fresh() + u64::from(key)
    }
    let _alone = alone();
    within_20_s(|| {
        let url = format!("redis://127.0.0.1:{}?connect_timeout=200ms", free_port());
        let cache: Numbers = Cache::builder("down").backend(url).build().expect("builds");
        assert_ne!(number(&cache, 7), number(&cache, 7));
        assert!(memo::cache_info(number).errors >= 2);
    });
}

#[test]
fn a_store_that_can_have_no_leases_is_an_error_once() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let _alone = alone();
    memo::backend::on_error(|_, error| TOLD.lock().expect("no panic").push(error.to_string()));
    let store = Arc::new(Moody::default());
    store.in_two_steps.store(true, Ordering::SeqCst);
    let cache: Numbers = Cache::builder("steps").tier(Tier::of(store)).distributed().build().expect("builds");
    for key in 0..3 {
        assert_eq!(cache.get_or_compute(&key, || 1).expect("computed"), 1);
    }
    let told = TOLD.lock().expect("no panic").clone();
    assert!(told.len() == 1 && told[0].contains("`moody`"), "{told:?}");
}

#[test]
fn a_cache_without_a_store_is_refused() {
    let error = Numbers::builder("nowhere").backend("memory").distributed().build().expect_err("there is none");
    assert!(error.is_config() && error.to_string().contains("`nowhere`"), "{error}");
}

/// A lease that is shorter than what it takes to look after it is a mistake.
#[test]
fn a_lease_has_a_shortest_time() {
    let error = Numbers::builder("short").backend("memory://short?lease=99ms").build().expect_err("too short");
    assert!(error.is_config() && error.to_string().contains("at least 100 ms"), "{error}");
}
