//! What takes entries out of the store, for all reasons there are, and makes room for new ones.

use std::sync::{Arc, atomic::Ordering};

use super::{
    Cell, Cells, Read, Store, Stored,
    entries::{Gone, Rows},
    policy::SlotId,
    shard::Shard,
    stamp::{Stamp, is_over},
};
use crate::{
    clock::{self, Millis, NEVER},
    key::Ask,
    stats::counters::Counters,
    tags::Tag,
};

impl Cell<dyn Rows> {
    /// From now on no copy of what the shard held is used. Its lock is held.
    pub(super) fn outdate(&self) {
        self.generation.fetch_add(2, Ordering::Release);
    }
}

impl Store<dyn Cells> {
    /// Takes an entry out, then gives its room back.
    pub(super) fn take_out(&self, shard: &mut Shard<dyn Rows>, id: SlotId, gone: &mut Gone) {
        let weight = shard.remove(id, gone);
        self.bound.release(weight);
    }

    /// Takes room for one more entry within the bound, if this shard can make it: expired entries go first, then whom the
    /// policy gives up. False if others have to go first: [`make_room_elsewhere`](Self::make_room_elsewhere).
    pub(super) fn take_room(&self, shard: &mut Shard<dyn Rows>, weight: u64, now: Millis, gone: &mut Gone) -> bool {
        while !self.bound.reserve(weight) {
            if self.sweep_shard(shard, now, u64::MAX, gone) > 0 {
                continue;
            }
            if self.soonest.load(Ordering::Relaxed) <= now || !self.evict(shard, gone) {
                return false;
            }
        }
        true
    }

    /// Lets entries of other shards go, expired ones first; the caller holds no lock.
    pub(super) fn make_room_elsewhere(&self, now: Millis, gone: &mut Gone) {
        if self.soonest.load(Ordering::Relaxed) <= now {
            self.sweep(now, gone);
        } else {
            // The first shard that has any gives one up.
            let _ = self.all_cells().any(|cell| self.evict(&mut cell.write(), gone));
        }
    }

    fn evict(&self, shard: &mut Shard<dyn Rows>, gone: &mut Gone) -> bool {
        let Some(weight) = shard.evict(gone) else {
            return false;
        };
        self.bound.release(weight);
        Counters::add(&self.counters.evictions, 1);
        true
    }

    /// Takes expired entries out of one shard.
    pub(super) fn sweep_shard(&self, shard: &mut Shard<dyn Rows>, now: Millis, most: u64, gone: &mut Gone) -> u64 {
        let (count, weight) = shard.sweep(now, most, gone);
        if count > 0 {
            self.bound.release_many(count, weight);
            Counters::add(&self.counters.expirations, count);
        }
        count
    }

    /// Takes expired entries out of all shards that may have some.
    fn sweep(&self, now: Millis, gone: &mut Gone) -> u64 {
        if self.soonest.load(Ordering::Relaxed) > now {
            return 0;
        }
        let mut count = 0;
        for cell in self.all_cells() {
            if cell.soonest.load(Ordering::SeqCst) <= now {
                let mut shard = cell.write();
                count += self.sweep_shard(&mut shard, now, u64::MAX, gone);
                cell.soonest.store(shard.soonest(), Ordering::SeqCst);
            }
        }
        let of_cells = || self.all_cells().map(|cell| cell.soonest.load(Ordering::SeqCst)).min().unwrap_or(NEVER);
        self.soonest.store(of_cells(), Ordering::SeqCst);
        // Who stored an entry meanwhile has either seen this value, or is seen now.
        self.soonest.fetch_min(of_cells(), Ordering::SeqCst);
        count
    }

    /// Notes when the shard's next entry expires; its lock is held.
    pub(super) fn note_soonest(&self, cell: &Cell<dyn Rows>, shard: &Shard<dyn Rows>) {
        let soonest = shard.soonest();
        cell.soonest.store(soonest, Ordering::SeqCst);
        if soonest < self.soonest.load(Ordering::SeqCst) {
            self.soonest.fetch_min(soonest, Ordering::SeqCst);
        }
    }

    /// Takes all expired entries out and says how many they were.
    pub(crate) fn purge(&self) -> u64 {
        let mut gone = Gone::None;
        self.sweep(clock::now(), &mut gone)
    }

    /// Takes a key out, with the flights that would bring it back; copies of its value are not used from now on, even if
    /// the store had lost it already.
    pub(crate) fn remove(&self, hash: u64, key: &dyn Ask) -> bool {
        self.take(hash, key, &mut |_| {})
    }

    /// The same; a live entry is read before it goes.
    pub(crate) fn take(&self, hash: u64, key: &dyn Ask, read: Read<'_>) -> bool {
        let mut gone = Gone::None;
        let cell = self.cell(hash);
        let mut shard = cell.write();
        shard.detach(hash, key, &mut gone);
        cell.outdate();
        let Some(id) = shard.find(hash, key) else {
            return false;
        };
        let was_live = shard.is_live(id);
        if was_live {
            read(Stored { shard: &shard, id });
        }
        self.take_out(&mut shard, id, &mut gone);
        drop(shard);
        self.changed(1);
        was_live
    }

    /// Takes the entry of a key out, with the flights that would bring it back, unless it is to be kept; was it taken out?
    pub(crate) fn remove_unless(&self, hash: u64, key: &dyn Ask, keep: &mut dyn FnMut(Stored<'_>) -> bool) -> bool {
        let mut gone = Gone::None;
        let cell = self.cell(hash);
        let mut shard = cell.write();
        let Ok(id) = shard.lookup(hash, key) else { return false };
        if keep(Stored { shard: &shard, id }) {
            return false;
        }
        shard.detach(hash, key, &mut gone);
        cell.outdate();
        self.take_out(&mut shard, id, &mut gone);
        drop(shard);
        self.changed(1);
        true
    }

    /// Gives an entry another end; was there one? One that has ended by now is taken out.
    pub(crate) fn retime(&self, hash: u64, key: &dyn Ask, expires: Millis) -> bool {
        let mut gone = Gone::None;
        let cell = self.cell(hash);
        let mut shard = cell.write();
        let Ok(id) = shard.lookup(hash, key) else { return false };
        // Copies have the old end.
        cell.outdate();
        if is_over(expires, clock::now) {
            self.take_out(&mut shard, id, &mut gone);
        } else {
            shard.retime(id, expires);
            self.note_soonest(cell, &shard);
        }
        drop(shard);
        self.changed(1);
        true
    }

    /// Takes a key out if its entry is still the one with this stamp.
    pub(crate) fn remove_if(&self, hash: u64, key: &dyn Ask, stamp: Stamp) {
        let mut gone = Gone::None;
        let cell = self.cell(hash);
        let mut shard = cell.write();
        let Some(id) = shard.find(hash, key) else { return };
        if shard.stamp(id) == stamp {
            cell.outdate();
            self.take_out(&mut shard, id, &mut gone);
        }
        drop(shard);
    }

    /// Takes a key out if it has expired by now.
    pub(crate) fn remove_expired(&self, hash: u64, key: &dyn Ask) {
        let mut gone = Gone::None;
        let mut shard = self.cell(hash).write();
        let Some(id) = shard.find(hash, key) else { return };
        if is_over(shard.stamp(id).expires(), clock::now) {
            self.take_out(&mut shard, id, &mut gone);
            Counters::add(&self.counters.expirations, 1);
        }
        drop(shard);
    }

    /// Takes out all entries and flights whose keys have this hash, in the part of it that entries keep.
    pub(crate) fn remove_hash(&self, hash: u64) -> u64 {
        let cell = self.cell(hash);
        let mut gone = Gone::None;
        let mut shard = cell.write();
        shard.detach_hash(hash, &mut gone);
        cell.outdate();
        let ids = shard.with_hash(hash);
        for id in &ids {
            self.take_out(&mut shard, *id, &mut gone);
        }
        drop(shard);
        self.changed(ids.len() as u64);
        ids.len() as u64
    }

    /// May there be an entry or a flight whose key has this hash?
    #[cfg(feature = "stores")]
    pub(crate) fn knows_hash(&self, hash: u64) -> bool {
        let shard = self.cell(hash).read();
        shard.around.flights.has(hash) || !shard.with_hash(hash).is_empty()
    }

    /// Takes out all entries that carry all of these tags; what flights bring with them is not stored.
    pub(crate) fn remove_tagged(&self, tags: &Arc<[Tag]>) -> u64 {
        self.clearing(Some(tags));
        let mut removed = 0;
        for cell in self.all_cells() {
            let mut gone = Gone::None;
            let mut shard = cell.write();
            shard.around.flights.note_clearing(tags);
            // Also where nothing is found: a copy may be about of an entry that was evicted since.
            cell.outdate();
            let ids = shard.with_tags(tags);
            for id in &ids {
                self.take_out(&mut shard, *id, &mut gone);
            }
            drop(shard);
            removed += ids.len() as u64;
        }
        self.changed(removed);
        removed
    }

    /// Takes out all entries whose keys have this hash. Flights go on, and may bring them back.
    #[cfg(feature = "stores")]
    pub(crate) fn drop_hash(&self, hash: u64) {
        let cell = self.cell(hash);
        let mut gone = Gone::None;
        let mut shard = cell.write();
        cell.outdate();
        for id in shard.with_hash(hash) {
            self.take_out(&mut shard, id, &mut gone);
        }
    }

    /// Takes all entries out. Flights go on, and may bring them back.
    #[cfg(feature = "stores")]
    pub(crate) fn drop_all(&self) {
        for cell in self.all_cells() {
            let mut gone = Gone::None;
            let mut shard = cell.write();
            cell.outdate();
            let (count, weight) = shard.clear(&mut gone);
            self.bound.release_many(count, weight);
            self.note_soonest(cell, &shard);
        }
    }

    /// Takes everything out, flights too, and says how many entries it was.
    pub(crate) fn clear(&self) -> u64 {
        self.clearing(None);
        let mut removed = 0;
        for cell in self.all_cells() {
            let mut gone = Gone::None;
            let mut shard = cell.write();
            shard.detach_all(&mut gone);
            cell.outdate();
            let (count, weight) = shard.clear(&mut gone);
            self.bound.release_many(count, weight);
            self.note_soonest(cell, &shard);
            drop(shard);
            removed += count;
        }
        self.changed(removed);
        removed
    }
}
