//! Rows 33, 34, 86; promises 3, 5-8: what callers in one tier see of what others do in the next one meanwhile, and whose entries
//! count.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use memo::{
    Cache, Error,
    backend::{Backend, Item, Memory, UnixMillis, register_backend},
    cache_delete, cache_get, cache_info, cache_set,
    clock::TestClock,
    memoize, overwrite_cache,
    wire::Frame,
};
use memo_tests::{wire::vouched, within_20_s};

/// What was done to the stores of a test, in its order.
type Log = Arc<Mutex<Vec<String>>>;

/// A store in memory that says what is done to it, and does something itself right after it was asked.
struct Watched {
    scheme: &'static str,
    inner: Memory,
    log: Log,
    /// Happens once, after the next read has found what it found.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Watched {
    /// Registers one under a scheme of its own.
    fn new(scheme: &'static str, log: &Log) -> Arc<Self> {
        let inner = Memory::default();
        let store = Arc::new(Self { scheme, inner, log: log.clone(), meanwhile: Mutex::default() });
        let opened = store.clone();
        register_backend(scheme, move |_| Ok(opened.clone())).expect("each test has its own");
        store
    }

    fn alone(scheme: &'static str) -> Arc<Self> {
        Self::new(scheme, &Log::default())
    }

    fn say(&self, what: &str) {
        self.log.lock().expect("no panic").push(format!("{what} {}", self.scheme));
    }

    fn after_the_next_read(&self, act: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().expect("no panic") = Some(Box::new(act));
    }

    /// All that is in it.
    fn all(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut all = Vec::new();
        let mut visit = |key: &[u8], bytes: &[u8]| {
            all.push((key.to_vec(), bytes.to_vec()));
            std::ops::ControlFlow::Continue(())
        };
        self.inner.scan(b"", &mut visit).expect("memory can be read");
        all
    }

    /// The only entry: its key and bytes.
    fn only(&self) -> (Vec<u8>, Vec<u8>) {
        let [entry] = self.all().try_into().expect("one entry");
        entry
    }

    fn put(&self, key: &[u8], bytes: &[u8]) {
        self.inner.set(key, Item::new(bytes)).expect("memory takes it");
    }

    /// As it was before `act`, whatever that did.
    fn keeping<T>(&self, act: impl FnOnce() -> T) -> T {
        let all = self.all();
        let result = act();
        for (key, bytes) in all {
            self.put(&key, &bytes);
        }
        result
    }

    fn clear(&self) {
        self.inner.remove_prefix(b"").expect("memory can be emptied");
    }

    fn ends(&self) -> Option<UnixMillis> {
        Frame::read(&self.only().1).expect("a frame").expires
    }
}

impl Backend for Watched {
    fn name(&self) -> &'static str {
        self.scheme
    }

    memo_tests::as_inside!(self.inner: capabilities count);

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.inner.get(key);
        let meanwhile = self.meanwhile.lock().expect("no panic").take();
        if let Some(act) = meanwhile {
            act();
        }
        found
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        self.say("set");
        self.inner.set(key, item)
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        self.say("remove");
        self.inner.remove(key)
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.say("remove");
        self.inner.remove_prefix(prefix)
    }

    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        self.say("remove");
        self.inner.remove_tagged(prefix, tags)
    }
}

/// Bytes with a checksum that fits.
/// Promise 3: who has read an entry does not bring it back after it was deleted, cleared or replaced.
#[test]
fn what_changes_while_it_is_read_is_copied_nowhere() {
    #[memoize(backend = ["read-near://", "read-far://"])]
    fn tiered(n: u32) -> u32 {
        n
    }
    #[memoize(backend = ["memory", "read-behind://"])]
    fn fronted(n: u32) -> u32 {
        n
    }
    /// What happens meanwhile, and what is there afterwards.
    type Change = (fn(), Option<u32>);
    within_20_s(|| {
        let (near, far) = (Watched::alone("read-near"), Watched::alone("read-far"));
        let changes: [Change; 3] = [
            (|| assert!(cache_delete!(tiered(1)).expect("reachable")), None),
            (|| assert_eq!(memo::cache_clear(tiered).expect("reachable").removed(), 1), None),
            (|| cache_set!(tiered(1), 7).expect("reachable"), Some(7)),
        ];
        for (change, left) in changes {
            cache_set!(tiered(1), 1).expect("reachable");
            near.clear();
            far.after_the_next_read(change);
            assert_eq!(cache_get!(tiered(1)), Some(1), "who asked before has it");
            assert_eq!(near.all().len(), left.iter().len(), "it is not brought back");
            assert_eq!(cache_get!(tiered(1)), left);
        }

        let behind = Watched::alone("read-behind");
        let changes: [Change; 3] = [
            (|| assert!(cache_delete!(fronted(1)).expect("reachable")), None),
            (|| assert_eq!(memo::cache_clear(fronted).expect("reachable").removed(), 1), None),
            (|| cache_set!(fronted(1), 7).expect("reachable"), Some(7)),
        ];
        for (change, left) in changes {
            cache_set!(fronted(1), 1).expect("reachable");
            behind.keeping(|| cache_delete!(fronted(1)).expect("reachable"));
            behind.after_the_next_read(change);
            assert_eq!(fronted(1), 1, "who asked before has it");
            assert_eq!(cache_get!(fronted(1)), left, "memory has no copy of it");
        }
    });
}

/// A way to ask a cache for its first entry.
type Read = fn(&Cache<u32, u32>) -> Option<u32>;

/// The same with cache objects, which can be asked for several keys.
#[test]
fn what_is_deleted_while_a_cache_reads_it_is_copied_nowhere() {
    within_20_s(|| {
        let (near, far) = (Watched::alone("object-near"), Watched::alone("object-far"));
        let cache = Cache::<u32, u32>::builder("tiered").backends(["object-near://", "object-far://"]);
        let cache = Arc::new(cache.build().expect("builds"));
        let behind = Watched::alone("object-behind");
        let fronted = Cache::<u32, u32>::builder("fronted").backends(["memory", "object-behind://"]);
        let fronted = Arc::new(fronted.build().expect("builds"));
        let reads: [Read; 2] =
            [|cache| cache.get(&1).expect("reachable"), |cache| cache.get_many([&1, &2]).expect("reachable")[0]];
        for read in reads {
            cache.set(1, 7).expect("reachable");
            near.clear();
            let other = cache.clone();
            far.after_the_next_read(move || assert!(other.delete(&1).expect("reachable")));
            assert_eq!(read(&cache), Some(7), "who asked before has it");
            assert_eq!((near.all().len(), far.all().len()), (0, 0), "it is not brought back");

            fronted.set(1, 7).expect("reachable");
            behind.keeping(|| fronted.delete(&1).expect("reachable"));
            let other = fronted.clone();
            behind.after_the_next_read(move || assert!(other.delete(&1).expect("reachable")));
            assert_eq!(read(&fronted), Some(7), "who asked before has it");
            assert_eq!(fronted.get(&1).expect("reachable"), None, "memory has no copy");
        }
    });
}

/// Promise 1: between asking the store and running the body, somebody else may have run it.
#[test]
fn who_asked_before_a_value_was_stored_asks_again() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "asked-early://")]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    within_20_s(|| {
        let store = Watched::alone("asked-early");
        store.after_the_next_read(|| assert_eq!(number(10), 10));
        assert_eq!(number(10), 10, "it is the other's value");
        assert_eq!(RUNS.load(Ordering::SeqCst), 1);
    });
}

/// The same where something has changed whenever it asks: others do not keep it from running.
#[test]
fn a_call_whose_stores_change_all_the_time_runs_its_body() {
    #[memoize(backend = "never-still://")]
    fn number(n: u32) -> u32 {
        n
    }
    fn clear_after_every_read(store: &Arc<Watched>) {
        let same = store.clone();
        store.after_the_next_read(move || {
            memo::cache_clear(number).expect("reachable");
            clear_after_every_read(&same);
        });
    }
    within_20_s(|| {
        let store = Watched::alone("never-still");
        clear_after_every_read(&store);
        assert_eq!(number(10), 10);
        assert_eq!(store.all().len(), 1, "its value is stored");
    });
}

/// Promise 8: a copy lives as long as its entry has left, and no longer than its tier lets it.
#[test]
fn a_copy_has_the_end_and_the_tags_of_its_entry() {
    #[memoize(backend = ["ends-near://", "ends-far://"], ttl = 100, tag = "t", tags = [format!("n:{n}")])]
    fn number(n: u32) -> u32 {
        n
    }
    #[memoize(backend = ["short-near://?ttl=10s", "short-far://"], ttl = 100)]
    fn short(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let clock = TestClock::install();
        let (near, far) = (Watched::alone("ends-near"), Watched::alone("ends-far"));
        number(1);
        near.clear();
        clock.advance(Duration::from_mins(1));
        assert_eq!(cache_get!(number(1)), Some(1));
        assert!(near.ends().is_some());
        assert_eq!(near.ends(), far.ends(), "it has the remaining time, not the whole again");
        for tag in ["t", "n:1"] {
            assert_eq!(near.keeping(|| near.remove_tagged(b"", &[tag]).expect("memory finds it")), 1, "{tag}");
            near.clear();
            assert_eq!(cache_get!(number(1)), Some(1), "copied anew");
        }
        clock.advance(Duration::from_secs(41));
        far.clear();
        assert_eq!(cache_get!(number(1)), None, "the copy has expired with its entry");

        let (near, far) = (Watched::alone("short-near"), Watched::alone("short-far"));
        short(1);
        let written = near.ends().expect("it has an end");
        assert_eq!(far.ends().expect("it has an end") - written, 90_000);
        near.clear();
        clock.advance(Duration::from_secs(50));
        assert_eq!(cache_get!(short(1)), Some(1));
        assert_eq!(near.ends().expect("it has an end") - written, 50_000, "ten seconds from now");
        near.clear();
        clock.advance(Duration::from_secs(45));
        assert_eq!(cache_get!(short(1)), Some(1));
        assert_eq!(near.ends(), far.ends(), "five seconds are left, and no more");
    });
}

/// Who reads a tier fills those before it: so the last tier is changed first, and a reader meanwhile brings nothing back.
#[test]
fn the_last_tier_is_changed_first() {
    #[memoize(backend = ["order-near://", "order-far://"], tag = "order")]
    fn number(n: u32) -> u32 {
        n
    }
    let log = Log::default();
    let (near, far) = (Watched::new("order-near", &log), Watched::new("order-far", &log));
    let far_first = |what: &str| {
        let said = std::mem::take(&mut *log.lock().expect("no panic"));
        assert_eq!(said, [format!("{what} {}", far.name()), format!("{what} {}", near.name())]);
    };
    number(1);
    far_first("set");
    cache_set!(number(1), 2).expect("reachable");
    far_first("set");
    cache_delete!(number(1)).expect("reachable");
    far_first("remove");
    memo::cache_clear(number).expect("reachable");
    far_first("remove");
    memo::clear_tag("order").expect("reachable");
    far_first("remove");
}

/// Promise 6: hashes and places lead to entries, the whole key decides.
#[test]
fn an_entry_of_another_key_is_a_miss() {
    #[memoize(backend = "another-key://")]
    fn number(n: u32) -> u32 {
        n
    }
    let store = Watched::alone("another-key");
    number(2);
    let (_, of_two) = store.only();
    cache_delete!(number(2)).expect("reachable");
    number(1);
    let (key_of_one, _) = store.only();
    store.put(&key_of_one, &of_two);
    assert_eq!(cache_get!(number(1)), None);
    assert_eq!(number(1), 1, "not the other's value");
    assert_eq!(cache_info(number).errors, 0, "it is no damage");
}

/// Row 34: a program that was updated and one that was not share a store.
#[test]
fn an_entry_of_a_newer_format_is_a_miss_that_stays() {
    #[memoize(backend = "newer-format://")]
    fn number(n: u32) -> u32 {
        n
    }
    let store = Watched::alone("newer-format");
    number(1);
    let (key, mut bytes) = store.only();
    // No format yet.
    bytes[4] = u8::MAX;
    let newer = vouched(bytes);
    store.put(&key, &newer);
    assert_eq!(cache_get!(number(1)), None);
    assert_eq!(store.only().1, newer, "it is for others to use");
    assert_eq!(cache_info(number).errors, 1);
}

/// Promise 7.
#[test]
fn damaged_bytes_are_removed_and_nothing_else() {
    #[memoize(backend = "damaged-bytes://")]
    fn number(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let store = Watched::alone("damaged-bytes");
        number(1);
        let (key, good) = store.only();
        let mut damaged = good.clone();
        damaged[20] ^= 1;
        store.put(&key, &damaged);
        assert_eq!(cache_get!(number(1)), None);
        assert_eq!(store.all(), [], "it would be in the way of every read");

        store.put(&key, &damaged);
        let replaced = store.clone();
        let bytes = good.clone();
        store.after_the_next_read(move || replaced.put(&key, &bytes));
        assert_eq!(cache_get!(number(1)), None, "what was read is damaged");
        assert_eq!(store.only().1, good, "what took its place meanwhile is not");
        assert_eq!(cache_get!(number(1)), Some(1));
        assert_eq!(cache_info(number).errors, 2);
    });
}

/// Row 7: a time to live of zero.
#[test]
fn a_value_that_has_expired_removes_the_older_entry() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "over-at-once://", ttl = |n| Duration::from_secs(if *n == 10 { 100 } else { 0 }))]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    let store = Watched::alone("over-at-once");
    assert_eq!((number(10), number(10)), (10, 10));
    assert_eq!(overwrite_cache!(number(10)), 11);
    assert_eq!(store.all(), []);
    assert_eq!((cache_get!(number(10)), number(10)), (None, 12));
}

/// Promise 5: calls go past it meanwhile.
#[test]
fn a_store_that_did_not_open_is_left_alone_for_a_while() {
    static OPENINGS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "opens-late://")]
    fn number(n: u32) -> u32 {
        n
    }
    let clock = TestClock::install();
    register_backend("opens-late", |_| match OPENINGS.fetch_add(1, Ordering::SeqCst) {
        0 => Err(Error::unavailable("not yet")),
        _ => Ok(Arc::new(Memory::default())),
    })
    .expect("each test has its own");
    assert_eq!((number(1), number(1), number(2)), (1, 1, 2));
    assert_eq!(OPENINGS.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_secs(2));
    assert_eq!((number(1), cache_get!(number(1))), (1, Some(1)));
    assert_eq!(OPENINGS.load(Ordering::SeqCst), 2);
}
