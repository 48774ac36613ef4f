//! Rows 33, 40; promises 3, 11: an async store with a server behind it. Its futures are pending until the server has answered, and a request that was sent is
//! carried out whatever becomes of the future.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use futures::channel::oneshot;
use memo::{
    Cache, Error, Tier, Write,
    backend::{
        Answer, AsyncBackend, Backend as _, Capabilities, Item, Memory, UnixMillis, Visit, register_async_backend,
    },
};

type Request = Box<dyn FnOnce(&Memory) + Send>;

pub struct Distant {
    requests: mpsc::Sender<Request>,
    /// Those that write wait here while there is somewhere to wait.
    held: Mutex<Option<Vec<Request>>>,
    fails: AtomicBool,
    /// What a key that is refused contains.
    refused: Mutex<Option<String>>,
    writes: AtomicUsize,
}

impl Default for Distant {
    fn default() -> Self {
        let (requests, asked) = mpsc::channel::<Request>();
        thread::spawn(move || {
            let memory = Memory::new();
            for request in asked {
                request(&memory);
            }
        });
        Self {
            requests,
            held: Mutex::default(),
            fails: AtomicBool::default(),
            refused: Mutex::default(),
            writes: AtomicUsize::default(),
        }
    }
}

impl Distant {
    /// A store under a scheme of its own, which a literal URL can name.
    pub fn under(scheme: &str) -> Arc<Self> {
        let store = Arc::new(Self::default());
        let opened = store.clone();
        register_async_backend(scheme, move |_| Ok(opened.clone())).expect("each test has its own");
        store
    }

    /// From now on, writes wait on their way, and others overtake them.
    pub fn hold(&self) {
        *self.held.lock().expect("no panic") = Some(Vec::new());
    }

    /// How many writes wait on their way.
    pub fn held(&self) -> usize {
        self.held.lock().expect("no panic").as_ref().map_or(0, Vec::len)
    }

    pub fn until_held(&self, count: usize) {
        while self.held() < count {
            thread::yield_now();
        }
    }

    /// What waits goes on, and nothing is held any more.
    pub fn release(&self) {
        for request in self.held.lock().expect("no panic").take().into_iter().flatten() {
            self.requests.send(request).expect("the server lives as long");
        }
    }

    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Refuses keys that contain this.
    pub fn refuse(&self, what: &str) {
        *self.refused.lock().expect("no panic") = Some(what.to_owned());
    }

    /// How many requests to write there were, batches as one, failed ones included.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// The number of entries.
    pub fn count_now(&self) -> u64 {
        let (answer, answered) = mpsc::channel();
        let count = move |memory: &Memory| drop(answer.send(memory.count(b"")));
        self.requests.send(Box::new(count)).expect("the server lives as long");
        answered.recv().expect("the server answers").expect("memory can count")
    }

    fn alive(&self) -> Result<(), Error> {
        if self.fails.load(Ordering::SeqCst) { Err(Error::unavailable("the line is dead")) } else { Ok(()) }
    }

    fn refuses(&self, key: &[u8]) -> bool {
        let refused = self.refused.lock().expect("no panic");
        refused.as_ref().is_some_and(|what| String::from_utf8_lossy(key).contains(what))
    }

    fn ask<T: Send + 'static>(
        &self,
        may_wait: bool,
        work: impl FnOnce(&Memory) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            self.alive()?;
            let (answer, answered) = oneshot::channel();
            let request: Request = Box::new(move |memory| drop(answer.send(work(memory))));
            match &mut *self.held.lock().expect("no panic") {
                Some(held) if may_wait => held.push(request),
                _ => self.requests.send(request).expect("the server lives as long"),
            }
            answered.await.expect("the server answers")
        })
    }

    fn write(&self, items: Vec<Owned>) -> Answer<'_, ()> {
        let refused = || {
            if items.iter().any(|item| self.refuses(&item.key)) { Err(Error::unavailable("refused")) } else { Ok(()) }
        };
        let outcome = self.alive().and_then(|()| refused());
        self.writes.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = outcome {
            return Box::pin(async { Err(error) });
        }
        self.ask(true, move |memory| items.iter().try_for_each(|item| item.set(memory)))
    }
}

struct Owned {
    key: Vec<u8>,
    bytes: Vec<u8>,
    expires: Option<UnixMillis>,
    tags: Vec<String>,
}

impl Owned {
    fn new(key: &[u8], item: Item<'_>) -> Self {
        let tags = item.tags.iter().map(|tag| (*tag).to_owned()).collect();
        Self { key: key.to_vec(), bytes: item.bytes.to_vec(), expires: item.expires, tags }
    }

    fn set(&self, memory: &Memory) -> Result<(), Error> {
        let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        memory.set(&self.key, Item::new(&self.bytes).expires(self.expires).tags(&tags))
    }
}

impl AsyncBackend for Distant {
    fn name(&self) -> &'static str {
        "distant"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { count: true, enumerate: true, tags: true, atomic_batch: true, ..Capabilities::default() }
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Vec<u8>>> {
        let key = key.to_vec();
        self.ask(false, move |memory| memory.get(&key))
    }

    fn set<'a>(&'a self, key: &'a [u8], item: Item<'a>) -> Answer<'a, ()> {
        self.write(vec![Owned::new(key, item)])
    }

    fn set_many<'a>(&'a self, items: &'a [(&'a [u8], Item<'a>)]) -> Answer<'a, ()> {
        self.write(items.iter().map(|(key, item)| Owned::new(key, *item)).collect())
    }

    fn remove<'a>(&'a self, key: &'a [u8]) -> Answer<'a, bool> {
        let key = key.to_vec();
        self.ask(false, move |memory| memory.remove(&key))
    }

    fn remove_prefix<'a>(&'a self, prefix: &'a [u8]) -> Answer<'a, u64> {
        let prefix = prefix.to_vec();
        self.ask(false, move |memory| memory.remove_prefix(&prefix))
    }

    fn remove_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> Answer<'a, Vec<bool>> {
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
        self.ask(false, move |memory| memory.remove_many(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    }

    fn remove_prefixes<'a>(&'a self, prefixes: &'a [&'a [u8]]) -> Answer<'a, Vec<u64>> {
        let prefixes: Vec<Vec<u8>> = prefixes.iter().map(|prefix| prefix.to_vec()).collect();
        self.ask(false, move |memory| memory.remove_prefixes(&prefixes.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    }

    fn remove_tagged<'a>(&'a self, prefix: &'a [u8], tags: &'a [&'a str]) -> Answer<'a, u64> {
        let (prefix, tags): (Vec<u8>, Vec<String>) =
            (prefix.to_vec(), tags.iter().map(|&tag| tag.to_owned()).collect());
        self.ask(false, move |memory| {
            memory.remove_tagged(&prefix, &tags.iter().map(String::as_str).collect::<Vec<_>>())
        })
    }

    fn scan<'a>(&'a self, prefix: &'a [u8], visit: Visit<'a>) -> Answer<'a, ()> {
        let prefix = prefix.to_vec();
        Box::pin(async move {
            let read = move |memory: &Memory| {
                let mut all = Vec::new();
                memory.scan(&prefix, &mut |key, bytes| {
                    all.push((key.to_vec(), bytes.to_vec()));
                    ControlFlow::Continue(())
                })?;
                Ok(all)
            };
            for (key, bytes) in self.ask(false, read).await? {
                if visit(&key, &bytes).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn count<'a>(&'a self, prefix: &'a [u8]) -> Answer<'a, u64> {
        let prefix = prefix.to_vec();
        self.ask(false, move |memory| memory.count(&prefix))
    }

    fn purge(&self, now: UnixMillis) -> Answer<'_, u64> {
        self.ask(false, move |memory| memory.purge(now))
    }
}

pub type Numbers = Cache<u32, u32>;

/// Memory, and a store behind it.
pub fn numbers(name: &str, store: &Arc<Distant>) -> Numbers {
    let builder = Numbers::builder(name).tier("memory").tier(Tier::of_async(store.clone()));
    builder.write(Write::Back).build().expect("nothing is wrong")
}

/// What stands in the store itself.
pub fn stored(name: &str, store: &Arc<Distant>) -> HashMap<u32, u32> {
    let cache = Numbers::builder(name).tier(Tier::of_async(store.clone())).build().expect("nothing is wrong");
    cache.iter().expect("enumerates").collect()
}
