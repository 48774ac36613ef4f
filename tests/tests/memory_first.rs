//! Row 33: memory is asked before the stores, also by calls that begin while a switch is thrown elsewhere; who does not ask them
//! writes no key.

use std::{
    hash::{Hash, Hasher},
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use memo::{Cache, cache_info, memoize, skip_cache};
use memo_tests::within_20_s;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

/// A thread for which caching is switched off, until it is told. The process has one switch.
struct Elsewhere {
    end: Sender<()>,
    thread: thread::JoinHandle<()>,
}

static ELSEWHERE: Mutex<Option<Elsewhere>> = Mutex::new(None);
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Elsewhere {
    fn begin() {
        let (begun, has_begun) = channel();
        let (end, ends) = channel::<()>();
        let thread = thread::spawn(move || {
            let off = memo::disabled_here();
            begun.send(()).expect("the test waits");
            ends.recv().expect("the test ends it");
            drop(off);
        });
        has_begun.recv().expect("it begins");
        *ELSEWHERE.lock().expect("no panic") = Some(Self { end, thread });
    }

    fn end() {
        if let Some(Self { end, thread }) = ELSEWHERE.lock().expect("no panic").take() {
            end.send(()).expect("it waits");
            thread.join().expect("no panic");
        }
    }
}

/// Where it is written between looking into memory and asking the stores, nothing is switched off any more after that.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(u32);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Elsewhere::end();
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(Self)
    }
}

/// A call that fills both tiers, one that is begun while something is switched off; hits and misses of the tiers.
fn twice(call: impl Fn() -> u32, tiers: impl Fn() -> Vec<memo::TierInfo>) -> Vec<(u64, u64)> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(call(), 7);
    Elsewhere::begin();
    assert_eq!(call(), 7);
    Elsewhere::end();
    tiers().iter().map(|tier| (tier.hits, tier.misses)).collect()
}

const IN_MEMORY: [(u64, u64); 2] = [(1, 1), (0, 1)];

#[test]
fn by_functions() {
    #[memoize(backend = ["memory", "memory://first-function"])]
    fn number(key: &Key) -> u32 {
        key.0
    }
    #[memoize(backend = ["memory", "memory://first-task"])]
    async fn later(key: &Key) -> u32 {
        key.0
    }
    within_20_s(|| {
        assert_eq!(twice(|| number(&Key(7)), || cache_info(number).tiers), IN_MEMORY);
        let later_now = || futures::executor::block_on(later(&Key(7)));
        assert_eq!(twice(later_now, || cache_info(later).tiers), IN_MEMORY);
    });
}

#[test]
fn by_objects_and_their_guests() {
    fn object(name: &str) -> Cache<Key, u32> {
        let url = format!("memory://{name}");
        Cache::builder(name).backends(["memory", url.as_str()]).build().expect("valid URLs")
    }
    static OF_GUESTS: LazyLock<Cache<Key, u32>> = LazyLock::new(|| object("first-guest"));
    #[memoize(cache = OF_GUESTS)]
    fn number(key: &Key) -> u32 {
        key.0
    }
    within_20_s(|| {
        let cache = object("first-object");
        let computed = || cache.get_or_compute(&Key(7), || 7).expect("reachable");
        assert_eq!(twice(computed, || cache.stats().tiers), IN_MEMORY);
        assert_eq!(twice(|| number(&Key(7)), || cache_info(number).tiers), IN_MEMORY);
    });
}

/// How often a key was written. An odd one can't be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Counted(u32);

static WRITTEN: AtomicU32 = AtomicU32::new(0);

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WRITTEN.fetch_add(1, Ordering::SeqCst);
        if self.0 % 2 == 1 { Err(<S::Error as ser::Error>::custom("it is odd")) } else { self.0.serialize(serializer) }
    }
}

#[test]
fn keys_are_written_for_those_who_ask_stores_only() {
    #[memoize(backend = ["memory", "memory://written-validated"], validate = |_| true)]
    fn validated(key: &Counted) -> u32 {
        key.0
    }
    static CACHE: LazyLock<Cache<Counted, u32>> = LazyLock::new(|| {
        Cache::builder("written").backends(["memory", "memory://written-guest"]).build().expect("valid URLs")
    });
    #[memoize(cache = CACHE, validate = |_| true)]
    fn guest(key: &Counted) -> u32 {
        key.0
    }
    let written = |calls: &dyn Fn()| {
        let before = WRITTEN.load(Ordering::SeqCst);
        calls();
        WRITTEN.load(Ordering::SeqCst) - before
    };
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(written(&|| assert_eq!((validated(&Counted(2)), guest(&Counted(2))), (2, 2))) > 0);
    let in_memory = || assert_eq!((validated(&Counted(2)), guest(&Counted(2))), (2, 2));
    assert_eq!(written(&in_memory), 0);
    let past = || {
        assert_eq!((skip_cache!(validated(&Counted(1))), skip_cache!(guest(&Counted(1)))), (1, 1));
        let _off = memo::disabled_here();
        assert_eq!((validated(&Counted(1)), guest(&Counted(1))), (1, 1));
    };
    assert_eq!(written(&past), 0);
    assert_eq!((cache_info(validated).errors, CACHE.stats().errors), (0, 0));
    assert_eq!((validated(&Counted(1)), cache_info(validated).errors), (1, 1), "a store was to be asked");
}
