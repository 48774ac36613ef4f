//! One commit for the writes of several threads: while one thread waits for the disk, others line up, and the next commit
//! is theirs together.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

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
    line: Mutex<Line>,
    /// Some that wait are done, or the turn is free.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    /// A thread has the turn: it commits.
    is_taken: bool,
    waiting: Vec<Arc<Ticket>>,
}

/// The right to commit, until it is dropped.
struct Turn<'w>(&'w Writers);

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
        let mut line = self.line.lock();
        if let Some(turn) = self.turn(&mut line) {
            drop(line);
            return turn.commit(environment, write);
        }
        let ticket = Arc::new(Ticket::of(write));
        line.waiting.push(Arc::clone(&ticket));
        let turn = loop {
            self.changed.wait(&mut line);
            // Whoever had the turn may have written for this one, too; then the next turn is nothing to wait for.
            let done = *ticket.done.lock();
            if let Some(result) = done {
                return Ok(result);
            }
            if let Some(turn) = self.turn(&mut line) {
                break turn;
            }
        };
        line.waiting.retain(|waiting| !Arc::ptr_eq(waiting, &ticket));
        drop(line);
        turn.commit(environment, write)
    }

    fn turn(&self, line: &mut Line) -> Option<Turn<'_>> {
        let was_taken = std::mem::replace(&mut line.is_taken, true);
        if was_taken { None } else { Some(Turn(self)) }
    }
}

impl Turn<'_> {
    /// Writes this and what is waiting, within one transaction.
    fn commit(&self, environment: &Environment, write: Write<'_>) -> Result<bool, Error> {
        let waiting = std::mem::take(&mut self.0.line.lock().waiting);
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
                let line = self.0.line.lock();
                for (ticket, result) in waiting.iter().zip(results) {
                    *ticket.done.lock() = Some(result);
                }
                drop(line);
                self.0.changed.notify_all();
                Ok(own)
            }
            // One of them can't be written. Those that wait find nothing done, and try alone.
            Err(_) => environment.write(write.intent(), |tree, txn| write.apply(tree, txn)),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.line.lock().is_taken = false;
        self.0.changed.notify_all();
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
            Write::Set(key, Item { bytes, expires, tags, .. }) => {
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
                Item::borrowed(bytes, *expires, tags, |item| body(Write::Set(&self.key, item)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;
    use crate::backend::{Url, lmdb::settings::Settings, place};

    /// Does something with the writers of a store that is gone afterwards.
    fn in_a_store(test: impl FnOnce(&Environment, &Writers)) {
        let dir = std::env::temp_dir().join(format!("memo-writers-{:x}", crate::owner_only::unique()));
        let settings = Settings::of(&Url::parse("lmdb://?sync=off").expect("valid"), None, None).expect("valid");
        let environment = Environment::new(dir.clone(), place::create_dir, settings);
        environment.refresh().expect("it can be opened");
        test(&environment, &Writers::default());
        drop(environment);
        std::fs::remove_dir_all(dir).expect("it is ours");
    }

    fn count(environment: &Environment) -> u64 {
        environment.read(|tree, txn| tree.count(txn, b"")).expect("it can be read")
    }

    /// Until so many threads wait in line.
    fn wait_for(writers: &Writers, waiting: usize) {
        while writers.line.lock().waiting.len() < waiting {
            thread::yield_now();
        }
    }

    #[test]
    fn those_that_wait_share_one_commit() {
        const THREADS: u8 = 16;
        in_a_store(|environment, writers| {
            let before = environment.commits();
            let turn = writers.turn(&mut writers.line.lock()).expect("nobody else is there");
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    scope.spawn(move || writers.write(environment, Write::Set(&[thread], Item::new(b"x"))));
                }
                wait_for(writers, THREADS.into());
                turn.commit(environment, Write::Remove(b"absent")).expect("it can be written");
                drop(turn);
            });
            assert_eq!(environment.commits() - before, 1, "all of them in one transaction");
            assert_eq!(count(environment), u64::from(THREADS));
        });
    }

    #[test]
    fn who_is_done_does_not_wait_for_the_next_commit() {
        in_a_store(|environment, writers| {
            let turn = writers.turn(&mut writers.line.lock()).expect("nobody else is there");
            let (done, is_done) = mpsc::channel();
            thread::scope(|scope| {
                scope.spawn(move || {
                    let written = writers.write(environment, Write::Set(b"key", Item::new(b"x")));
                    done.send(written).expect("somebody waits");
                });
                wait_for(writers, 1);
                turn.commit(environment, Write::Remove(b"absent")).expect("it can be written");
                // As if the next one had taken the turn at once.
                let written = is_done.recv_timeout(Duration::from_secs(20));
                drop(turn);
                written.expect("it waits for a turn that it does not need").expect("it was written");
            });
            assert_eq!(count(environment), 1);
        });
    }
}
