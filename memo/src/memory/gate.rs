//! The commit gate: what starts, joins and ends flights, and stores what they bring, each under the lock of the key's
//! shard. The protocol is described in ARCHITECTURE.md.

use std::{any::Any, sync::Arc};

use super::{
    Cell, Cells, Read, Store, Stored,
    entries::{Gone, Rows, Weigh},
    policy::SlotId,
    shard::{New, Shard},
    stamp::{Stamp, is_over},
};
use crate::{
    clock::{self, Millis},
    flight::{slot::Flight, table::Place},
    freshness::fingerprint::Fingerprint,
    key::Ask,
    stats::counters::Counters,
    tags::Tag,
};

/// How many expired entries a write takes out of its shard at most, so that they leave without being asked for.
const PASSIVE_SWEEP: u64 = 4;

/// What a caller that found nothing in the store is to do.
pub(crate) enum Entered {
    /// The store had it after all.
    Found,
    /// Run the body; the flight stands in the table.
    Lead(Arc<Flight>),
    /// Wait for this flight; the number is that of the joining.
    Follow(Arc<Flight>, u64),
}

/// What a caller that found nothing in the store wants.
#[derive(Clone, Copy)]
pub(crate) struct Entering<'a> {
    /// May it wait for another's run?
    pub(crate) joinable: bool,
    /// An entry that was made at this time or before is none.
    pub(crate) refused: Option<Millis>,
    /// What its dependency looks like. A run that began when that looked otherwise is none to wait for.
    pub(crate) dependency: Option<&'a Fingerprint>,
}

/// A value on its way into the store.
pub(crate) struct Put<'a> {
    /// An `Option` of the store's type.
    pub(crate) value: &'a mut dyn Any,
    pub(crate) stamp: Stamp,
    pub(crate) tags: &'a [Tag],
    /// What the dependency looked like before it was made.
    pub(crate) dependency: Option<&'a Fingerprint>,
    pub(crate) weigh: Option<Weigh<'a>>,
    /// Somebody asked for this value in place of any other, so no copy of another may be used from now on.
    pub(crate) replaces: bool,
    /// It does not take the place of a live entry.
    pub(crate) yields: bool,
}

/// How a flight ended.
pub(crate) struct Committed {
    /// The number of the last clearing that hit its value's tags.
    pub(crate) fence: u64,
    pub(crate) stored: bool,
}

/// What became of a value.
#[derive(Clone, Copy, PartialEq)]
enum Placed {
    Stored,
    /// It was not to be.
    Refused,
    /// Another stood there.
    Yielded,
    /// Other shards have to give some room first.
    NoRoom,
}

/// A key that is parked while a value is stored under it, which may panic: `Eq` and `weigh` are the user's code.
struct Parked<'a> {
    shard: &'a mut Shard<dyn Rows>,
    place: Place,
    gone: &'a mut Gone,
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.shard.rows.unpark(self.place, self.gone);
    }
}

impl Shard<dyn Rows> {
    /// The live entry of a key that was made after the time `refused`.
    fn newer(&self, hash: u64, key: &dyn Ask, refused: Option<Millis>) -> Option<SlotId> {
        let id = self.lookup(hash, key).ok()?;
        refused.is_none_or(|refused| self.stamp(id).created() > refused).then_some(id)
    }

    fn start(&mut self, hash: u64, key: &dyn Ask, joinable: bool, dependency: Option<&Fingerprint>) -> Arc<Flight> {
        let place = self.rows.park(key);
        self.around.flights.start(hash, place, joinable, dependency)
    }

    /// Has the entry to leave its place to a value that yields to others?
    fn makes_way(&self, id: SlotId, put: &Put<'_>) -> bool {
        let is_outdated = put.dependency.is_some_and(|now| now.has_changed_since(self.dependency(id)));
        is_outdated || !self.is_fresh(id)
    }

    /// Takes the flights of a key out: they end without storing anything, and nobody joins them any more.
    pub(super) fn detach(&mut self, hash: u64, key: &dyn Ask, gone: &mut Gone) {
        while let Some(flight) = self.around.flights.take(hash, |f| self.rows.is_parked(f.key, key)) {
            self.rows.unpark(flight.key, gone);
        }
    }

    pub(super) fn detach_hash(&mut self, hash: u64, gone: &mut Gone) {
        while let Some(flight) = self.around.flights.take(hash, |_| true) {
            self.rows.unpark(flight.key, gone);
        }
    }

    pub(super) fn detach_all(&mut self, gone: &mut Gone) {
        for flight in self.around.flights.take_all() {
            self.rows.unpark(flight.key, gone);
        }
    }

    /// Takes one flight out; false if it was detached before.
    fn withdraw(&mut self, hash: u64, flight: &Arc<Flight>, gone: &mut Gone) -> bool {
        let Some(taken) = self.around.flights.take(hash, |f| Arc::ptr_eq(&f.flight, flight)) else {
            return false;
        };
        self.rows.unpark(taken.key, gone);
        true
    }
}

impl Store<dyn Cells> {
    /// Starts a flight or joins one, if there is still no live entry: a flight may have landed since the store was
    /// asked. A flight that began before the dependency changed is detached.
    pub(crate) fn enter(&self, hash: u64, key: &dyn Ask, wanted: Entering<'_>, read: Read<'_>) -> Entered {
        let Entering { joinable, refused, dependency } = wanted;
        let mut gone = Gone::None;
        let mut shard = self.cell(hash).write();
        if joinable && let Some(flight) = shard.around.flights.joinable(hash, |at| shard.rows.is_parked(at, key)) {
            let flight = flight.clone();
            if dependency.is_none_or(|now| !now.has_changed_since(flight.dependency())) {
                let joined = flight.join();
                return Entered::Follow(flight, joined);
            }
            shard.withdraw(hash, &flight, &mut gone);
        }
        if let Some(id) = shard.newer(hash, key, refused) {
            read(Stored { shard: &shard, id });
            return Entered::Found;
        }
        Entered::Lead(shard.start(hash, key, joinable, dependency))
    }

    /// Starts a flight that makes an entry anew which was made at that time, unless somebody does, or has.
    pub(crate) fn renew(
        &self,
        hash: u64,
        key: &dyn Ask,
        made: Millis,
        dependency: Option<&Fingerprint>,
    ) -> Option<Arc<Flight>> {
        let mut shard = self.cell(hash).write();
        let is_under_way = shard.around.flights.joinable(hash, |at| shard.rows.is_parked(at, key)).is_some();
        if is_under_way || shard.newer(hash, key, Some(made)).is_some() {
            return None;
        }
        Some(shard.start(hash, key, true, dependency))
    }

    /// Reads the entry of a flight's key, if it is alive.
    pub(crate) fn beside(&self, hash: u64, flight: &Arc<Flight>, read: Read<'_>) {
        let shard = self.cell(hash).read();
        let entry = shard.around.flights.key_of(hash, flight).and_then(|place| shard.find_parked(hash, place));
        if let Some(id) = entry.filter(|id| shard.is_live(*id)) {
            read(Stored { shard: &shard, id });
        }
    }

    /// Starts a flight that replaces the ones of its key: what began earlier will not be stored any more.
    pub(crate) fn supersede(&self, hash: u64, key: &dyn Ask, dependency: Option<&Fingerprint>) -> Arc<Flight> {
        let mut gone = Gone::None;
        let mut shard = self.cell(hash).write();
        shard.detach(hash, key, &mut gone);
        let flight = shard.start(hash, key, true, dependency);
        drop(shard);
        flight
    }

    /// Ends a flight: takes it out and, if no invalidation did so before, stores its value. Gives the number of the last
    /// clearing of the value's tags, 0 if there was none since the flight began.
    pub(crate) fn commit(&self, hash: u64, flight: &Arc<Flight>, mut put: Put<'_>) -> Committed {
        // Dropped after the lock: `Drop` is the user's code.
        let mut gone = Gone::None;
        let cell = self.cell(hash);
        loop {
            let mut shard = cell.write();
            let fence = flight.fence(put.tags);
            let Some(place) = shard.around.flights.key_of(hash, flight) else {
                // Something else invalidated the key; a follower may still have come after a clearing of one of its tags.
                return Committed { fence, stored: false };
            };
            let placed = match fence {
                0 => self.put(cell, &mut shard, hash, place, &mut put, &mut gone),
                _ => Placed::Refused,
            };
            if placed != Placed::NoRoom {
                shard.withdraw(hash, flight, &mut gone);
                return Committed { fence, stored: placed == Placed::Stored };
            }
            drop(shard);
            self.make_room_elsewhere(clock::now(), &mut gone);
        }
    }

    /// May a flight still store a value with these tags? Else the number of the last clearing that keeps it from that, 0 if
    /// it was something else.
    #[cfg(feature = "stores")]
    pub(crate) fn stands(&self, hash: u64, flight: &Arc<Flight>, tags: &[Tag]) -> Result<(), u64> {
        let shard = self.cell(hash).read();
        let fence = flight.fence(tags);
        let stands = fence == 0 && shard.around.flights.key_of(hash, flight).is_some();
        if stands { Ok(()) } else { Err(fence) }
    }

    /// What a value weighs under the key of a flight; 0 if the flight stands no more. `value` is an `Option` of the store's
    /// type.
    #[cfg(feature = "stores")]
    pub(crate) fn weigh(&self, hash: u64, flight: &Arc<Flight>, value: &mut dyn Any, weigh: Weigh<'_>) -> u64 {
        let shard = self.cell(hash).write();
        shard.around.flights.key_of(hash, flight).map_or(0, |place| shard.rows.weigh(place, value, weigh))
    }

    /// Ends a flight without storing anything; gives its key, to be dropped when the followers know.
    pub(crate) fn withdraw(&self, hash: u64, flight: &Arc<Flight>) -> Gone {
        let mut gone = Gone::None;
        let mut shard = self.cell(hash).write();
        shard.withdraw(hash, flight, &mut gone);
        gone
    }

    /// Stores a value that no flight brings, and detaches the flights of its key; false if it yielded to another.
    pub(crate) fn set(&self, hash: u64, key: &dyn Ask, put: Put<'_>) -> bool {
        self.set_if(hash, key, put, &|| true)
    }

    /// The same if it is still wanted: that is asked under the lock of the key's shard.
    pub(crate) fn set_if(&self, hash: u64, key: &dyn Ask, put: Put<'_>, is_wanted: &dyn Fn() -> bool) -> bool {
        self.place(hash, key, put, true, is_wanted)
    }

    /// Stores a copy of what stands behind this store; flights go on, and may replace it.
    pub(crate) fn fill(&self, hash: u64, key: &dyn Ask, put: Put<'_>) {
        self.place(hash, key, put, false, &|| true);
    }

    fn place(&self, hash: u64, key: &dyn Ask, mut put: Put<'_>, detaches: bool, is_wanted: &dyn Fn() -> bool) -> bool {
        let mut gone = Gone::None;
        let cell = self.cell(hash);
        loop {
            let mut shard = cell.write();
            if !is_wanted() {
                return false;
            }
            if detaches {
                shard.detach(hash, key, &mut gone);
            }
            let place = shard.rows.park(key);
            let parked = Parked { shard: &mut shard, place, gone: &mut gone };
            match self.put(cell, parked.shard, hash, place, &mut put, parked.gone) {
                Placed::NoRoom => {}
                placed => return placed != Placed::Yielded,
            }
            drop(parked);
            drop(shard);
            self.make_room_elsewhere(clock::now(), &mut gone);
        }
    }

    /// Stores a value under a parked key. One heavier than the whole bound is not stored, nor is one that has expired
    /// already, nor any while the store is deaf; what stood in its place is gone all the same.
    fn put(
        &self,
        cell: &Cell<dyn Rows>,
        shard: &mut Shard<dyn Rows>,
        hash: u64,
        key: Place,
        put: &mut Put<'_>,
        gone: &mut Gone,
    ) -> Placed {
        let now = clock::now();
        self.sweep_shard(shard, now, PASSIVE_SWEEP, gone);
        let present = shard.find_parked(hash, key);
        if put.yields && present.is_some_and(|id| !shard.makes_way(id, put)) {
            shard.rows.refuse(put.value, gone);
            return Placed::Yielded;
        }
        if present.is_some() || put.replaces {
            // Also where nothing is found: a copy may be about of an entry that was evicted since.
            cell.outdate();
        }
        let weight = put.weigh.map_or(0, |weigh| shard.rows.weigh(key, put.value, weigh));
        let new = New { stamp: put.stamp, tags: put.tags, dependency: put.dependency, weight };
        let fits = !is_over(new.stamp.expires(), || now) && self.bound.can_hold(weight) && !self.is_deaf();
        match present {
            Some(id) if fits && self.bound.exchange(shard.around.weight(id), weight) => {
                shard.replace(id, put.value, new, gone);
            }
            _ => {
                if let Some(id) = present {
                    self.take_out(shard, id, gone);
                }
                if !fits {
                    self.changed(u64::from(present.is_some()));
                    shard.rows.refuse(put.value, gone);
                    return Placed::Refused;
                }
                if !self.take_room(shard, weight, now, gone) {
                    return Placed::NoRoom;
                }
                if !shard.insert(hash, key, put.value, new) {
                    self.bound.release(weight);
                    shard.rows.refuse(put.value, gone);
                    return Placed::Refused;
                }
            }
        }
        self.note_soonest(cell, shard);
        Counters::add(&self.counters.stores, 1);
        self.changed(1);
        Placed::Stored
    }
}
