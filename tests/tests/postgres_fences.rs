//! Rows 18, 51; promise 3, across processes: what is removed in PostgreSQL while a value is made keeps that value out.
#![cfg(unix)]

use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

use memo::{
    Cache,
    backend::{Backend, Item},
    memoize,
};
use memo_tests::{fresh, servers::postgres::Server};

fn opened(url: &str) -> Arc<dyn Backend> {
    memo::backend(url).expect(url)
}

/// Ends the other threads of a test.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Several store what they made of a source, one changes the source and removes: after that nobody finds what was made before.
#[test]
fn removals_and_writes_do_not_cross() {
    let Some(server) = Server::shared() else { return };
    let stores = [2, 3].map(|pool| opened(&server.url(&format!("?table=crossing&pool={pool}"))));
    let (source, done) = (AtomicU64::new(1), AtomicBool::new(false));
    let key = b"f|i|a|v";
    let make = |store: &dyn Backend| {
        while !done.load(Ordering::SeqCst) {
            let moment = store.moment(key).expect("asked");
            let bytes = source.load(Ordering::SeqCst).to_be_bytes();
            store.set(key, Item::new(&bytes).tags(&["t"]).since(moment)).expect("stored, or kept out");
        }
    };
    thread::scope(|scope| {
        for n in 0..4 {
            let (make, store) = (&make, &stores[n % 2]);
            scope.spawn(move || make(&**store));
        }
        // Also if this thread finds something wrong.
        let _ended = Ended(&done);
        let store = &stores[0];
        let mut found = 0;
        for round in 0..1_000_000 {
            let newest = source.fetch_add(1, Ordering::SeqCst) + 1;
            match round % 4 {
                0 => drop(store.remove(key).expect("removed")),
                1 => drop(store.remove_prefix(b"f|i|a|").expect("removed")),
                2 => drop(store.remove_prefix(b"f|").expect("removed")),
                _ => drop(store.remove_tagged(b"", &["t"]).expect("removed")),
            }
            // Whoever is in the middle of something has to be seen by one of these.
            for _ in 0..3 {
                if let Some(bytes) = store.get(key).expect("read") {
                    let made_of = u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
                    assert!(made_of >= newest, "made of {made_of}, but {newest} is newer, round {round}");
                    found += 1;
                }
            }
            if round >= 300 && found >= 50 {
                break;
            }
        }
    });
}

#[test]
fn removals_are_forgotten_above_a_floor() {
    let Some(server) = Server::shared() else { return };
    let store = opened(&server.url("?table=floor"));
    let notes = || server.number("SELECT count(*) FROM floor_removed WHERE what <> 0");
    let is_stored = |key: &[u8], since| {
        store.set(key, Item::new(b"x").since(since)).expect("no error");
        store.get(key).expect("read").is_some()
    };
    let early = store.moment(b"f|i|a|v").expect("asked");
    for key in [&b"f|i|a|v"[..], b"f|i|b|v"] {
        store.remove(key).expect("removed");
    }
    store.purge(0).expect("purged");
    assert_eq!(notes(), 2, "they are young");
    server.sql("UPDATE floor_removed SET at = at - interval '25 hours'");
    store.purge(0).expect("purged");
    assert_eq!(notes(), 0);
    assert!(!is_stored(b"f|i|c|v", early), "what was removed since is not known any more");
    let late = store.moment(b"f|i|a|v").expect("asked");
    assert!(is_stored(b"f|i|a|v", late));
    server.sql(
        "INSERT INTO floor_removed (prefix, what, stripe) SELECT 'memo', n, -1 FROM generate_series(1, 100500) AS n",
    );
    store.purge(0).expect("purged");
    assert_eq!(notes(), 100_000, "the last of them");
    assert!(!is_stored(b"f|i|d|v", late));
    assert!(is_stored(b"f|i|d|v", store.moment(b"f|i|d|v").expect("asked")));
    // Others in the table have a floor of their own.
    let other = opened(&server.url("?table=floor&prefix=other"));
    other.set(b"k", Item::new(b"x").since(1)).expect("no error");
    assert!(other.get(b"k").expect("read").is_some());
}

/// A crash empties the entries, but what was removed is remembered.
#[test]
fn unlogged_entries_are_fenced_through_a_crash() {
    let Some(mut server) = Server::start() else { return };
    let store = opened(&server.url("?unlogged=true&trip_after=0"));
    let before = store.moment(b"f|i|a|v").expect("asked");
    store.set(b"f|i|b|v", Item::new(b"x")).expect("stored");
    store.remove(b"f|i|a|v").expect("removed");
    let kept = |table: &str| server.sql(&format!("SELECT relpersistence FROM pg_class WHERE relname = '{table}'"));
    assert_eq!([kept("memo"), kept("memo_removed")].concat().concat(), ["u", "p"].map(|kept| Some(kept.to_owned())));
    server.crash();
    server.start_again();
    assert_eq!(store.get(b"f|i|b|v").expect("a read connects again"), None, "it was not logged");
    store.set(b"f|i|a|v", Item::new(b"old").since(before)).expect("no error");
    assert_eq!(store.get(b"f|i|a|v").expect("read"), None);
    store.set(b"f|i|a|v", Item::new(b"new").since(store.moment(b"f|i|a|v").expect("asked"))).expect("stored");
    assert!(store.get(b"f|i|a|v").expect("read").is_some());
}

type Hand = Box<dyn Fn(&dyn Backend) + Send>;

/// Something that another process does, to the key of a call.
type Change = fn(&dyn Backend, &[u8]);

/// What another process does while the next body runs.
static MEANWHILE: Mutex<Option<Hand>> = Mutex::new(None);

/// The cache of the functions, and the store as another process has it.
static STORES: LazyLock<(Cache<u32, u64>, Arc<dyn Backend>)> = LazyLock::new(|| {
    let server = Server::shared().expect("asked for before");
    let cache = Cache::builder("numbers").tier(server.url("?table=bodies")).build().expect("builds");
    (cache, opened(&server.url("?table=bodies&timeout=7s")))
});

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
fn is_stored_after(hand: Change, key: u32, call: impl Fn(u32) -> u64) -> bool {
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
    // Held until the end: the cache stays in its place.
    let Some(_server) = Server::shared() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let hands: [(&str, bool, Change); 6] = [
        ("nothing", true, |_, _| {}),
        ("another key", true, |store, key| drop(store.remove_prefix(&[key, b"7|"].concat()).map(drop))),
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
