//! The typed store: values as they are, in this process, bounded or not.

pub(crate) mod bound;
mod expiry;
pub(crate) mod front;
pub(crate) mod policy;
mod shard;
pub(crate) mod slab;
pub(crate) mod stamp;
mod tag_index;
mod write;

use std::{
    num::NonZeroU64,
    sync::{Arc, atomic::Ordering},
};

use bound::Bound;
use shard::Shard;
pub(crate) use shard::{Gone, New};
use stamp::Stamp;

use crate::{
    clock::{self, Millis, NEVER},
    stats::counters::Counters,
    sync::{AtomicU64, Padded, RwLock},
    tags::Tag,
};

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

    /// Does a hit change more than a counter?
    pub(crate) fn is_exclusive(&self) -> bool {
        self.sliding || (self.is_bounded() && self.policy.is_exact())
    }

    /// How many shards: one where the order of eviction is exact or the store small, since every shard evicts for
    /// itself.
    fn shards(&self) -> usize {
        const MOST: usize = 32;
        const ENTRIES_PER_SHARD: u64 = 1024;
        let exact = self.is_bounded() && self.policy != policy::Kind::S3Fifo;
        if self.single_thread || exact || self.max_weight.is_some() {
            return 1;
        }
        let wanted = self.max_entries.map_or(MOST as u64, |most| most / ENTRIES_PER_SHARD);
        usize::try_from(wanted).unwrap_or(MOST).clamp(1, MOST).next_power_of_two().min(MOST)
    }
}

struct Cell<K, V> {
    shard: RwLock<Shard<K, V>>,
    /// Rises by two, under the write lock, with every change after which a copy of an old value must not be used.
    generation: AtomicU64,
    /// No entry of the shard expires before this time.
    soonest: AtomicU64,
}

pub(crate) struct Store<K, V> {
    cells: Box<[Padded<Cell<K, V>>]>,
    bound: Arc<Bound>,
    settings: Settings,
    /// A hit needs the write lock.
    exclusive: bool,
    /// No entry of any shard expires before this time.
    soonest: AtomicU64,
    counters: Arc<Counters>,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Live,
    Absent,
    Expired,
}

/// Is a stored key the one that is looked for?
type Matches<'a, K> = &'a dyn Fn(&K) -> bool;
/// Looks at an entry under its shard's lock.
type Read<'a, K, V> = &'a mut dyn FnMut(Stored<'_, K, V>);

/// An entry as it stands in the store.
pub(crate) struct Stored<'a, K, V> {
    shard: &'a Shard<K, V>,
    id: policy::SlotId,
    slot: &'a shard::Slot<K, V>,
}

impl<'a, K, V> Stored<'a, K, V> {
    #[inline]
    fn find(shard: &'a Shard<K, V>, hash: u64, matches: impl Fn(&K) -> bool) -> Option<Self> {
        let id = shard.find(hash, matches)?;
        Some(Self { shard, id, slot: shard.get(id)? })
    }

    #[inline]
    pub(crate) fn value(&self) -> &'a V {
        &self.slot.value
    }

    #[inline]
    pub(crate) fn expires(&self) -> Millis {
        self.slot.expires
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.shard.stamp(self.id).unwrap_or_else(|| Stamp::new(self.slot.expires, self.slot.expires))
    }

    pub(crate) fn tags(&self) -> &'a [Tag] {
        self.shard.tags(self.id)
    }
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
            exclusive: settings.is_exclusive(),
            soonest: AtomicU64::new(NEVER),
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
    pub(crate) fn generation(&self, hash: u64) -> NonZeroU64 {
        NonZeroU64::MIN | self.cell(hash).generation.load(Ordering::Acquire)
    }

    /// Looks a key up; a live entry counts as used. `read` runs under the shard's lock.
    #[inline]
    pub(crate) fn get<T>(
        &self,
        hash: u64,
        matches: impl Fn(&K) -> bool,
        read: impl FnOnce(Stored<'_, K, V>) -> T,
    ) -> Option<T> {
        if self.exclusive {
            let mut read = Some(read);
            let mut result = None;
            let found = self.visit(hash, &matches, true, &mut |stored| {
                result = read.take().map(|read| read(stored));
            });
            return result.filter(|_| found == Found::Live);
        }
        let shard = self.cell(hash).shard.read();
        let stored = Stored::find(&shard, hash, &matches)?;
        if stamp::is_over(stored.expires(), clock::now) {
            drop(shard);
            self.remove_expired(hash, &matches);
            return None;
        }
        // Costs nothing to note, and nobody looks at it where there is no bound.
        policy::Policy::touch_shared(&stored.slot.meta);
        Some(read(stored))
    }

    /// Looks a key up away from the hit path. With `touch` it counts as a use, and what has expired leaves.
    #[inline(never)]
    pub(crate) fn visit(&self, hash: u64, matches: Matches<'_, K>, touch: bool, read: Read<'_, K, V>) -> Found {
        let cell = self.cell(hash);
        if touch && self.exclusive {
            let mut shard = cell.shard.write();
            if let Some(id) = shard.find(hash, matches)
                && shard.get(id).is_some_and(|slot| !stamp::is_over(slot.expires, clock::now))
            {
                shard.touch(id);
                if self.settings.sliding {
                    shard.slide(id, clock::now());
                }
            }
        }
        let shard = cell.shard.read();
        let Some(stored) = Stored::find(&shard, hash, matches) else {
            return Found::Absent;
        };
        if stamp::is_over(stored.expires(), clock::now) {
            drop(shard);
            if touch {
                self.remove_expired(hash, matches);
            }
            return Found::Expired;
        }
        if touch && !self.exclusive {
            policy::Policy::touch_shared(&stored.slot.meta);
        }
        read(stored);
        Found::Live
    }

    /// Is there a live entry?
    pub(crate) fn contains(&self, hash: u64, matches: Matches<'_, K>) -> bool {
        self.visit(hash, matches, false, &mut |_| ()) == Found::Live
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
