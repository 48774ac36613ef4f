//! The flights of one instance by key, and the commit gate.
//!
//! One lock per shard orders everything that decides over a flight of its keys: starting and joining, the commit
//! of its value, and invalidations. A value is stored under that lock, and only while its flight still stands in
//! the table; an invalidation takes the flight out under the same lock before it removes the entry. So a value
//! either is in the store before the invalidation looks there, or never gets in.

use std::sync::Arc;

use hashbrown::HashTable;

use super::slot::Flight;
use crate::{
    key::Query,
    sync::{Mutex, Padded},
    tags::Tag,
};

const SHARDS: usize = 8;

struct InFlight<K, S> {
    hash: u64,
    key: K,
    flight: Arc<Flight<S>>,
    /// Others may wait for it.
    joinable: bool,
}

type Table<K, S> = HashTable<InFlight<K, S>>;

pub(crate) struct Flights<K, S> {
    shards: [Padded<Mutex<Table<K, S>>>; SHARDS],
}

/// What a caller that found nothing in the store is to do.
pub(crate) enum Entered<S, T> {
    /// The store had it after all.
    Found(T),
    /// Run the body; the flight stands in the table.
    Lead(Arc<Flight<S>>),
    /// Wait for this flight; the number is that of the joining.
    Follow(Arc<Flight<S>>, u64),
}

impl<K: 'static, S> Flights<K, S> {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Padded(Mutex::new(HashTable::new()))) }
    }

    fn shard(&self, hash: u64) -> &Mutex<Table<K, S>> {
        // The top bits: the table itself uses the low ones and the seven highest.
        let at = (hash >> 48) as usize % SHARDS;
        &self.shards[at].0
    }

    /// Starts a flight or joins one. `look` is asked under the lock, because a flight may have landed in between.
    pub(crate) fn enter<T>(
        &self,
        query: &dyn Query<Owned = K>,
        hash: u64,
        joinable: bool,
        look: impl FnOnce() -> Option<T>,
    ) -> Entered<S, T> {
        let mut table = self.shard(hash).lock();
        if joinable {
            let running = table.find(hash, |f| f.joinable && f.hash == hash && query.matches(&f.key));
            if let Some(running) = running {
                let joined = running.flight.join();
                return Entered::Follow(running.flight.clone(), joined);
            }
        }
        if let Some(found) = look() {
            return Entered::Found(found);
        }
        let flight = Flight::new();
        let entry = InFlight { hash, key: query.to_owned(), flight: flight.clone(), joinable };
        table.insert_unique(hash, entry, |f| f.hash);
        Entered::Lead(flight)
    }

    /// Starts a flight that replaces the ones of its key: what began earlier will not be stored any more.
    pub(crate) fn supersede(&self, query: &dyn Query<Owned = K>, hash: u64) -> Arc<Flight<S>> {
        let mut table = self.shard(hash).lock();
        let gone = take_all(&mut table, hash, |f| query.matches(&f.key));
        let flight = Flight::new();
        let entry = InFlight { hash, key: query.to_owned(), flight: flight.clone(), joinable: true };
        table.insert_unique(hash, entry, |f| f.hash);
        drop(table);
        drop(gone);
        flight
    }

    /// Takes the flight out and, if an invalidation had not done so before, runs `store` with its key under the lock.
    /// Says whether it did.
    pub(crate) fn commit(&self, hash: u64, flight: &Arc<Flight<S>>, store: impl FnOnce(K)) -> bool {
        let mut table = self.shard(hash).lock();
        match table.find_entry(hash, |f| Arc::ptr_eq(&f.flight, flight)) {
            Ok(entry) => {
                let (in_flight, _) = entry.remove();
                store(in_flight.key);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes the flight out without storing anything.
    pub(crate) fn withdraw(&self, hash: u64, flight: &Arc<Flight<S>>) {
        let mut table = self.shard(hash).lock();
        let gone = table.find_entry(hash, |f| Arc::ptr_eq(&f.flight, flight)).ok().map(|entry| entry.remove().0);
        drop(table);
        drop(gone);
    }

    /// Detaches the flights of a key, then runs `remove` under the same lock.
    pub(crate) fn invalidate<T>(&self, query: &dyn Query<Owned = K>, hash: u64, remove: impl FnOnce() -> T) -> T {
        let mut table = self.shard(hash).lock();
        let gone = take_all(&mut table, hash, |f| query.matches(&f.key));
        let removed = remove();
        drop(table);
        drop(gone);
        removed
    }

    /// Detaches the flights of all keys with this hash.
    pub(crate) fn detach_hash(&self, hash: u64) {
        let mut table = self.shard(hash).lock();
        let gone = take_all(&mut table, hash, |_| true);
        drop(table);
        drop(gone);
    }

    /// Detaches all flights.
    pub(crate) fn detach_all(&self) {
        for shard in &self.shards {
            let gone = std::mem::take(&mut *shard.0.lock());
            drop(gone);
        }
    }

    /// Tells all flights that the entries with these tags are being cleared.
    pub(crate) fn note_clearing(&self, tags: &Arc<[Tag]>) {
        for shard in &self.shards {
            for in_flight in &*shard.0.lock() {
                in_flight.flight.note_clearing(tags);
            }
        }
    }

    #[cfg(all(test, shuttle))]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.lock().len()).sum()
    }
}

/// Takes all flights of a key out of its shard; they are dropped after the lock, with the user's keys in them.
fn take_all<K, S>(
    table: &mut Table<K, S>,
    hash: u64,
    matches: impl Fn(&InFlight<K, S>) -> bool,
) -> Vec<InFlight<K, S>> {
    let mut gone = Vec::new();
    while let Ok(entry) = table.find_entry(hash, |f| f.hash == hash && matches(f)) {
        gone.push(entry.remove().0);
    }
    gone
}
