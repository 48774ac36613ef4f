//! How often the tiers of one instantiation were asked by calls.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Loaded, Space};
use crate::stats::{Asked, counters::Counters};

/// Counters of all tiers, the fastest first, typed memory among them. A hit in memory is not counted here: it would cost
/// something, and all hits are counted already.
pub(crate) struct Tally {
    tiers: Box<[Cells]>,
    /// The place of the first store.
    first: usize,
}

#[derive(Default)]
struct Cells {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Tally {
    pub(super) fn new(has_memory: bool, stores: usize) -> Self {
        let first = usize::from(has_memory);
        Self { tiers: (0..first + stores).map(|_| Cells::default()).collect(), first }
    }

    /// So many calls ask the stores, since memory had nothing.
    pub(super) fn memory_missed(&self, calls: usize) {
        if let Some(memory) = self.tiers.first().filter(|_| self.first > 0) {
            Counters::add(&memory.misses, calls as u64);
        }
    }

    /// A store had nothing.
    pub(super) fn missed(&self, store: usize) {
        if let Some(tier) = self.tiers.get(self.first + store) {
            Counters::add(&tier.misses, 1);
        }
    }

    fn hit(&self, store: usize) {
        if let Some(tier) = self.tiers.get(self.first + store) {
            Counters::add(&tier.hits, 1);
        }
    }

    pub(crate) fn read(&self) -> Vec<Asked> {
        let read = |cells: &Cells| Asked {
            hits: cells.hits.load(Ordering::Relaxed),
            misses: cells.misses.load(Ordering::Relaxed),
        };
        self.tiers.iter().map(read).collect()
    }
}

impl Space {
    /// A call has looked at what a store had: did it take it?
    pub(crate) fn used(&self, loaded: &Loaded, is_taken: bool) {
        if is_taken { self.tally.hit(loaded.tier()) } else { self.tally.missed(loaded.tier()) }
    }

    /// How often its tiers were asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.tally.read()
    }
}
