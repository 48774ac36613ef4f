//! The bound of a store over all its shards: how many entries, how much weight.

use std::sync::atomic::Ordering;

use crate::sync::AtomicU64;

/// Counts what is in the store. Room is taken before an entry goes in, so the bound holds at every moment.
#[derive(Debug)]
pub(crate) struct Bound {
    entries: Amount,
    weight: Amount,
}

#[derive(Debug)]
struct Amount {
    now: AtomicU64,
    most: u64,
}

impl Amount {
    fn new(most: Option<u64>) -> Self {
        Self { now: AtomicU64::new(0), most: most.unwrap_or(u64::MAX) }
    }

    fn take(&self, amount: u64) -> bool {
        self.now
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                now.checked_add(amount).filter(|after| *after <= self.most)
            })
            .is_ok()
    }

    fn give(&self, amount: u64) {
        self.now.fetch_sub(amount, Ordering::Relaxed);
    }
}

impl Bound {
    pub(crate) fn new(max_entries: Option<u64>, max_weight: Option<u64>) -> Self {
        Self { entries: Amount::new(max_entries), weight: Amount::new(max_weight) }
    }

    /// Could an entry of this weight be held at all?
    pub(crate) fn can_hold(&self, weight: u64) -> bool {
        weight <= self.weight.most && self.entries.most > 0
    }

    /// Takes room for one entry, if there is.
    pub(crate) fn reserve(&self, weight: u64) -> bool {
        if !self.entries.take(1) {
            return false;
        }
        let fits = self.weight.take(weight);
        if !fits {
            self.entries.give(1);
        }
        fits
    }

    /// Changes the weight of an entry, if there is room.
    pub(crate) fn exchange(&self, old: u64, new: u64) -> bool {
        if new > old {
            return self.weight.take(new - old);
        }
        self.weight.give(old - new);
        true
    }

    pub(crate) fn release(&self, weight: u64) {
        self.release_many(1, weight);
    }

    pub(crate) fn release_many(&self, entries: u64, weight: u64) {
        self.entries.give(entries);
        self.weight.give(weight);
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries.now.load(Ordering::Relaxed)
    }

    pub(crate) fn weight(&self) -> u64 {
        self.weight.now.load(Ordering::Relaxed)
    }
}
