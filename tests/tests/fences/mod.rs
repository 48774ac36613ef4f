//! Row 18; promise 3, across processes: what another process invalidates while a body runs, for stores that several share. (What is
//! memoized in `tests/support` would be among the functions of all test programs.)

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use memo::{
    Cache, Error, Tier,
    backend::{Backend, Item, Memory},
    memoize, overwrite_cache,
};
use memo_tests::fresh;

type Numbers = Cache<u32, u64>;

/// What another process does with the store and the prefix of a key.
type Change = fn(&dyn Backend, &[u8]);

/// It does this while the next body runs.
static MEANWHILE: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);

static RUNS: AtomicU32 = AtomicU32::new(0);

fn run() -> u64 {
    RUNS.fetch_add(1, Ordering::SeqCst);
    if let Some(change) = MEANWHILE.lock().expect("no panic").take() {
        change();
    }
    fresh()
}

#[memoize(cache = cache, tag = "all", tags = |_: &u64| ["from the value".to_owned()])]
fn number(cache: &Numbers, key: u32) -> u64 {
    run() + u64::from(key)
}

#[memoize(cache = cache, tag = "all", tags = |_: &u64| ["from the value".to_owned()])]
async fn number_in_a_task(cache: &Numbers, key: u32) -> u64 {
    run() + u64::from(key)
}

#[memoize(cache = cache, tag = "all", tags = |_: &u64| ["from the value".to_owned()], if_absent)]
fn number_if_absent(cache: &Numbers, key: u32) -> u64 {
    run() + u64::from(key)
}

#[memoize(cache = cache, tag = "all", tags = |_: &u64| ["from the value".to_owned()])]
fn number_overwritten(cache: &Numbers, key: u32) -> u64 {
    run() + u64::from(key)
}

/// The same once it has been overwritten.
fn overwritten(cache: &Numbers, key: u32) -> u64 {
    if IS_FIRST.swap(false, Ordering::SeqCst) {
        overwrite_cache!(number_overwritten(cache, key))
    } else {
        number_overwritten(cache, key)
    }
}

static IS_FIRST: AtomicBool = AtomicBool::new(true);

/// Calls twice, another process doing something during the first: did that one store its value?
fn is_stored_after(other: &Arc<dyn Backend>, change: Change, key: u32, call: impl Fn(u32) -> u64) -> bool {
    let (other, prefix) = (other.clone(), format!("numbers||{key}|").into_bytes());
    *MEANWHILE.lock().expect("no panic") = Some(Box::new(move || change(&*other, &prefix)));
    let (first, runs) = (call(key), RUNS.load(Ordering::SeqCst));
    let again = call(key);
    let has_run = RUNS.load(Ordering::SeqCst) > runs;
    assert_eq!(again != first, has_run);
    !has_run
}

/// What another process invalidates while a body runs is not stored by this one. The URLs are of one store, as this process has it and
/// as the other does, which shares no connection. One test of a process may ask for this.
pub(crate) fn invalidated_meanwhile_is_not_stored(here: &str, there: &str) {
    let cache: Numbers = Cache::builder("numbers").tier(here).build().expect("builds");
    let other = memo::backend(there).expect("opens");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let changes: [(&str, bool, Change); 7] = [
        ("nothing", true, |_, _| {}),
        ("another key", true, |store, key| drop(store.remove_prefix(&[key, b"7|"].concat()).map(drop))),
        ("another tag", true, |store, _| drop(store.remove_tagged(b"", &["other"]).map(drop))),
        ("the key", false, |store, key| drop(store.remove_prefix(key).map(drop))),
        ("the function", false, |store, _| drop(store.remove_prefix(b"numbers|").map(drop))),
        ("a tag", false, |store, _| drop(store.remove_tagged(b"numbers|", &["all"]).map(drop))),
        ("a tag from the value", false, |store, _| drop(store.remove_tagged(b"", &["from the value"]).map(drop))),
    ];
    for (number_of, (what, is_stored, change)) in (0..).zip(changes) {
        let key = number_of * 4;
        assert_eq!(is_stored_after(&other, change, key, |key| number(&cache, key)), is_stored, "{what}");
        let call = |key| runtime.block_on(number_in_a_task(&cache, key));
        assert_eq!(is_stored_after(&other, change, key + 1, call), is_stored, "{what}, in a task");
        let call = |key| number_if_absent(&cache, key);
        assert_eq!(is_stored_after(&other, change, key + 2, call), is_stored, "{what}, if absent");
        IS_FIRST.store(true, Ordering::SeqCst);
        let call = |key| overwritten(&cache, key);
        assert_eq!(is_stored_after(&other, change, key + 3, call), is_stored, "{what}, overwritten");
    }
}

/// What another process does with the store behind.
type Then = Box<dyn FnOnce(&Memory) + Send>;

/// A store behind another; once it has been read, another process does something, before the reader goes on.
#[derive(Default)]
struct Behind {
    inner: Memory,
    meanwhile: Mutex<Option<Then>>,
}

impl Backend for Behind {
    fn name(&self) -> &'static str {
        "behind"
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.inner.get(key);
        if let Some(change) = self.meanwhile.lock().expect("no panic").take() {
            change(&self.inner);
        }
        found
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        self.inner.set(key, item)
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        self.inner.remove(key)
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.inner.remove_prefix(prefix)
    }
}

/// What another process removes from both tiers, after this one read it in the second, is not copied into the first. The URLs are as
/// above, those of the first tier.
pub(crate) fn copies_of_what_was_removed_are_not_made(here: &str, there: &str) {
    type Read = fn(&Numbers, u32) -> bool;
    let behind = Arc::new(Behind::default());
    let cache: Numbers = Cache::builder("copied").tier(here).tier(Tier::of(behind.clone())).build().expect("builds");
    let other = memo::backend(there).expect("opens");
    let reads: [(&str, Read); 3] = [
        ("get", |cache, key| cache.get(&key).expect("read").is_some()),
        ("get_many", |cache, key| cache.get_many(&[key, key + 100]).expect("read")[0].is_some()),
        ("contains", |cache, key| cache.contains(&key).expect("read")),
    ];
    for (key, (how, read)) in (0..).zip(reads) {
        let prefix = format!("copied||{key}|").into_bytes();
        cache.set(key, 1).expect("stored");
        other.remove_prefix(&prefix).expect("removed");
        assert!(read(&cache, key), "{how}");
        assert_eq!(other.count(&prefix).expect("counted"), 1, "it was copied: {how}");
        other.remove_prefix(&prefix).expect("removed");
        let (first, gone) = (other.clone(), prefix.clone());
        *behind.meanwhile.lock().expect("no panic") = Some(Box::new(move |inner| {
            inner.remove_prefix(&gone).expect("removed");
            first.remove_prefix(&gone).expect("removed");
        }));
        assert!(read(&cache, key), "it was there when it was looked for: {how}");
        assert_eq!(other.count(&prefix).expect("counted"), 0, "{how}");
        assert!(!read(&cache, key), "{how}");
    }
}
