//! The values that wait to be written: the newest of each key, in the order in which their keys came.

use std::{collections::BTreeMap, ops::Bound, sync::Arc, task::Waker};

use super::super::Offer;
use crate::clock::Millis;

/// At most so many values wait.
pub(super) const MOST: usize = 10_000;
/// At most so much memory is taken by those that wait, in bytes.
const MOST_BYTES: usize = 64 << 20;
/// So many are written together.
pub(super) const BATCH: usize = 64;
/// After a write that failed the next one waits this long, twice as long after each that fails, too, but not longer than the second.
const FIRST_PAUSE: Millis = 100;
const LONGEST_PAUSE: Millis = 30_000;

/// What waits, and how writing goes.
pub(super) struct Queue {
    /// By their keys, as stores know them.
    entries: BTreeMap<Vec<u8>, Waiting>,
    /// The keys by their places in the queue.
    order: BTreeMap<u64, Vec<u8>>,
    next_place: u64,
    bytes: usize,
    /// How many are written together now: fewer after a failure, so that one that no store takes stands alone in the end.
    batch: usize,
    /// In a row.
    failures: u32,
    /// Nothing is written before, since writing failed.
    resumes: Millis,
    /// Is there somebody who writes?
    pub(super) is_worked_on: bool,
    /// Of whoever writes, while the queue is paused.
    pub(super) sleeper: Option<Waker>,
}

struct Waiting {
    offer: Arc<Offer>,
    place: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            next_place: 0,
            bytes: 0,
            batch: BATCH,
            failures: 0,
            resumes: 0,
            is_worked_on: false,
            sleeper: None,
        }
    }
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<Offer>> {
        self.entries.get(key).map(|waiting| &waiting.offer)
    }

    /// Takes all of these in, in place of older ones of their keys; none if there is no room for all.
    pub(super) fn push_all(&mut self, offers: &[Arc<Offer>]) -> bool {
        let new = offers.iter().filter(|offer| self.get(offer.key().flat()).is_none()).count();
        let freed = offers.iter().filter_map(|offer| self.get(offer.key().flat())).map(|old| old.size()).sum::<usize>();
        let bytes = offers.iter().map(|offer| offer.size()).sum::<usize>();
        let fits = self.len() + new <= MOST && (self.bytes + bytes).saturating_sub(freed) <= MOST_BYTES;
        if fits {
            for offer in offers {
                self.push(offer.clone());
            }
        }
        fits
    }

    fn push(&mut self, offer: Arc<Offer>) {
        let key = offer.key().flat().to_vec();
        self.bytes += offer.size();
        if let Some(waiting) = self.entries.get_mut(&key) {
            self.bytes -= waiting.offer.size();
            waiting.offer = offer;
            return;
        }
        let place = self.take_place();
        self.order.insert(place, key.clone());
        self.entries.insert(key, Waiting { offer, place });
    }

    fn take_place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place
    }

    /// Those that are to be written next, together.
    pub(super) fn first(&self) -> Vec<Arc<Offer>> {
        self.in_order().take(self.batch).collect()
    }

    pub(super) fn in_order(&self) -> impl Iterator<Item = Arc<Offer>> {
        self.order.values().filter_map(|key| self.get(key)).cloned()
    }

    /// When the first are to be written: now, if that is over.
    pub(super) fn resumes(&self) -> Millis {
        self.resumes
    }

    /// These were written, unless a newer one of the key came meanwhile, which waits on.
    pub(super) fn written(&mut self, offers: &[Arc<Offer>]) {
        for offer in offers {
            let key = offer.key().flat();
            if self.get(key).is_some_and(|waiting| Arc::ptr_eq(waiting, offer)) {
                self.remove(key);
            }
        }
        (self.failures, self.resumes) = (0, 0);
        self.batch = (self.batch * 2).min(BATCH);
    }

    /// These could not be written, so nothing is for a while. Fewer are tried then; one that fails alone lets the others pass.
    pub(super) fn failed(&mut self, offers: &[Arc<Offer>], now: Millis) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.resumes = now.saturating_add(pause);
        self.batch = (offers.len() / 2).max(1);
        if let [alone] = offers {
            let place = self.take_place();
            if let Some(waiting) = self.entries.get_mut(alone.key().flat()) {
                let before = std::mem::replace(&mut waiting.place, place);
                self.order.remove(&before);
                self.order.insert(place, alone.key().flat().to_vec());
            }
        }
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Arc<Offer>> {
        let Waiting { offer, place } = self.entries.remove(key)?;
        self.order.remove(&place);
        self.bytes -= offer.size();
        Some(offer)
    }

    /// Takes those out whose keys begin with a prefix, if they are wanted; gives them.
    pub(super) fn remove_under(&mut self, prefix: &[u8], is_wanted: impl Fn(&Offer) -> bool) -> Vec<Arc<Offer>> {
        let mut under = self.under(prefix);
        under.retain(|offer| is_wanted(offer));
        under.iter().filter_map(|offer| self.remove(offer.key().flat())).collect()
    }

    /// Those whose keys begin with a prefix.
    pub(super) fn under(&self, prefix: &[u8]) -> Vec<Arc<Offer>> {
        let from = self.entries.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        let under = from.take_while(|(key, _)| key.starts_with(prefix));
        under.map(|(_, waiting)| waiting.offer.clone()).collect()
    }
}
