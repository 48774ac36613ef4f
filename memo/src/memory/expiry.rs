//! Which entries expire next: a heap of due times, corrected when they come up.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::policy::SlotId;
use crate::clock::{self, Millis, NEVER};

/// Due times of a shard's entries. An entry that was removed, replaced or slid leaves its old time behind, which
/// is recognised when it comes up; when more than half are such leftovers, the heap is made anew.
///
/// Times count from `base` in 32 bits of milliseconds (49 days), so that an entry costs eight bytes. What expires later
/// waits at the end until the base moves on.
#[derive(Debug)]
pub(crate) struct Expiry {
    base: Millis,
    due: BinaryHeap<Reverse<(u32, SlotId)>>,
}

/// The base moves on when this much time has passed since.
const HORIZON: Millis = 1 << 31;

impl Expiry {
    pub(crate) fn new() -> Self {
        Self { base: clock::now(), due: BinaryHeap::new() }
    }

    pub(crate) fn push(&mut self, expires: Millis, id: SlotId) {
        if expires != NEVER {
            self.due.push(Reverse((self.offset(expires), id)));
        }
    }

    fn offset(&self, at: Millis) -> u32 {
        u32::try_from(at.saturating_sub(self.base)).unwrap_or(u32::MAX)
    }

    /// Takes the entry that is due first, if its time is not later than `now`.
    pub(crate) fn pop(&mut self, now: Millis) -> Option<SlotId> {
        let Reverse((due, _)) = *self.due.peek()?;
        // Also where the caller's present is older than the base.
        if due == u32::MAX || self.base + Millis::from(due) > now {
            return None;
        }
        self.due.pop().map(|Reverse((_, id))| id)
    }

    /// No entry expires before this.
    pub(crate) fn soonest(&self) -> Millis {
        self.due.peek().map_or(NEVER, |Reverse((due, _))| self.base + Millis::from(*due))
    }

    pub(crate) fn needs_rebuild(&self, live: usize, now: Millis) -> bool {
        self.due.len() > 2 * live + 64 || now > self.base + HORIZON
    }

    pub(crate) fn rebuild(&mut self, now: Millis, live: impl Iterator<Item = (Millis, SlotId)>) {
        self.base = now;
        self.due = live
            .filter(|(expires, _)| *expires != NEVER)
            .map(|(expires, id)| Reverse((self.offset(expires), id)))
            .collect();
    }

    pub(crate) fn clear(&mut self) {
        self.due = BinaryHeap::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_first_comes_first() {
        let mut expiry = Expiry { base: 1000, due: BinaryHeap::new() };
        for (at, id) in [(1500, 1), (1200, 2), (NEVER, 3), (1300, 4)] {
            expiry.push(at, id);
        }
        assert_eq!(expiry.soonest(), 1200);
        assert_eq!(expiry.pop(1199), None);
        assert_eq!(expiry.pop(1300), Some(2));
        assert_eq!(expiry.pop(1300), Some(4));
        assert_eq!(expiry.pop(1300), None);
    }

    #[test]
    fn nothing_is_due_for_a_caller_whose_present_is_older_than_the_base() {
        let mut expiry = Expiry { base: 1000, due: BinaryHeap::new() };
        expiry.push(990, 1);
        assert_eq!(expiry.pop(995), None);
        assert_eq!(expiry.pop(1000), Some(1));
    }

    #[test]
    fn a_time_beyond_the_range_waits_for_the_base_to_move() {
        let mut expiry = Expiry { base: 0, due: BinaryHeap::new() };
        let far = 1 << 33;
        expiry.push(far, 1);
        assert_eq!(expiry.pop(far), None, "it can't be told from later ones yet");
        assert!(expiry.needs_rebuild(1, far));
        expiry.rebuild(far - 10, [(far, 1)].into_iter());
        assert_eq!(expiry.pop(far - 1), None);
        assert_eq!(expiry.pop(far), Some(1));
    }
}
