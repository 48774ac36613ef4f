//! The typed store: values as they are, in this process, bounded or not.

pub(crate) mod bound;
mod expiry;
pub(crate) mod front;
pub(crate) mod policy;
mod shard;
mod slab;
pub(crate) mod stamp;
mod tag_index;

use std::sync::{Arc, atomic::Ordering};

use bound::Bound;
use shard::{Gone, Shard};
pub(crate) use shard::New;
use stamp::Stamp;

use crate::{
    clock::{self, Millis, NEVER},
    stats::counters::Counters,
    sync::{AtomicU64, Padded, RwLock},
    tags::Tag,
};

/// How many expired entries a write takes out of its shard at most, so that they leave without being asked for.
const PASSIVE_SWEEP: usize = 4;

/// How a store is built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) max_entries: Option<u64>,
    pub(crate) max_weight: Option<u64>,
    pub(crate) policy: policy::Kind,
    pub(crate) sliding: bool,
    /// Used by one thread only.
    pub(crate) single_thread: bool,
}

impl Settings {
    pub(crate) fn is_bounded(&self) -> bool {
        self.max_entries.is_some() || self.max_weight.is_some()
    }

    /// How many shards: one where the order of eviction is exact or the store small, since every shard evicts for
    /// itself.
    fn shards(&self) -> usize {
        const MOST: usize = 32;
        const ENTRIES_PER_SHARD: u64 = 1024;
        if self.single_thread || self.policy != policy::Kind::S3Fifo || self.max_weight.is_some() {
            return 1;
        }
        let wanted = self.max_entries.map_or(MOST as u64, |most| most / ENTRIES_PER_SHARD);
        usize::try_from(wanted).unwrap_or(MOST).clamp(1, MOST).next_power_of_two().min(MOST)
    }
}

struct Cell<K, V> {
    shard: RwLock<Shard<K, V>>,
    /// Rises, under the write lock, with every change after which a copy of an old value must not be used.
    generation: AtomicU64,
    /// No entry of the shard expires before this time.
    soonest: AtomicU64,
}

pub(crate) struct Store<K, V> {
    cells: Box<[Padded<Cell<K, V>>]>,
    bound: Arc<Bound>,
    settings: Settings,
    counters: Arc<Counters>,
}

/// What a lookup found.
pub(crate) enum Found<T> {
    Live(T),
    Absent,
    Expired,
}

/// An entry as it stands in the store.
pub(crate) struct Stored<'a, V> {
    pub(crate) value: &'a V,
    pub(crate) stamp: Stamp,
    pub(crate) tags: &'a [Tag],
}

impl<K, V> Store<K, V> {
    pub(crate) fn new(settings: Settings, counters: Arc<Counters>) -> Self {
        let kind = settings.is_bounded().then_some(settings.policy);
        let cell = |_| {
            Padded(Cell {
                shard: RwLock::new(Shard::new(kind, settings.max_weight.is_some(), settings.sliding)),
                generation: AtomicU64::new(0),
                soonest: AtomicU64::new(NEVER),
            })
        };
        Self {
            cells: (0..settings.shards()).map(cell).collect(),
            bound: Arc::new(Bound::new(settings.max_entries, settings.max_weight)),
            settings,
            counters,
        }
    }

    #[inline]
    fn cell(&self, hash: u64) -> &Cell<K, V> {
        // Bits that the index of a shard does not use.
        let at = (hash >> 32) as usize & (self.cells.len() - 1);
        &self.cells[at].0
    }

    /// What the store holds, to be read from elsewhere.
    pub(crate) fn bound(&self) -> &Arc<Bound> {
        &self.bound
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The generation of a key's shard: read before the entry itself, it tells later whether a copy is still good.
    #[inline]
    pub(crate) fn generation(&self, hash: u64) -> u64 {
        self.cell(hash).generation.load(Ordering::Acquire)
    }

    /// Looks a key up; a live entry counts as used. `read` runs under the shard's lock.
    #[inline]
    pub(crate) fn get<T>(
        &self,
        hash: u64,
        matches: impl Fn(&K) -> bool,
        read: impl FnOnce(Stored<'_, V>) -> T,
    ) -> Found<T> {
        let exclusive = self.settings.sliding || matches!(self.settings.policy, policy::Kind::Lru | policy::Kind::Lfu);
        if exclusive {
            return self.get_exclusive(hash, matches, read);
        }
        let shard = self.cell(hash).shard.read();
        let Some(id) = shard.find(hash, &matches) else {
            return Found::Absent;
        };
        let Some(slot) = shard.get(id) else {
            return Found::Absent;
        };
        if slot.stamp.is_expired(clock::now) {
            drop(shard);
            self.remove_expired(hash, matches);
            return Found::Expired;
        }
        if self.settings.policy == policy::Kind::S3Fifo {
            policy::Policy::touch_shared(&slot.meta);
        }
        Found::Live(read(Stored { value: &slot.value, stamp: slot.stamp, tags: shard.tags(id) }))
    }

    /// The same where a hit changes more than a counter.
    #[inline(never)]
    fn get_exclusive<T>(
        &self,
        hash: u64,
        matches: impl Fn(&K) -> bool,
        read: impl FnOnce(Stored<'_, V>) -> T,
    ) -> Found<T> {
        let mut shard = self.cell(hash).shard.write();
        let Some(id) = shard.find(hash, &matches) else {
            return Found::Absent;
        };
        let now = clock::now();
        if shard.get(id).is_some_and(|slot| slot.stamp.is_expired(|| now)) {
            drop(shard);
            self.remove_expired(hash, matches);
            return Found::Expired;
        }
        shard.touch(id);
        if self.settings.sliding {
            shard.slide(id, now);
        }
        match shard.get(id) {
            Some(slot) => Found::Live(read(Stored { value: &slot.value, stamp: slot.stamp, tags: shard.tags(id) })),
            None => Found::Absent,
        }
    }

    /// Looks a key up and changes nothing: no use is counted, an expired entry stays.
    pub(crate) fn peek<T>(
        &self,
        hash: u64,
        matches: impl Fn(&K) -> bool,
        read: impl FnOnce(Stored<'_, V>) -> T,
    ) -> Found<T> {
        let shard = self.cell(hash).shard.read();
        let Some((id, slot)) = shard.find(hash, matches).and_then(|id| Some((id, shard.get(id)?))) else {
            return Found::Absent;
        };
        if slot.stamp.is_expired(clock::now) {
            return Found::Expired;
        }
        Found::Live(read(Stored { value: &slot.value, stamp: slot.stamp, tags: shard.tags(id) }))
    }

    /// Stores an entry. Says whether it is there now: one heavier than the whole bound is not, nor is one that has
    /// expired already; what stood in its place is gone all the same.
    ///
    /// The caller holds the key's commit gate, so that no one else writes this key meanwhile.
    pub(crate) fn put(&self, hash: u64, same: fn(&K, &K) -> bool, key: K, value: V, new: New<'_>) -> bool {
        let now = clock::now();
        let matches = |other: &K| same(&key, other);
        if new.stamp.is_expired(|| now) || !self.bound.can_hold(new.weight) {
            self.remove(hash, matches);
            return false;
        }
        let mut gone = Gone::new();
        let cell = self.cell(hash);
        let mut shard = cell.shard.write();
        self.sweep_shard(&mut shard, now, PASSIVE_SWEEP, &mut gone);
        let present = shard.find(hash, &matches);
        let in_place = match present {
            Some(id) => {
                let old = shard.weight(id);
                self.bound.exchange(old, new.weight)
            }
            None => false,
        };
        let replaced = if let (true, Some(id)) = (in_place, present) {
            cell.generation.fetch_add(1, Ordering::Release);
            let old = shard.replace(id, value, new);
            cell.note_soonest(&shard);
            drop(shard);
            old
        } else {
            if let Some(id) = present {
                cell.generation.fetch_add(1, Ordering::Release);
                self.release(&shard, id);
                gone.extend(shard.remove(id));
            }
            shard = self.make_room(cell, shard, now, new.weight, &mut gone);
            let refused = shard.insert(hash, key, value, new);
            if refused.is_err() {
                self.bound.release(new.weight);
            }
            cell.note_soonest(&shard);
            drop(shard);
            drop(refused);
            None
        };
        drop((gone, replaced));
        Counters::add(&self.counters.stores, 1);
        true
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
        let mut count = 0;
        for Padded(cell) in &self.cells {
            if cell.soonest.load(Ordering::Relaxed) <= now {
                let mut shard = cell.shard.write();
                count += self.sweep_shard(&mut shard, now, usize::MAX, gone);
                cell.note_soonest(&shard);
            }
        }
        count
    }

    /// Takes all expired entries out and says how many they were.
    pub(crate) fn purge(&self) -> u64 {
        let mut gone = Gone::new();
        self.sweep(clock::now(), &mut gone)
    }

    fn release(&self, shard: &Shard<K, V>, id: policy::SlotId) {
        self.bound.release(shard.weight(id));
    }

    /// Takes a key out; copies of its value are not used from now on, even if the store had lost it already.
    pub(crate) fn remove(&self, hash: u64, matches: impl Fn(&K) -> bool) -> bool {
        let cell = self.cell(hash);
        let mut shard = cell.shard.write();
        cell.generation.fetch_add(1, Ordering::Release);
        let Some(id) = shard.find(hash, matches) else {
            return false;
        };
        self.release(&shard, id);
        let slot = shard.remove(id);
        drop(shard);
        slot.is_some_and(|slot| !slot.stamp.is_expired(clock::now))
    }

    /// Takes a key out if its entry is still the one with this stamp.
    pub(crate) fn remove_if(&self, hash: u64, matches: impl Fn(&K) -> bool, stamp: Stamp) {
        let cell = self.cell(hash);
        let mut shard = cell.shard.write();
        let Some(id) = shard.find(hash, matches) else { return };
        if shard.get(id).is_some_and(|slot| slot.stamp == stamp) {
            cell.generation.fetch_add(1, Ordering::Release);
            self.release(&shard, id);
            let slot = shard.remove(id);
            drop(shard);
            drop(slot);
        }
    }

    /// Takes a key out if it has expired by now.
    #[inline(never)]
    fn remove_expired(&self, hash: u64, matches: impl Fn(&K) -> bool) {
        let mut shard = self.cell(hash).shard.write();
        let Some(id) = shard.find(hash, matches) else { return };
        if !shard.get(id).is_some_and(|slot| slot.stamp.is_expired(clock::now)) {
            return;
        }
        self.release(&shard, id);
        let slot = shard.remove(id);
        drop(shard);
        drop(slot);
        Counters::add(&self.counters.expirations, 1);
    }

    /// Takes out all entries whose keys have this hash, in the part of it that entries keep.
    pub(crate) fn remove_hash(&self, hash: u64) -> u64 {
        self.remove_ids(self.cell(hash), |shard| shard.ids_with_hash(hash))
    }

    /// Takes out all entries that carry all of these tags.
    pub(crate) fn remove_tagged(&self, tags: &[Tag]) -> u64 {
        self.cells.iter().map(|cell| self.remove_ids(&cell.0, |shard| shard.with_tags(tags))).sum()
    }

    fn remove_ids(&self, cell: &Cell<K, V>, select: impl FnOnce(&Shard<K, V>) -> Vec<policy::SlotId>) -> u64 {
        let mut shard = cell.shard.write();
        // Also where nothing is found: a copy may be about of an entry that was evicted since.
        cell.generation.fetch_add(1, Ordering::Release);
        let mut gone = Gone::new();
        for id in select(&shard) {
            self.release(&shard, id);
            gone.extend(shard.remove(id));
        }
        drop(shard);
        gone.len() as u64
    }

    /// Takes everything out and says how much it was.
    pub(crate) fn clear(&self) -> u64 {
        let mut removed = 0;
        for Padded(cell) in &self.cells {
            let mut shard = cell.shard.write();
            cell.generation.fetch_add(1, Ordering::Release);
            let count = shard.len() as u64;
            let weight = if self.settings.max_weight.is_some() { shard.total_weight() } else { 0 };
            let entries = shard.clear();
            self.bound.release_many(count, weight);
            cell.note_soonest(&shard);
            drop(shard);
            drop(entries);
            removed += count;
        }
        removed
    }

    /// The number of entries, expired ones that are still there included.
    pub(crate) fn len(&self) -> u64 {
        self.bound.entries()
    }

    /// The sum of the weights of all entries; 0 where there is no bound by weight.
    pub(crate) fn weight(&self) -> u64 {
        self.bound.weight()
    }
}

#[cfg(not(shuttle))]
type Guard<'a, K, V> = parking_lot::RwLockWriteGuard<'a, Shard<K, V>>;
#[cfg(shuttle)]
type Guard<'a, K, V> = shuttle::sync::RwLockWriteGuard<'a, Shard<K, V>>;

impl<K, V> Cell<K, V> {
    fn note_soonest(&self, shard: &Shard<K, V>) {
        self.soonest.store(shard.soonest(), Ordering::Relaxed);
    }
}
