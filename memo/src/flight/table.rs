//! The flights of a shard by key.
//!
//! The table lies in the shard of the store that its keys belong to, under the same lock, which thereby is the commit
//! gate: it orders everything that decides over a key. A value is stored under that lock, and only while its flight still
//! stands in the table; an invalidation takes the flight out under the same lock before it removes the entry. So a
//! value either is in the store before the invalidation looks there, or never gets in.

use std::sync::Arc;

use hashbrown::HashTable;

use super::slot::Flight;
use crate::{freshness::fingerprint::Fingerprint, tags::Tag};

/// A place for a key that is not in an entry yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub(crate) u32);

/// A flight that may still store its value.
pub(crate) struct InFlight {
    hash: u64,
    /// Where the store has parked its key.
    pub(crate) key: Place,
    pub(crate) flight: Arc<Flight>,
    /// Others may wait for it.
    joinable: bool,
}

/// What runs at the moment for the keys of one shard.
pub(crate) struct Flights {
    table: HashTable<InFlight>,
}

impl Flights {
    pub(crate) fn new() -> Self {
        Self { table: HashTable::new() }
    }

    /// The flight that a caller may join.
    pub(crate) fn joinable(&self, hash: u64, is: impl Fn(Place) -> bool) -> Option<&Arc<Flight>> {
        self.table.find(hash, |f| f.joinable && f.hash == hash && is(f.key)).map(|f| &f.flight)
    }

    /// Starts a flight whose key is parked there.
    pub(crate) fn start(
        &mut self,
        hash: u64,
        key: Place,
        joinable: bool,
        dependency: Option<&Fingerprint>,
    ) -> Arc<Flight> {
        let flight = Flight::new(dependency.cloned());
        let entry = InFlight { hash, key, flight: flight.clone(), joinable };
        self.table.insert_unique(hash, entry, |f| f.hash);
        flight
    }

    /// Where the key of a flight is parked, as long as the flight stands in the table.
    pub(crate) fn key_of(&self, hash: u64, flight: &Arc<Flight>) -> Option<Place> {
        self.table.find(hash, |f| Arc::ptr_eq(&f.flight, flight)).map(|f| f.key)
    }

    /// Is there a flight whose key has this hash?
    #[cfg(feature = "stores")]
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.table.find(hash, |f| f.hash == hash).is_some()
    }

    /// Takes one flight out that `is` says yes to.
    pub(crate) fn take(&mut self, hash: u64, is: impl Fn(&InFlight) -> bool) -> Option<InFlight> {
        let entry = self.table.find_entry(hash, |f| f.hash == hash && is(f)).ok()?;
        Some(entry.remove().0)
    }

    /// Takes all flights out.
    pub(crate) fn take_all(&mut self) -> Vec<InFlight> {
        self.table.drain().collect()
    }

    /// Tells all flights that the entries with these tags are being cleared.
    pub(crate) fn note_clearing(&self, tags: &Arc<[Tag]>) {
        for in_flight in &self.table {
            in_flight.flight.note_clearing(tags);
        }
    }

    #[cfg(all(test, shuttle))]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}
