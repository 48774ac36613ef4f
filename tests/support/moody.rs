//! A store that fails, garbles and waits when it is told to.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
    mpsc,
};

use memo::{
    Error,
    backend::{Backend, Capabilities, Item, Memory, register_backend},
};

/// A store in memory that can be told to fail, to garble, and to wait.
#[derive(Default)]
pub struct Moody {
    inner: Memory,
    /// Whatever is asked is an error.
    pub fails: AtomicBool,
    /// Removals are errors.
    pub clings: AtomicBool,
    /// Removals are errors, too: its password was changed.
    pub is_locked: AtomicBool,
    /// What is read has a wrong bit.
    pub garbles: AtomicBool,
    /// The next write or removal waits here until somebody says go.
    pub held: Mutex<Option<mpsc::Receiver<()>>>,
    /// The next count does.
    pub held_count: Mutex<Option<mpsc::Receiver<()>>>,
    /// It does not know how many entries it has.
    pub cannot_count: AtomicBool,
    /// It does not promise to read and write in one step.
    pub in_two_steps: AtomicBool,
    /// How often it was read.
    pub reads: AtomicU32,
}

/// Waits until somebody says go, if somebody wants it to.
fn wait(held: &Mutex<Option<mpsc::Receiver<()>>>) {
    let held = held.lock().expect("no panic").take();
    if let Some(held) = held {
        held.recv().ok();
    }
}

impl Moody {
    fn ask(&self) -> Result<(), Error> {
        if self.fails.load(Ordering::SeqCst) { Err(Error::unavailable("it is moody")) } else { Ok(()) }
    }

    fn ask_to_remove(&self) -> Result<(), Error> {
        if self.clings.load(Ordering::SeqCst) {
            return Err(Error::unavailable("it clings to what it has"));
        }
        if self.is_locked.load(Ordering::SeqCst) {
            return Err(Error::config("it has another password now"));
        }
        self.ask()
    }
}

impl Backend for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            count: !self.cannot_count.load(Ordering::SeqCst),
            atomic_update: !self.in_two_steps.load(Ordering::SeqCst),
            ..self.inner.capabilities()
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.ask()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let mut bytes = self.inner.get(key)?;
        if let Some(last) = bytes.as_mut().filter(|_| self.garbles.load(Ordering::SeqCst)).and_then(|b| b.last_mut()) {
            *last ^= 1;
        }
        Ok(bytes)
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        wait(&self.held);
        self.ask()?;
        self.inner.set(key, item)
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        self.ask_to_remove()?;
        self.inner.remove(key)
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        wait(&self.held);
        self.ask_to_remove()?;
        self.inner.remove_prefix(prefix)
    }

    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        self.ask_to_remove()?;
        self.inner.remove_tagged(prefix, tags)
    }

    fn count(&self, prefix: &[u8]) -> Result<u64, Error> {
        wait(&self.held_count);
        if self.cannot_count.load(Ordering::SeqCst) {
            return Err(Error::unsupported("it never learnt to count"));
        }
        self.ask()?;
        self.inner.count(prefix)
    }
}

/// A store under a scheme of its own, which a literal URL can name.
///
/// # Panics
/// If the scheme was taken.
pub fn moody(scheme: &str) -> Arc<Moody> {
    let store = Arc::new(Moody::default());
    let opened = store.clone();
    register_backend(scheme, move |_| Ok(opened.clone())).expect("each test has its own");
    store
}
