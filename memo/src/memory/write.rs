//! What changes the store: entries come in, within the bound, and go out, for all reasons there are.

use std::sync::atomic::Ordering;

use super::{
    Cell, Gone, Matches, New, Store, policy,
    shard::{Shard, Slot},
    stamp::{Stamp, is_over},
};
use crate::{
    clock::{self, Millis, NEVER},
    stats::counters::Counters,
    sync::Padded,
    tags::Tag,
};

/// How many expired entries a write takes out of its shard at most, so that they leave without being asked for.
const PASSIVE_SWEEP: usize = 4;

#[cfg(not(shuttle))]
type Guard<'a, K, V> = parking_lot::RwLockWriteGuard<'a, Shard<K, V>>;
#[cfg(shuttle)]
type Guard<'a, K, V> = shuttle::sync::RwLockWriteGuard<'a, Shard<K, V>>;

impl<K, V> Store<K, V> {
    /// Stores an entry. One heavier than the whole bound is not stored, nor is one that has expired already; what stood
    /// in its place is gone all the same. What leaves is handed out, to be dropped when the caller holds no lock.
    ///
    /// The caller holds the key's commit gate, so that no one else writes this key meanwhile.
    pub(crate) fn put(
        &self,
        hash: u64,
        same: fn(&K, &K) -> bool,
        (key, value): (K, V),
        new: New<'_>,
        gone: &mut Gone<K, V>,
    ) {
        let now = clock::now();
        let matches: Matches<'_, K> = &|other| same(&key, other);
        if is_over(new.stamp.expires(), || now) || !self.bound.can_hold(new.weight) {
            self.remove(hash, matches, gone);
            gone.push(Slot::left(key, value));
            return;
        }
        let cell = self.cell(hash);
        let mut shard = cell.shard.write();
        self.sweep_shard(&mut shard, now, PASSIVE_SWEEP, gone);
        let present = shard.find(hash, matches);
        if present.is_some() || new.replaces {
            // Also where nothing is found: a copy may be about of an entry that was evicted since.
            cell.generation.fetch_add(2, Ordering::Release);
        }
        match present {
            Some(id) if self.bound.exchange(shard.weight(id), new.weight) => {
                gone.extend(shard.replace(id, value, new).map(|old| Slot::left(key, old)));
            }
            _ => {
                if let Some(id) = present {
                    self.take_out(&mut shard, id, gone);
                }
                shard = self.make_room(cell, shard, now, new.weight, gone);
                if let Err((key, value)) = shard.insert(hash, key, value, new) {
                    self.bound.release(new.weight);
                    gone.push(Slot::left(key, value));
                }
            }
        }
        self.note_soonest(cell, &shard);
        drop(shard);
        Counters::add(&self.counters.stores, 1);
    }

    /// Takes an entry out, then gives its room back.
    fn take_out(&self, shard: &mut Shard<K, V>, id: policy::SlotId, gone: &mut Gone<K, V>) {
        let weight = shard.weight(id);
        gone.extend(shard.remove(id));
        self.bound.release(weight);
    }

    /// Makes room for one more entry in the bound, and takes it: expired entries go first, then whom the policy gives
    /// up, in this shard if it has any, else in another.
    fn make_room<'a>(
        &'a self,
        cell: &'a Cell<K, V>,
        mut shard: Guard<'a, K, V>,
        now: Millis,
        weight: u64,
        gone: &mut Gone<K, V>,
    ) -> Guard<'a, K, V> {
        while !self.bound.reserve(weight) {
            if self.sweep_shard(&mut shard, now, usize::MAX, gone) > 0 {
                continue;
            }
            drop(shard);
            let swept = self.sweep(now, gone) > 0;
            shard = cell.shard.write();
            if swept || self.evict(&mut shard, gone) {
                continue;
            }
            drop(shard);
            self.evict_anywhere(gone);
            shard = cell.shard.write();
        }
        shard
    }

    fn evict(&self, shard: &mut Shard<K, V>, gone: &mut Gone<K, V>) -> bool {
        let Some((slot, weight)) = shard.evict() else {
            return false;
        };
        gone.push(slot);
        self.bound.release(weight);
        Counters::add(&self.counters.evictions, 1);
        true
    }

    fn evict_anywhere(&self, gone: &mut Gone<K, V>) {
        for cell in &self.cells {
            if self.evict(&mut cell.0.shard.write(), gone) {
                return;
            }
        }
    }

    /// Takes expired entries out of one shard.
    fn sweep_shard(&self, shard: &mut Shard<K, V>, now: Millis, most: usize, gone: &mut Gone<K, V>) -> u64 {
        let (count, weight) = shard.sweep(now, most, gone);
        if count > 0 {
            self.bound.release_many(count, weight);
            Counters::add(&self.counters.expirations, count);
        }
        count
    }

    /// Takes expired entries out of all shards that may have some.
    fn sweep(&self, now: Millis, gone: &mut Gone<K, V>) -> u64 {
        if self.soonest.load(Ordering::Relaxed) > now {
            return 0;
        }
        let mut count = 0;
        for Padded(cell) in &self.cells {
            if cell.soonest.load(Ordering::SeqCst) <= now {
                let mut shard = cell.shard.write();
                count += self.sweep_shard(&mut shard, now, usize::MAX, gone);
                cell.soonest.store(shard.soonest(), Ordering::SeqCst);
            }
        }
        let of_cells = || self.cells.iter().map(|cell| cell.0.soonest.load(Ordering::SeqCst)).min().unwrap_or(NEVER);
        self.soonest.store(of_cells(), Ordering::SeqCst);
        // Who stored an entry meanwhile has either seen this value, or is seen now.
        self.soonest.fetch_min(of_cells(), Ordering::SeqCst);
        count
    }

    /// Notes when the shard's next entry expires; its lock is held.
    fn note_soonest(&self, cell: &Cell<K, V>, shard: &Shard<K, V>) {
        let soonest = shard.soonest();
        cell.soonest.store(soonest, Ordering::SeqCst);
        if soonest < self.soonest.load(Ordering::SeqCst) {
            self.soonest.fetch_min(soonest, Ordering::SeqCst);
        }
    }

    /// Takes all expired entries out and says how many they were.
    pub(crate) fn purge(&self) -> u64 {
        let mut gone = Gone::new();
        self.sweep(clock::now(), &mut gone)
    }

    /// Takes a key out; copies of its value are not used from now on, even if the store had lost it already.
    pub(crate) fn remove(&self, hash: u64, matches: Matches<'_, K>, gone: &mut Gone<K, V>) -> bool {
        let cell = self.cell(hash);
        let mut shard = cell.shard.write();
        cell.generation.fetch_add(2, Ordering::Release);
        let Some(id) = shard.find(hash, matches) else {
            return false;
        };
        let was_live = shard.get(id).is_some_and(|slot| !is_over(slot.expires, clock::now));
        self.take_out(&mut shard, id, gone);
        was_live
    }

    /// Takes a key out if its entry is still the one with this stamp.
    pub(crate) fn remove_if(&self, hash: u64, matches: Matches<'_, K>, stamp: Stamp) {
        let mut gone = Gone::new();
        let cell = self.cell(hash);
        let mut shard = cell.shard.write();
        let Some(id) = shard.find(hash, matches) else { return };
        if shard.stamp(id) == Some(stamp) {
            cell.generation.fetch_add(2, Ordering::Release);
            self.take_out(&mut shard, id, &mut gone);
        }
        drop(shard);
    }

    /// Takes a key out if it has expired by now.
    #[inline(never)]
    pub(super) fn remove_expired(&self, hash: u64, matches: Matches<'_, K>) {
        let mut gone = Gone::new();
        let mut shard = self.cell(hash).shard.write();
        let Some(id) = shard.find(hash, matches) else { return };
        if shard.get(id).is_some_and(|slot| is_over(slot.expires, clock::now)) {
            self.take_out(&mut shard, id, &mut gone);
            Counters::add(&self.counters.expirations, 1);
        }
        drop(shard);
    }

    /// Takes out all entries whose keys have this hash, in the part of it that entries keep.
    pub(crate) fn remove_hash(&self, hash: u64) -> u64 {
        self.remove_ids(self.cell(hash), &|shard| shard.ids_with_hash(hash))
    }

    /// Takes out all entries that carry all of these tags.
    pub(crate) fn remove_tagged(&self, tags: &[Tag]) -> u64 {
        self.cells.iter().map(|cell| self.remove_ids(&cell.0, &|shard| shard.with_tags(tags))).sum()
    }

    fn remove_ids(&self, cell: &Cell<K, V>, select: &dyn Fn(&Shard<K, V>) -> Vec<policy::SlotId>) -> u64 {
        let mut shard = cell.shard.write();
        // Also where nothing is found: a copy may be about of an entry that was evicted since.
        cell.generation.fetch_add(2, Ordering::Release);
        let mut gone = Gone::new();
        for id in select(&shard) {
            self.take_out(&mut shard, id, &mut gone);
        }
        drop(shard);
        gone.len() as u64
    }

    /// Takes everything out and says how much it was.
    pub(crate) fn clear(&self) -> u64 {
        let mut removed = 0;
        for Padded(cell) in &self.cells {
            let mut shard = cell.shard.write();
            cell.generation.fetch_add(2, Ordering::Release);
            let count = shard.len() as u64;
            let weight = if self.settings.max_weight.is_some() { shard.total_weight() } else { 0 };
            let entries = shard.clear();
            self.bound.release_many(count, weight);
            self.note_soonest(cell, &shard);
            drop(shard);
            drop(entries);
            removed += count;
        }
        removed
    }
}
