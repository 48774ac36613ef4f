//! The stores that are open, so that who names one that is there gets the same.
//!
//! A store is opened while no lock is held: what a user's factory does, or a disk that hangs, keeps nobody from another store.
//! Who asks for one that is being opened waits for it.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Weak},
    thread::{self, ThreadId},
};

use parking_lot::{Condvar, Mutex};

use crate::error::Error;

/// What is open, by what it was opened with.
pub(super) struct Opened<K, T: ?Sized> {
    state: Mutex<State<K, T>>,
    /// Something was opened, or could not be.
    changed: Condvar,
}

struct State<K, T: ?Sized> {
    slots: HashMap<K, Slot<T>>,
    /// What a thread waits for.
    waiting: HashMap<ThreadId, K>,
}

enum Slot<T: ?Sized> {
    Opening(ThreadId),
    Open(Weak<T>),
}

impl<K, T: ?Sized> Default for Opened<K, T> {
    fn default() -> Self {
        let state = State { slots: HashMap::new(), waiting: HashMap::new() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<K: Clone + Eq + Hash, T: ?Sized> Opened<K, T> {
    /// What is open under this key, opened now if nothing is. `open` may open others.
    pub(super) fn find_or_open(&self, key: &K, open: impl FnOnce() -> Result<Arc<T>, Error>) -> Result<Arc<T>, Error> {
        let this = thread::current().id();
        let mut state = self.state.lock();
        loop {
            match state.slots.get(key) {
                Some(Slot::Open(one)) => match one.upgrade() {
                    Some(one) => return Ok(one),
                    None => break,
                },
                Some(Slot::Opening(by)) if state.waits_for(*by, this) => return Err(circle()),
                Some(Slot::Opening(_)) => {
                    state.waiting.insert(this, key.clone());
                    self.changed.wait(&mut state);
                    state.waiting.remove(&this);
                }
                None => break,
            }
        }
        state.slots.insert(key.clone(), Slot::Opening(this));
        drop(state);
        let mut opening = Opening { table: self, key, opened: None };
        let one = open()?;
        opening.opened = Some(Arc::downgrade(&one));
        Ok(one)
    }
}

impl<K: Eq + Hash, T: ?Sized> State<K, T> {
    /// Does a thread wait, whoever stands between them, for what `this` is opening?
    fn waits_for(&self, thread: ThreadId, this: ThreadId) -> bool {
        let mut at = thread;
        while at != this {
            let awaited = self.waiting.get(&at).and_then(|key| self.slots.get(key));
            let Some(Slot::Opening(by)) = awaited else { return false };
            at = *by;
        }
        true
    }
}

/// While something is being opened. Whatever comes of it, those who wait go on.
struct Opening<'a, K: Clone + Eq + Hash, T: ?Sized> {
    table: &'a Opened<K, T>,
    key: &'a K,
    opened: Option<Weak<T>>,
}

impl<K: Clone + Eq + Hash, T: ?Sized> Drop for Opening<'_, K, T> {
    fn drop(&mut self) {
        let mut state = self.table.state.lock();
        state.slots.remove(self.key);
        state.slots.retain(|_, slot| !matches!(slot, Slot::Open(one) if one.strong_count() == 0));
        if let Some(opened) = self.opened.take() {
            state.slots.insert(self.key.clone(), Slot::Open(opened));
        }
        drop(state);
        self.table.changed.notify_all();
    }
}

fn circle() -> Error {
    Error::config("a store can't stand behind itself: to open it, the factory of its scheme asks for this very store")
}
