//! Who goes first when a bounded store is full: the interface of the eviction policies.
//!
//! A policy belongs to one shard. It sees the entries as numbered slots of the shard and owns a
//! few bytes of each ([`Meta`]), never keys or values, so it is compiled once for all types.
//!
//! The protocol, all under the shard's write lock unless said otherwise:
//!
//! 1. A hit calls [`Policy::touch_shared`] under the read lock, or, if [`Kind::is_exact`],
//!    [`Policy::touch`] under the write lock. Replacing a value calls `touch` too.
//! 2. An insertion first calls [`Policy::victim`] until there is room, then stores the entry and calls
//!    [`Policy::inserted`].
//! 3. An entry that leaves for another reason calls [`Policy::removed`].
//!
//! No policy knows the capacity: it learns from the number of entries present when `victim` is
//! called, so that bounds by number and by weight work alike, and may change.

mod fifo;
mod ghost;
mod lfu;
mod list;
mod lru;
mod s3fifo;
mod share;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod workloads;

use core::num::NonZeroU8;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Index of an entry in its shard's slab; below `NIL`.
pub(crate) type SlotId = u32;

/// No slot.
pub(crate) const NIL: SlotId = u32::MAX;

/// The entries, as a policy may see and change them. Implemented by the shard.
pub(crate) trait Slots {
    /// Some 32 bits of the hash of a live entry's key.
    fn hash(&self, id: SlotId) -> u32;
    /// The policy's part of a live entry.
    fn meta(&self, id: SlotId) -> &Meta;
    /// The policy's part of a live entry, to change.
    fn meta_mut(&mut self, id: SlotId) -> &mut Meta;
    /// A live entry's neighbours.
    fn links(&self, id: SlotId) -> Links;
    /// A live entry's neighbours, to change.
    fn links_mut(&mut self, id: SlotId) -> &mut Links;
}

/// An entry's neighbours in the list that it is in. Hits do not look at them.
#[derive(Clone, Copy)]
pub(crate) struct Links {
    prev: SlotId,
    next: SlotId,
}

impl Links {
    /// In no list.
    pub(crate) const NONE: Self = Self { prev: NIL, next: NIL };
}

/// Frequencies saturate here. Higher than in the paper (3): it lets a main queue of hot entries
/// withstand more chance challengers, at no cost in memory.
const MAX_FREQUENCY: u8 = 7;

/// The policy's part of an entry that a hit touches: 4 bytes, one of which belongs to who keeps the entry.
pub(crate) struct Meta {
    /// When the entry was inserted or last inspected, in ticks of the policy (s3-fifo).
    seen: u16,
    /// Uses since then, saturating, in the lower half; in the upper half the queue that the entry is in. Uses are the
    /// only thing written under a read lock.
    used: AtomicU8,
    /// Not the policy's; never zero, which gives an `Option` of an entry its niche.
    pub(super) spare: NonZeroU8,
}

/// The bits of [`Meta::used`] that count.
const FREQUENCY: u8 = 0b1111;

impl Meta {
    /// For an entry about to be stored.
    pub(crate) fn new() -> Self {
        Self { seen: 0, used: AtomicU8::new(0), spare: NonZeroU8::MIN }
    }

    fn frequency(&self) -> u8 {
        self.used.load(Relaxed) & FREQUENCY
    }

    fn set_frequency(&mut self, frequency: u8) {
        let used = self.used.get_mut();
        *used = *used & !FREQUENCY | frequency;
    }

    fn queue(&self) -> u8 {
        self.used.load(Relaxed) >> 4
    }

    fn set_queue(&mut self, queue: u8) {
        let used = self.used.get_mut();
        *used = *used & FREQUENCY | queue << 4;
    }
}

/// The eviction policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Adaptive S3-FIFO, the default.
    S3Fifo,
    /// Least recently used, exact.
    Lru,
    /// Least frequently used, exact; among equals the least recently used.
    Lfu,
    /// First in, first out.
    Fifo,
}

impl Kind {
    /// Whether a hit needs [`Policy::touch`] and with it the write lock.
    pub(crate) fn is_exact(self) -> bool {
        matches!(self, Self::Lru | Self::Lfu)
    }
}

/// The eviction policy of one shard.
pub(crate) struct Policy(Inner);

enum Inner {
    S3Fifo(s3fifo::S3Fifo),
    Lru(lru::Lru),
    Lfu(lfu::Lfu),
    Fifo(fifo::Fifo),
}

impl Policy {
    /// An empty policy; allocates nothing yet.
    pub(crate) fn new(kind: Kind) -> Self {
        Self(match kind {
            Kind::S3Fifo => Inner::S3Fifo(s3fifo::S3Fifo::new()),
            Kind::Lru => Inner::Lru(lru::Lru::new()),
            Kind::Lfu => Inner::Lfu(lfu::Lfu::new()),
            Kind::Fifo => Inner::Fifo(fifo::Fifo::new()),
        })
    }

    /// A hit under the read lock, for policies that are not [exact](Kind::is_exact).
    ///
    /// A load, and until the frequency is saturated a store. Not a read-modify-write: losing one
    /// of two simultaneous hits is harmless, contention is not.
    #[inline]
    pub(crate) fn touch_shared(meta: &Meta) {
        let used = meta.used.load(Relaxed);
        if used & FREQUENCY < MAX_FREQUENCY {
            meta.used.store(used + 1, Relaxed);
        }
    }

    /// A hit under the write lock, or a replaced value. Counts as a use, except for fifo, where
    /// the entry keeps its place.
    pub(crate) fn touch(&mut self, slots: &mut dyn Slots, id: SlotId) {
        match &mut self.0 {
            Inner::S3Fifo(_) => Self::touch_shared(slots.meta(id)),
            Inner::Lru(lru) => lru.touch(slots, id),
            Inner::Lfu(lfu) => lfu.touch(id),
            Inner::Fifo(_) => (),
        }
    }

    /// A new entry, already stored in the slab with a fresh [`Meta`].
    pub(crate) fn inserted(&mut self, slots: &mut dyn Slots, id: SlotId) {
        match &mut self.0 {
            Inner::S3Fifo(s3) => s3.inserted(slots, id),
            Inner::Lru(lru) => lru.inserted(slots, id),
            Inner::Lfu(lfu) => lfu.inserted(id),
            Inner::Fifo(fifo) => fifo.inserted(slots, id),
        }
    }

    /// An entry that is about to leave, but not by eviction: deleted or expired.
    pub(crate) fn removed(&mut self, slots: &mut dyn Slots, id: SlotId) {
        match &mut self.0 {
            Inner::S3Fifo(s3) => s3.removed(slots, id),
            Inner::Lru(lru) => lru.removed(slots, id),
            Inner::Lfu(lfu) => lfu.removed(id),
            Inner::Fifo(fifo) => fifo.removed(slots, id),
        }
    }

    /// Picks who goes next and unlinks it; the caller drops the entry. `None` if there is none.
    pub(crate) fn victim(&mut self, slots: &mut dyn Slots) -> Option<SlotId> {
        match &mut self.0 {
            Inner::S3Fifo(s3) => s3.victim(slots),
            Inner::Lru(lru) => lru.victim(slots),
            Inner::Lfu(lfu) => lfu.victim(),
            Inner::Fifo(fifo) => fifo.victim(slots),
        }
    }

    /// All entries were dropped at once. Memory is given back.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(match self.0 {
            Inner::S3Fifo(_) => Kind::S3Fifo,
            Inner::Lru(_) => Kind::Lru,
            Inner::Lfu(_) => Kind::Lfu,
            Inner::Fifo(_) => Kind::Fifo,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 4] = [Kind::S3Fifo, Kind::Lru, Kind::Lfu, Kind::Fifo];

    #[test]
    fn meta_is_four_bytes_and_leaves_a_niche() {
        assert_eq!(core::mem::size_of::<Meta>(), 4);
        assert_eq!(core::mem::size_of::<Option<Meta>>(), 4);
    }

    #[test]
    fn only_lru_and_lfu_need_the_write_lock() {
        let exact = KINDS.map(Kind::is_exact);
        assert_eq!(exact, [false, true, true, false]);
    }

    #[test]
    fn clear_forgets_every_entry() {
        for kind in KINDS {
            let mut cache = testing::Cache::new(kind);
            for key in 0..20 {
                cache.insert(key);
            }
            cache.policy.clear();
            assert_eq!(cache.evict(), None, "{kind:?}");
        }
    }
}
