//! Rows 26, 31, 32, 40: stores of bytes, their URLs, and schemes of one's own.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
};

use memo::{
    Error,
    backend::{Backend, Files, Item, Lmdb, Memory, Null, Sqlite, Url, conformance, register_backend},
};
use memo_tests::within_20_s;

#[test]
fn the_stores_of_this_process_conform() {
    conformance::check(&Memory::new());
    conformance::check(&Null);
}

/// The least that a store can be.
#[derive(Default)]
struct Least(Mutex<HashMap<Vec<u8>, Vec<u8>>>);

impl Backend for Least {
    fn name(&self) -> &'static str {
        "least"
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.lock().expect("no panic").get(key).cloned())
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        let mut entries = self.0.lock().expect("no panic");
        // Forgets at once what has expired before the year 2000.
        match item.expires {
            Some(expires) if expires < 946_684_800_000 => entries.remove(key),
            _ => entries.insert(key.to_vec(), item.bytes.to_vec()),
        };
        Ok(())
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.0.lock().expect("no panic").remove(key).is_some())
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        let mut entries = self.0.lock().expect("no panic");
        let before = entries.len();
        entries.retain(|key, _| !key.starts_with(prefix));
        Ok((before - entries.len()) as u64)
    }
}

#[test]
fn four_methods_are_a_store() {
    conformance::check(&Least::default());
}

#[test]
fn one_url_is_one_store() {
    let one = memo::backend("memory://shared?codec=bincode").expect("opens");
    let same = memo::backend("memory://shared?ttl=5m").expect("opens");
    let other = memo::backend("memory://other").expect("opens");
    one.set(b"k", Item::new(b"v")).expect("sets");
    assert_eq!(same.get(b"k").expect("reads").as_deref(), Some(&b"v"[..]), "the parameters of values name no store");
    assert_eq!(other.get(b"k").expect("reads"), None);
    drop((one, same));
    let again = memo::backend("memory://shared").expect("opens");
    assert_eq!(again.get(b"k").expect("reads"), None, "a store that nobody holds is closed");
}

#[test]
fn schemes_of_ones_own() {
    register_backend("least", |url| {
        if url.location().is_empty() {
            return Err(Error::config(format!("`{url}` names no bucket")));
        }
        Ok(Arc::new(Least::default()))
    })
    .expect("it is new");
    let store = memo::backend("least://bucket?anything=goes").expect("opens");
    assert_eq!(store.name(), "least");
    let error = memo::backend("least://").err().expect("its factory refuses");
    assert!(error.is_config() && error.to_string().contains("names no bucket"), "{error}");
    let twice = register_backend("least", |_| Ok(Arc::new(Null))).expect_err("registered before");
    assert!(twice.to_string().contains("before"), "{twice}");
    let ours = register_backend("sqlite", |_| Ok(Arc::new(Null))).expect_err("the library's own");
    assert!(ours.to_string().contains("library's own"), "{ours}");
    for scheme in ["", "a b", "1x", "x:", "x/"] {
        let error = register_backend(scheme, |_| Ok(Arc::new(Null))).expect_err(scheme);
        assert!(error.is_config() && error.to_string().contains("can't be a scheme"), "{error}");
    }
}

#[test]
fn a_scheme_can_stand_for_another_store() {
    register_backend("standing", |_| memo::backend("memory://behind-a-scheme")).expect("a new scheme");
    let behind = within_20_s(|| memo::backend("standing://for")).expect("opens");
    behind.set(b"key", Item::new(b"value")).expect("sets");
    let store = memo::backend("memory://behind-a-scheme").expect("is open");
    assert_eq!(store.get(b"key").expect("gets").as_deref(), Some(&b"value"[..]));
}

#[test]
fn who_opens_a_store_keeps_nobody_from_another() {
    let (go_on, told) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let (told, opened) = (Mutex::new(told), Arc::new(AtomicU32::new(0)));
    let count = opened.clone();
    register_backend("hanging", move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        begun.send(()).expect("somebody waits");
        told.lock().expect("no panic").recv().expect("it is told");
        Ok(Arc::new(Memory::new()))
    })
    .expect("a new scheme");
    let waiting: Vec<_> = (0..3).map(|_| thread::spawn(|| memo::backend("hanging://disk").expect("opens"))).collect();
    has_begun.recv().expect("one of them opens it");
    within_20_s(|| memo::backend("memory://elsewhere").map(drop)).expect("opens");
    go_on.send(()).expect("it waits");
    let stores: Vec<_> = waiting.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert!(stores.iter().all(|store| Arc::ptr_eq(store, &stores[0])), "it is one store");
    assert_eq!(opened.load(Ordering::SeqCst), 1, "which was opened once");
}

#[test]
fn a_factory_may_wait_for_calls_that_open_other_stores() {
    #[memo::memoize(backend = "memory://of-a-function")]
    fn settings(id: u32) -> u32 {
        // In another thread, and for the first time: this opens the store of the function.
        id + 1
    }
    register_backend("asking", |_| {
        let asked = thread::spawn(|| settings(7));
        assert_eq!(asked.join().expect("no panic"), 8);
        Ok(Arc::new(Memory::new()))
    })
    .expect("a new scheme");
    within_20_s(|| memo::backend("asking://first").map(drop)).expect("opens");
}

#[test]
fn stores_that_stand_behind_themselves_are_errors() {
    static BOTH: AtomicU32 = AtomicU32::new(0);
    register_backend("selfish", |url| memo::backend(url.as_str())).expect("a new scheme");
    let error = within_20_s(|| memo::backend("selfish://x").err()).expect("it would never end");
    assert!(error.is_config() && error.to_string().contains("behind itself"), "{error}");
    // The same by two threads, each of which waits for the other.
    let behind = |other: &'static str| {
        move |_: &Url| {
            BOTH.fetch_add(1, Ordering::SeqCst);
            while BOTH.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
            memo::backend(other)
        }
    };
    register_backend("hen", behind("egg://x")).expect("a new scheme");
    register_backend("egg", behind("hen://x")).expect("a new scheme");
    let errors = within_20_s(|| {
        let threads = ["hen://x", "egg://x"].map(|url| thread::spawn(move || memo::backend(url).err()));
        threads.map(|thread| thread.join().expect("no panic"))
    });
    for error in errors {
        assert!(error.expect("it would never end").to_string().contains("behind itself"));
    }
}

#[test]
fn a_factory_that_panics_or_fails_keeps_nobody_waiting() {
    let times = AtomicU32::new(0);
    register_backend("shaky", move |_| match times.fetch_add(1, Ordering::SeqCst) {
        0 => panic!("of the factory"),
        1 => Err(Error::unavailable("not yet")),
        _ => Ok(Arc::new(Memory::new())),
    })
    .expect("a new scheme");
    let open = || thread::spawn(|| memo::backend("shaky://x").map(drop)).join();
    within_20_s(move || {
        open().expect_err("the panic goes on");
        assert!(open().expect("no panic").is_err_and(|error| error.is_unavailable()));
        open().expect("no panic").expect("opens");
    });
}

#[test]
fn stores_of_the_library_refuse_urls_of_other_schemes() {
    // Nothing of such a URL was checked.
    let url =
        Url::parse("mine:///x?table=x\"y&synchronous=off;DROP&readers=1000000000000&locking=fcntl").expect("a URL");
    for error in [Sqlite::open(&url).err(), Files::open(&url).err(), Lmdb::open(&url).err()] {
        let error = error.expect("refused");
        assert!(error.is_config() && error.to_string().contains("not by `mine:"), "{error}");
    }
}

#[test]
fn the_largest_values_of_parameters_are_safe() {
    const LONG: &str = "18446744073709551s";
    const LARGE: &str = "18446744073709551615";
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name).display().to_string();
    for url in [
        format!("sqlite://{}?busy_timeout={LONG}&readers=64&max_entries={}", at("1.db"), i64::MAX),
        format!("sqlite://{}?cache_size={LARGE}&mmap_size={LARGE}&max_bytes={LARGE}", at("2.db")),
        format!("file://{}?stale_after={LONG}&wait={LONG}&poll={LONG}&max_bytes={LARGE}", at("3")),
        format!("file://{}?stale_after={LONG}&wait={LONG}&poll={LONG}&locking=mkdir", at("4")),
        format!("lmdb://{}?map_size=18446744073709486080&max_map_size=18446744073709486080", at("5")),
        format!("lmdb://{}?map_size=999999GB&max_map_size=1000000GB&max_readers=65536", at("6")),
        format!(
            "memory://largest?codec=bincode+zstd&ttl={LONG}&threshold={LARGE}&max_value={LARGE}&threads=64&level=22"
        ),
    ] {
        let store = memo::backend(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
        store.set(b"a|b", Item::new(b"x").expires(u64::MAX).tags(&["t"])).expect(&url);
        assert_eq!(store.get(b"a|b").expect(&url).as_deref(), Some(&b"x"[..]));
        store.purge(u64::MAX - 1).expect(&url);
        let cache = memo::Cache::<u32, u32>::open("largest", &url).expect(&url);
        cache.set(1, 2).expect(&url);
        assert_eq!(cache.get(&1).expect(&url), Some(2));
    }
    for wrong in ["lmdb:///x?map_size=18446744073709551615", "sqlite:///x?busy_timeout=18446744073709551616ms"] {
        let opened = Url::parse(wrong).and_then(|url| Lmdb::open(&url));
        assert!(opened.is_err_and(|error| error.is_config()), "{wrong}");
    }
}

#[test]
fn an_unknown_scheme_names_the_known_ones() {
    let error = memo::backend("sqlit://x").err().expect("unknown");
    assert!(error.is_config(), "{error}");
    assert!(error.to_string().contains("memory") && error.to_string().contains("null"), "{error}");
}
