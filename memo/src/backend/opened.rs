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

/// What is open as long as somebody holds it.
pub(super) trait Held: Sized {
    type Weak;
    fn downgrade(&self) -> Self::Weak;
    fn upgrade(weak: &Self::Weak) -> Option<Self>;
    /// Does anybody hold it? Who asks holds it for no moment: the last one to do so would have to close it.
    fn lives(weak: &Self::Weak) -> bool;
}

impl<T> Held for Arc<T> {
    type Weak = Weak<T>;

    fn downgrade(&self) -> Weak<T> {
        Self::downgrade(self)
    }

    fn upgrade(weak: &Weak<T>) -> Option<Self> {
        weak.upgrade()
    }

    fn lives(weak: &Weak<T>) -> bool {
        weak.strong_count() > 0
    }
}

/// What is open, by what it was opened with.
pub(super) struct Opened<K, T: Held> {
    state: Mutex<State<K, T>>,
    /// Something was opened, or could not be.
    changed: Condvar,
}

struct State<K, T: Held> {
    slots: HashMap<K, Slot<T>>,
    /// What a thread waits for.
    waiting: HashMap<ThreadId, K>,
}

enum Slot<T: Held> {
    Opening(ThreadId),
    Open(T::Weak),
}

impl<K, T: Held> Default for Opened<K, T> {
    fn default() -> Self {
        let state = State { slots: HashMap::new(), waiting: HashMap::new() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<K: Clone + Eq + Hash, T: Held> Opened<K, T> {
    /// What is open under this key, opened now if nothing is. `open` may open others.
    pub(super) fn find_or_open(&self, key: &K, open: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let this = thread::current().id();
        let mut state = self.state.lock();
        loop {
            match state.slots.get(key) {
                Some(Slot::Open(one)) => match T::upgrade(one) {
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
        opening.opened = Some(one.downgrade());
        Ok(one)
    }
}

impl<K: Eq + Hash, T: Held> State<K, T> {
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
struct Opening<'a, K: Clone + Eq + Hash, T: Held> {
    table: &'a Opened<K, T>,
    key: &'a K,
    opened: Option<T::Weak>,
}

impl<K: Clone + Eq + Hash, T: Held> Drop for Opening<'_, K, T> {
    fn drop(&mut self) {
        let mut state = self.table.state.lock();
        state.slots.remove(self.key);
        state.slots.retain(|_, slot| !matches!(slot, Slot::Open(one) if !T::lives(one)));
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static TABLE: LazyLock<Opened<u8, Shared>> = LazyLock::new(Opened::default);

    /// Who holds the first one until somebody else does, too.
    static HOLDER: Mutex<Option<Shared>> = Mutex::new(None);

    struct Shared(Arc<Closes>);

    struct Closes;

    impl Drop for Closes {
        fn drop(&mut self) {
            assert!(TABLE.state.try_lock().is_some(), "it is closed under the lock");
        }
    }

    impl Held for Shared {
        type Weak = Weak<Closes>;

        fn downgrade(&self) -> Weak<Closes> {
            Arc::downgrade(&self.0)
        }

        fn upgrade(weak: &Weak<Closes>) -> Option<Self> {
            let held = weak.upgrade().map(Self);
            HOLDER.lock().take();
            held
        }

        fn lives(weak: &Weak<Closes>) -> bool {
            weak.strong_count() > 0
        }
    }

    #[test]
    fn nothing_is_closed_while_another_is_opened() {
        let open = || Ok(Shared(Arc::new(Closes)));
        let first = TABLE.find_or_open(&1, open).expect("opens");
        *HOLDER.lock() = Some(first);
        drop(TABLE.find_or_open(&2, open).expect("opens"));
        drop(TABLE.find_or_open(&3, open).expect("opens"));
        let first = HOLDER.lock().take().expect("nobody else was to hold it");
        assert!(TABLE.state.lock().slots.contains_key(&1));
        drop(first);
        drop(TABLE.find_or_open(&2, open).expect("opens"));
        assert!(!TABLE.state.lock().slots.contains_key(&1), "it is gone");
    }
}
