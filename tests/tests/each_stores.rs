//! Rows 36, 66; promises 1, 3, 5: functions of several keys over stores: one question, one run, one write.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

use memo::{
    Cache, Error,
    backend::{Backend, Capabilities, Item, Memory, register_backend},
    cache_delete, cache_get, cache_info, memoize, overwrite_cache,
};
use memo_tests::{fresh, soon, within_20_s};

/// A store that writes down what it is asked.
#[derive(Default)]
struct Recording {
    inner: Memory,
    said: Mutex<Vec<String>>,
    fails: AtomicBool,
    /// The next write waits here until somebody says go.
    held: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Recording {
    /// Under a scheme of its own, which a literal URL can name.
    fn under(scheme: &str) -> Arc<Self> {
        let store = Arc::new(Self::default());
        let opened = store.clone();
        register_backend(scheme, move |_| Ok(opened.clone())).expect("each test has its own");
        store
    }

    fn say(&self, what: &str, number: usize) -> Result<(), Error> {
        self.said.lock().expect("no panic").push(format!("{what} {number}"));
        if self.fails.load(SeqCst) { Err(Error::unavailable("it fails")) } else { Ok(()) }
    }

    /// What it was asked since this was asked last.
    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().expect("no panic"))
    }
}

impl Backend for Recording {
    fn name(&self) -> &'static str {
        "recording"
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.say("get", 1)?;
        self.inner.get(key)
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.say("get", keys.len())?;
        self.inner.get_many(keys)
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        self.set_many(&[(key, item)])
    }

    fn set_many(&self, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        let held = self.held.lock().expect("no panic").take();
        self.say("set", items.len())?;
        if let Some(held) = held {
            held.recv().ok();
        }
        self.inner.set_many(items)
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        self.inner.remove(key)
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.inner.remove_prefix(prefix)
    }

    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        self.inner.remove_tagged(prefix, tags)
    }

    fn count(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.inner.count(prefix)
    }
}

#[test]
fn a_store_is_asked_once_and_told_once() {
    #[memoize(each = ids, backend = "each-once://")]
    fn numbered(tenant: &str, ids: &[u64]) -> Vec<(u64, u64)> {
        let _ = tenant;
        ids.iter().map(|id| (*id, fresh())).collect()
    }

    let store = Recording::under("each-once");
    let first = numbered("a", &[1, 2, 3, 2]);
    assert_eq!(first[1], first[3]);
    assert_eq!(store.said(), ["get 3", "set 3"]);
    assert_eq!(numbered("a", &[3, 2, 1]), [first[2], first[1], first[0]]);
    assert_eq!(store.said(), ["get 3"]);
    let more = numbered("a", &[1, 4, 5]);
    assert_eq!(more[0], first[0]);
    assert_eq!(store.said(), ["get 3", "set 2"]);
    let info = cache_info(numbered);
    assert_eq!((info.misses, info.hits, info.size), (5, 5, 5));
    assert_eq!(cache_get!(numbered("a", &4)), Some(more[1]));
    assert!(cache_delete!(numbered("a", &4)).expect("it works"));
    assert_ne!(numbered("a", &[4])[0], more[1]);
    let second = overwrite_cache!(numbered("a", &[1, 2]));
    assert_eq!(numbered("a", &[2, 1]), [second[1], second[0]]);
}

#[test]
fn a_task_asks_once_and_tells_once() {
    #[memoize(each = ids, backend = "each-task://")]
    async fn numbered(ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
        Ok(ids.iter().map(|id| (*id, fresh())).collect())
    }

    let store = Recording::under("each-task");
    smol::block_on(async {
        let first = numbered(&[1, 2, 3, 2]).await.expect("it works");
        assert_eq!(first.len(), 3);
        assert_eq!(store.said(), ["get 3", "set 3"]);
        assert_eq!(numbered(&[3, 2, 1]).await.expect("it works"), first);
        assert_eq!(store.said(), ["get 3"]);
        assert_eq!(cache_get!(numbered(&2)).await, Some(first[&2]));
    });
}

#[test]
fn memory_in_front_answers_what_it_has() {
    #[memoize(each = ids, backend = ["memory", "each-tiers://"], tag = |_: &u64| "tiers of each")]
    fn numbered(ids: &[u64]) -> Vec<u64> {
        ids.iter().map(|_| fresh()).collect()
    }

    let store = Recording::under("each-tiers");
    let first = numbered(&[1, 2]);
    assert_eq!(store.said(), ["get 2", "set 2"]);
    assert_eq!(numbered(&[2, 1]), [first[1], first[0]]);
    assert_eq!(store.said(), Vec::<String>::new());
    let more = numbered(&[1, 2, 3, 4]);
    assert_eq!((more[0], more[1]), (first[0], first[1]));
    assert_eq!(store.said(), ["get 2", "set 2"]);
    memo::clear_tag("tiers of each").expect("it works");
    assert_ne!(numbered(&[1])[0], first[0]);
}

#[test]
fn values_that_are_not_kept_are_not_written() {
    #[memoize(each = ids, backend = "each-some://", cache_if = |id| id % 2 == 0, ttl = if *ids == 4 { 0 } else { 60 })]
    fn some(ids: &[u64]) -> Vec<u64> {
        ids.to_vec()
    }

    let store = Recording::under("each-some");
    assert_eq!(some(&[1, 2, 3, 4, 6]), [1, 2, 3, 4, 6]);
    assert_eq!(cache_info(some).size, 2);
    store.said();
    assert_eq!(some(&[1, 2, 6]), [1, 2, 6]);
    assert_eq!(store.said(), ["get 3"], "2 and 6 were there, 1 is not kept");
}

#[test]
fn a_store_that_fails_breaks_no_call() {
    #[memoize(each = ids, backend = "each-fails://")]
    fn numbered(ids: &[u64]) -> Vec<u64> {
        ids.iter().map(|_| fresh()).collect()
    }

    let store = Recording::under("each-fails");
    let first = numbered(&[1, 2]);
    store.fails.store(true, SeqCst);
    let second = numbered(&[1, 2, 3]);
    assert!(second.iter().all(|value| !first.contains(value)), "what can't be asked is computed");
    assert!(cache_info(numbered).errors > 0);
    store.fails.store(false, SeqCst);
    assert_eq!(numbered(&[1, 2]), first);
}

#[test]
fn what_is_deleted_while_the_body_runs_is_not_written() {
    static ASKED: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    static GO: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);

    #[memoize(each = ids, backend = "each-fence://")]
    fn held(ids: &[u64]) -> Vec<u64> {
        ASKED.lock().expect("no panic").extend(ids);
        let go = GO.lock().expect("no panic").take();
        if let Some(go) = go {
            go.recv().ok();
        }
        ids.to_vec()
    }

    within_20_s(|| {
        let store = Recording::under("each-fence");
        let (go, wait) = mpsc::channel();
        *GO.lock().expect("no panic") = Some(wait);
        let call = thread::spawn(|| held(&[1, 2, 3]));
        soon("the body", || !ASKED.lock().expect("no panic").is_empty());
        cache_delete!(held(&2)).expect("it works");
        go.send(()).expect("it works");
        assert_eq!(call.join().expect("no panic"), [1, 2, 3]);
        assert_eq!(store.said(), ["get 3", "set 2"]);
        assert_eq!((cache_get!(held(&1)), cache_get!(held(&2)), cache_get!(held(&3))), (Some(1), None, Some(3)));

        // One that begins while the values are on their way waits until they are there, and removes them.
        let (go, wait) = mpsc::channel();
        *store.held.lock().expect("no panic") = Some(wait);
        let call = thread::spawn(|| held(&[5, 6]));
        soon("the write", || store.said().contains(&"set 2".to_owned()));
        let deletion = thread::spawn(|| cache_delete!(held(&6)).expect("it works"));
        go.send(()).expect("it works");
        assert_eq!(call.join().expect("no panic"), [5, 6]);
        assert!(deletion.join().expect("no panic"));
        assert_eq!((cache_get!(held(&5)), cache_get!(held(&6))), (Some(5), None));
    });
}

#[test]
fn calls_that_overlap_share_their_runs() {
    static RUNS: Mutex<Vec<Vec<u64>>> = Mutex::new(Vec::new());
    static GO: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);

    #[memoize(each = ids, backend = "each-shared://", single_flight = "distributed")]
    fn held(ids: &[u64]) -> Vec<u64> {
        RUNS.lock().expect("no panic").push(ids.to_vec());
        let go = GO.lock().expect("no panic").take();
        if let Some(go) = go {
            go.recv().ok();
        }
        ids.to_vec()
    }

    within_20_s(|| {
        let store = Recording::under("each-shared");
        let (go, wait) = mpsc::channel();
        *GO.lock().expect("no panic") = Some(wait);
        let one = thread::spawn(|| held(&[1, 2]));
        soon("a run", || RUNS.lock().expect("no panic").len() == 1);
        let other = thread::spawn(|| held(&[3, 2]));
        soon("another", || RUNS.lock().expect("no panic").len() == 2);
        go.send(()).expect("it works");
        assert_eq!((one.join().expect("no panic"), other.join().expect("no panic")), (vec![1, 2], vec![3, 2]));
        assert_eq!(*RUNS.lock().expect("no panic"), [vec![1, 2], vec![3]]);
        assert_eq!(store.inner.count(b"/lease|").expect("it works"), 0, "all leases were given back");
    });
}

#[test]
fn entries_may_live_in_a_cache_object() {
    #[memoize(each = ids, cache = cache)]
    fn numbered(cache: &Cache<(u64, u8), u64>, ids: &[u64], scale: u8) -> Vec<u64> {
        let _ = (cache, scale);
        ids.iter().map(|_| fresh()).collect()
    }

    #[memoize(each = ids, cache = if ids % 2 == 0 { caches.0 } else { caches.1 }, exclude(caches))]
    async fn parted(caches: (&Cache<u64, u64>, &Cache<u64, u64>), ids: &[u64]) -> Vec<u64> {
        let _ = caches;
        ids.iter().map(|_| fresh()).collect()
    }

    let store = Recording::under("each-cache");
    let memory = Cache::builder("each in memory").build().expect("it works");
    let stored = Cache::builder("each in a store").backend("each-cache://").build().expect("it works");
    for cache in [&memory, &stored] {
        let first = numbered(cache, &[1, 2, 1], 1);
        assert_eq!(numbered(cache, &[2, 1], 1), [first[1], first[0]]);
        assert_eq!(cache.get(&(2, 1)).expect("it works"), Some(first[1]));
    }
    assert_eq!(store.said()[..3], ["get 2", "set 2", "get 2"]);
    assert_eq!(cache_info(numbered).hits, 6);

    let (even, odd) = (
        Cache::builder("even each").backend("each-cache://").build().expect("it works"),
        Cache::builder("odd each").backend("each-cache://").build().expect("it works"),
    );
    let first = smol::block_on(parted((&even, &odd), &[1, 2, 3, 4]));
    assert_eq!(store.said(), ["get 1"; 0].into_iter().chain(["get 2", "get 2", "set 2", "set 2"]).collect::<Vec<_>>());
    assert_eq!(odd.get_many(&[1, 3]).expect("it works"), [Some(first[0]), Some(first[2])]);
    assert_eq!(even.get_many(&[2, 4, 1]).expect("it works"), [Some(first[1]), Some(first[3]), None]);
}
