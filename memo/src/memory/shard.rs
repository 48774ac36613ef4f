//! One shard: an index by hash over a slab of entries, with their order of eviction, due times and tags.

use hashbrown::HashTable;

pub(crate) use super::slab::Slot;
use super::{
    expiry::Expiry,
    policy::{Kind, Meta, NIL, Policy, SlotId, Slots},
    slab::Slab,
    stamp::Stamp,
    tag_index::TagIndex,
};
use crate::{
    clock::{Millis, NEVER},
    tags::Tag,
};

/// What is stored beside key and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct New<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) tags: &'a [Tag],
    pub(crate) weight: u64,
    /// A hit may restart its time to live.
    pub(crate) slides: bool,
    /// Somebody asked for this value in place of any other, so no copy of another may be used from now on.
    pub(crate) replaces: bool,
}

pub(crate) struct Shard<K, V> {
    slab: Slab<K, V>,
    around: Around,
}

/// What does not depend on the types of key and value, and is compiled once.
struct Around {
    index: HashTable<SlotId>,
    policy: Option<Policy>,
    expiry: Expiry,
    tags: TagIndex,
    /// By slot; kept only in a store that is bounded by weight.
    weights: Option<Vec<u64>>,
    /// The times to live by slot; kept only in a store where hits restart them.
    ttls: Option<Vec<Millis>>,
}

/// Entries that left; they are dropped after the lock, since `Drop` is the user's code.
pub(crate) type Gone<K, V> = Vec<Slot<K, V>>;

impl<K, V> Shard<K, V> {
    pub(crate) fn new(policy: Option<Kind>, weighted: bool, sliding: bool) -> Self {
        Self {
            slab: Slab::new(),
            around: Around {
                index: HashTable::new(),
                policy: policy.map(Policy::new),
                expiry: Expiry::new(),
                tags: TagIndex::default(),
                weights: weighted.then(Vec::new),
                ttls: sliding.then(Vec::new),
            },
        }
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, matches: impl Fn(&K) -> bool) -> Option<SlotId> {
        let slab = &self.slab;
        let id = self.around.index.find(index_hash(hash), |id| {
            slab.get(*id).is_some_and(|slot| slot.meta.hash() == short(hash) && matches(&slot.key))
        })?;
        Some(*id)
    }

    #[inline]
    pub(crate) fn get(&self, id: SlotId) -> Option<&Slot<K, V>> {
        self.slab.get(id)
    }

    /// When an entry was made and when it ends.
    pub(crate) fn stamp(&self, id: SlotId) -> Option<Stamp> {
        Some(Stamp::new(self.slab.created(id), self.slab.get(id)?.expires))
    }

    pub(crate) fn tags(&self, id: SlotId) -> &[Tag] {
        self.around.tags.tags(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn soonest(&self) -> Millis {
        self.around.expiry.soonest()
    }

    pub(crate) fn weight(&self, id: SlotId) -> u64 {
        self.around.weight(id)
    }

    pub(crate) fn total_weight(&self) -> u64 {
        self.slab.iter().map(|(id, _)| self.around.weight(id)).sum()
    }

    /// A hit, under the write lock.
    pub(crate) fn touch(&mut self, id: SlotId) {
        if let Some(policy) = &mut self.around.policy {
            policy.touch(&mut self.slab, id);
        }
    }

    /// Begins the entry's time to live again.
    pub(crate) fn slide(&mut self, id: SlotId, now: Millis) {
        let ttl = self.around.ttls.as_ref().and_then(|ttls| ttls.get(id as usize));
        if let (Some(ttl), Some(slot)) = (ttl, self.slab.get_mut(id))
            && *ttl != 0
            && slot.expires != NEVER
        {
            slot.expires = now.saturating_add(*ttl);
        }
    }

    /// Stores an entry under a key that is not there.
    pub(crate) fn insert(&mut self, hash: u64, key: K, value: V, new: New<'_>) -> Result<(), (K, V)> {
        let slot = Slot { meta: Meta::new(short(hash)), expires: new.stamp.expires(), key, value };
        match self.slab.insert(slot, new.stamp.created()) {
            Ok(id) => {
                self.around.insert(&mut self.slab, hash, id, new);
                self.tidy(new.stamp.created());
                Ok(())
            }
            Err(slot) => Err((slot.key, slot.value)),
        }
    }

    /// Puts another value in an entry's place.
    pub(crate) fn replace(&mut self, id: SlotId, value: V, new: New<'_>) -> Option<V> {
        let slot = self.slab.get_mut(id)?;
        slot.expires = new.stamp.expires();
        let old = std::mem::replace(&mut slot.value, value);
        self.slab.set_created(id, new.stamp.created());
        self.around.replace(&mut self.slab, id, new);
        self.tidy(new.stamp.created());
        Some(old)
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, id: SlotId) -> Option<Slot<K, V>> {
        let hash = self.slab.get(id)?.meta.hash();
        self.around.unlink(&mut self.slab, hash, id);
        self.slab.remove(id)
    }

    /// Takes out the entry that the policy gives up first.
    pub(crate) fn evict(&mut self) -> Option<(Slot<K, V>, u64)> {
        let id = self.around.policy.as_mut()?.victim(&mut self.slab, NIL)?;
        let (hash, weight) = (self.slab.get(id)?.meta.hash(), self.around.weight(id));
        self.around.forget(hash, id);
        Some((self.slab.remove(id)?, weight))
    }

    /// Takes out up to `most` expired entries; gives their number and weight.
    pub(crate) fn sweep(&mut self, now: Millis, most: usize, gone: &mut Gone<K, V>) -> (u64, u64) {
        self.tidy(now);
        let (mut count, mut weight) = (0, 0);
        let before = gone.len();
        while gone.len() - before < most {
            let Some((due, id)) = self.around.expiry.pop(now) else { break };
            let Some(slot) = self.slab.get(id) else { continue };
            let expires = slot.expires;
            if expires > now {
                // It slid, or its place was given to another entry whose own due time also stands in the heap.
                if expires != due {
                    self.around.expiry.push(expires, id);
                }
                continue;
            }
            weight += self.around.weight(id);
            count += 1;
            gone.extend(self.remove(id));
        }
        (count, weight)
    }

    /// The entries that carry all of these tags.
    pub(crate) fn with_tags(&self, tags: &[Tag]) -> Vec<SlotId> {
        self.around.tags.with_all(tags)
    }

    /// Takes everything out.
    pub(crate) fn clear(&mut self) -> Slab<K, V> {
        self.around.clear();
        std::mem::replace(&mut self.slab, Slab::new())
    }

    pub(crate) fn ids_with_hash(&self, hash: u64) -> Vec<SlotId> {
        self.around
            .index
            .iter_hash(index_hash(hash))
            .copied()
            .filter(|id| self.slab.get(*id).is_some_and(|slot| slot.meta.hash() == short(hash)))
            .collect()
    }

    /// Makes the heap of due times anew when it holds too many that mean nothing any more, or counts from too long ago.
    fn tidy(&mut self, now: Millis) {
        if self.around.expiry.needs_rebuild(self.slab.len(), now) {
            let live = self.slab.iter().map(|(id, slot)| (slot.expires, id));
            self.around.expiry.rebuild(now, live);
        }
    }
}

/// The part of the hash that an entry keeps: the low half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn short(hash: u64) -> u32 {
    hash as u32
}

/// The hash that the index works with, made from the part that an entry keeps, so that the index can grow
/// without asking the keys. (The table takes the place from the low bits and a tag from the seven highest.)
#[inline]
fn index_hash(hash: u64) -> u64 {
    spread(short(hash))
}

#[inline]
fn spread(short: u32) -> u64 {
    u64::from(short) | u64::from(short) << 32
}

fn set(column: &mut Vec<u64>, id: SlotId, value: u64) {
    let at = id as usize;
    if column.len() <= at {
        column.resize(at + 1, 0);
    }
    column[at] = value;
}

impl Around {
    fn insert(&mut self, slots: &mut dyn Slots, hash: u64, id: SlotId, new: New<'_>) {
        self.index.insert_unique(index_hash(hash), id, |id| spread(slots.meta(*id).hash()));
        if let Some(policy) = &mut self.policy {
            policy.inserted(slots, id);
        }
        self.note(id, new);
    }

    fn replace(&mut self, slots: &mut dyn Slots, id: SlotId, new: New<'_>) {
        if let Some(policy) = &mut self.policy {
            policy.touch(slots, id);
        }
        self.tags.remove(id);
        self.note(id, new);
    }

    fn note(&mut self, id: SlotId, new: New<'_>) {
        self.expiry.push(new.stamp.expires(), id);
        self.tags.insert(id, new.tags);
        if let Some(weights) = &mut self.weights {
            set(weights, id, new.weight);
        }
        if let Some(ttls) = &mut self.ttls {
            // No time: this entry does not slide.
            set(ttls, id, if new.slides { new.stamp.expires() - new.stamp.created() } else { 0 });
        }
    }

    fn weight(&self, id: SlotId) -> u64 {
        self.weights.as_ref().and_then(|weights| weights.get(id as usize)).copied().unwrap_or(0)
    }

    fn unlink(&mut self, slots: &mut dyn Slots, hash: u32, id: SlotId) {
        if let Some(policy) = &mut self.policy {
            policy.removed(slots, id);
        }
        self.forget(hash, id);
    }

    fn forget(&mut self, hash: u32, id: SlotId) {
        if let Ok(entry) = self.index.find_entry(spread(hash), |other| *other == id) {
            entry.remove();
        }
        self.tags.remove(id);
    }

    fn clear(&mut self) {
        self.index = HashTable::new();
        self.expiry.clear();
        self.tags.clear();
        self.weights = self.weights.is_some().then(Vec::new);
        self.ttls = self.ttls.is_some().then(Vec::new);
        if let Some(policy) = &mut self.policy {
            policy.clear();
        }
    }
}
