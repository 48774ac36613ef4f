//! Row 18; promise 3, across processes: what another process invalidates while a body runs is not stored by this one.

use std::sync::{
    Arc, LazyLock, Mutex, OnceLock,
    atomic::{AtomicU32, Ordering},
};

use memo::{Cache, backend::Backend, memoize};
use memo_tests::{fresh, servers::redis::Server};

/// What it does with a store and the prefix of a key.
type Act = fn(&dyn Backend, &[u8]);

type Hand = Box<dyn Fn(&dyn Backend) + Send>;

/// What another process does while the next body runs.
static MEANWHILE: Mutex<Option<Hand>> = Mutex::new(None);

/// The caches of the two functions, and the store as another process has it.
static STORES: LazyLock<(Cache<u32, u64>, Arc<dyn Backend>)> = LazyLock::new(|| {
    let url = URL.get().expect("the server is started");
    let cache = Cache::builder("numbers").tier(url.as_str()).build().expect("builds");
    (cache, memo::backend(&format!("{url}&trip_after=7")).expect("opens"))
});

/// Of the server, which the test holds.
static URL: OnceLock<String> = OnceLock::new();

static RUNS: AtomicU32 = AtomicU32::new(0);

fn run() -> u64 {
    RUNS.fetch_add(1, Ordering::SeqCst);
    if let Some(hand) = MEANWHILE.lock().expect("no panic").take() {
        hand(&*STORES.1);
    }
    fresh()
}

#[memoize(cache = STORES.0, tag = "all", tags = |_: &u64| ["from the value".to_owned()])]
fn number(key: u32) -> u64 {
    run() + u64::from(key)
}

#[memoize(cache = STORES.0, tag = "all", tags = |_: &u64| ["from the value".to_owned()])]
async fn number_in_a_task(key: u32) -> u64 {
    run() + u64::from(key)
}

/// Calls twice, another process doing something during the first: did that one store its value?
fn is_stored_after(hand: Act, key: u32, call: impl Fn(u32) -> u64) -> bool {
    let prefix = format!("numbers||{key}|").into_bytes();
    *MEANWHILE.lock().expect("no panic") = Some(Box::new(move |store| hand(store, &prefix)));
    let (first, runs) = (call(key), RUNS.load(Ordering::SeqCst));
    let again = call(key);
    let has_run = RUNS.load(Ordering::SeqCst) > runs;
    assert_eq!(again != first, has_run);
    !has_run
}

#[test]
fn what_others_invalidate_meanwhile_is_not_stored() {
    let Some(server) = Server::start() else { return };
    URL.set(server.url("")).expect("this is the only test");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let hands: [(&str, bool, Act); 7] = [
        ("nothing", true, |_, _| {}),
        ("another key", true, |store, key| drop(store.remove_prefix(&[key, b"7|"].concat()).map(drop))),
        ("another tag", true, |store, _| drop(store.remove_tagged(b"", &["other"]).map(drop))),
        ("the key", false, |store, key| drop(store.remove_prefix(key).map(drop))),
        ("the function", false, |store, _| drop(store.remove_prefix(b"numbers|").map(drop))),
        ("a tag", false, |store, _| drop(store.remove_tagged(b"numbers|", &["all"]).map(drop))),
        ("a tag from the value", false, |store, _| drop(store.remove_tagged(b"", &["from the value"]).map(drop))),
    ];
    for (number_of, (what, is_stored, hand)) in (0..).zip(hands) {
        let key = number_of * 2;
        assert_eq!(is_stored_after(hand, key, number), is_stored, "{what}");
        let call = |key| runtime.block_on(number_in_a_task(key));
        assert_eq!(is_stored_after(hand, key + 1, call), is_stored, "{what}, in a task");
    }
}
