//! One commit for the writes of several threads: while one thread waits for the disk, others line up, and the next commit
//! is theirs together.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    environment::{Environment, Intent},
    stop::Attempt,
    tree::Tree,
};
use crate::{
    backend::{Item, UnixMillis},
    error::Error,
};

/// A write that may share a transaction with others.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    Set(&'a [u8], Item<'a>),
    Remove(&'a [u8]),
}

#[derive(Debug, Default)]
pub(super) struct Writers {
    /// Held by the thread that commits.
    turn: Mutex<()>,
    waiting: Mutex<Vec<Arc<Ticket>>>,
}

/// A write that waits, and what became of it.
#[derive(Debug)]
struct Ticket {
    key: Vec<u8>,
    /// What to set; `None` to remove.
    value: Option<Value>,
    done: Mutex<Option<bool>>,
}

#[derive(Debug)]
struct Value {
    bytes: Vec<u8>,
    expires: Option<UnixMillis>,
    tags: Vec<String>,
}

impl Writers {
    /// Returns when the write is committed: was there an entry to remove?
    pub(super) fn write(&self, environment: &Environment, write: Write<'_>) -> Result<bool, Error> {
        if let Some(_turn) = self.turn.try_lock() {
            return self.commit(environment, write);
        }
        let ticket = Arc::new(Ticket::of(write));
        self.waiting.lock().push(Arc::clone(&ticket));
        let _turn = self.turn.lock();
        // Whoever had the turn has written for all that were waiting.
        let done = *ticket.done.lock();
        if let Some(result) = done {
            return Ok(result);
        }
        self.waiting.lock().retain(|waiting| !Arc::ptr_eq(waiting, &ticket));
        self.commit(environment, write)
    }

    /// Writes this and what is waiting, within one transaction.
    fn commit(&self, environment: &Environment, write: Write<'_>) -> Result<bool, Error> {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.is_empty() {
            return environment.write(write.intent(), |tree, txn| write.apply(tree, txn));
        }
        let together = environment.write(Intent::Add, |tree, txn| {
            // In the order in which they came.
            let results = waiting.iter().map(|ticket| ticket.with(|write| write.apply(tree, txn)));
            let results = results.collect::<Attempt<Vec<bool>>>()?;
            Ok((results, write.apply(tree, txn)?))
        });
        match together {
            Ok((results, own)) => {
                for (ticket, result) in waiting.iter().zip(results) {
                    *ticket.done.lock() = Some(result);
                }
                Ok(own)
            }
            // One of them can't be written. Those that wait find nothing done, and try alone.
            Err(_) => environment.write(write.intent(), |tree, txn| write.apply(tree, txn)),
        }
    }
}

impl Write<'_> {
    fn intent(self) -> Intent {
        match self {
            Self::Set(..) => Intent::Add,
            Self::Remove(_) => Intent::Remove,
        }
    }

    fn apply(self, tree: Tree, txn: &mut heed::RwTxn<'_>) -> Attempt<bool> {
        match self {
            Self::Set(key, item) => tree.set(txn, key, item).map(|()| false),
            Self::Remove(key) => tree.remove(txn, key),
        }
    }
}

impl Ticket {
    fn of(write: Write<'_>) -> Self {
        let (key, value) = match write {
            Write::Set(key, Item { bytes, expires, tags }) => {
                let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
                (key, Some(Value { bytes: bytes.to_vec(), expires, tags }))
            }
            Write::Remove(key) => (key, None),
        };
        Self { key: key.to_vec(), value, done: Mutex::default() }
    }

    fn with<T>(&self, body: impl FnOnce(Write<'_>) -> T) -> T {
        match &self.value {
            None => body(Write::Remove(&self.key)),
            Some(Value { bytes, expires, tags }) => {
                let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
                body(Write::Set(&self.key, Item { bytes, expires: *expires, tags: &tags }))
            }
        }
    }
}
