//! Row 18; promise 3, across processes: what another process invalidates while a body runs, for stores that several share. (What is
//! memoized in `tests/support` would be among the functions of all test programs.)

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use memo::{Cache, backend::Backend, memoize};
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
        let key = number_of * 2;
        assert_eq!(is_stored_after(&other, change, key, |key| number(&cache, key)), is_stored, "{what}");
        let call = |key| runtime.block_on(number_in_a_task(&cache, key));
        assert_eq!(is_stored_after(&other, change, key + 1, call), is_stored, "{what}, in a task");
    }
}
