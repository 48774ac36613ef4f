//! How often the tiers of one instantiation were asked by calls.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use super::{Loaded, Space};
use crate::stats::{Asked, counters::Counters};

/// Counters of all tiers, the fastest first, typed memory among them. A hit in memory is not counted here: it would cost
/// something, and all hits are counted already.
pub(crate) struct Tally {
    has_memory: bool,
    first: Cells,
}

/// Those of one tier, which lead to those of the next: tiers may be added.
#[derive(Default)]
struct Cells {
    hits: AtomicU64,
    misses: AtomicU64,
    next: OnceLock<Box<Self>>,
}

impl Tally {
    pub(super) fn new(has_memory: bool) -> Self {
        Self { has_memory, first: Cells::default() }
    }

    /// So many calls ask the stores, since memory had nothing.
    pub(super) fn memory_missed(&self, calls: usize) {
        if self.has_memory {
            Counters::add(&self.first.misses, calls as u64);
        }
    }

    /// A store had nothing.
    pub(super) fn missed(&self, store: usize) {
        Counters::add(&self.of(store).misses, 1);
    }

    pub(super) fn hit(&self, store: usize) {
        Counters::add(&self.of(store).hits, 1);
    }

    fn of(&self, store: usize) -> &Cells {
        (0..store + usize::from(self.has_memory)).fold(&self.first, |cells, _| cells.next.get_or_init(Box::default))
    }

    /// Those of the tiers behind may be missing, if they were never asked.
    pub(crate) fn read(&self) -> Vec<Asked> {
        let read = |cells: &Cells| Asked {
            hits: cells.hits.load(Ordering::Relaxed),
            misses: cells.misses.load(Ordering::Relaxed),
        };
        std::iter::successors(Some(&self.first), |cells| cells.next.get().map(|next| &**next)).map(read).collect()
    }
}

impl Space {
    /// A call has looked at what a store had: did it take it?
    pub(crate) fn used(&self, loaded: &Loaded, is_taken: bool) {
        if is_taken { self.tally.hit(loaded.tier()) } else { self.tally.missed(loaded.tier()) }
    }

    /// How often its tiers were asked; nothing of those behind the last that was.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.tally.read()
    }
}
