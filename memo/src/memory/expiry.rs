//! Which entries expire next: a heap of due times, corrected when they come up.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::policy::SlotId;
use crate::clock::{Millis, NEVER};

/// Due times of a shard's entries. An entry that was removed, replaced or slid leaves its old time behind, which
/// is recognised when it comes up; when more than half are such leftovers, the heap is made anew.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    due: BinaryHeap<Reverse<(Millis, SlotId)>>,
}

impl Expiry {
    pub(crate) fn push(&mut self, expires: Millis, id: SlotId) {
        if expires != NEVER {
            self.due.push(Reverse((expires, id)));
        }
    }

    /// Takes the next time that is not later than `now`.
    pub(crate) fn pop(&mut self, now: Millis) -> Option<(Millis, SlotId)> {
        let Reverse((expires, _)) = self.due.peek()?;
        if *expires > now {
            return None;
        }
        self.due.pop().map(|Reverse(due)| due)
    }

    /// No entry expires before this.
    pub(crate) fn soonest(&self) -> Millis {
        self.due.peek().map_or(NEVER, |Reverse((expires, _))| *expires)
    }

    pub(crate) fn has_leftovers(&self, live: usize) -> bool {
        self.due.len() > 2 * live + 64
    }

    pub(crate) fn rebuild(&mut self, live: impl Iterator<Item = (Millis, SlotId)>) {
        self.due = live.filter(|(expires, _)| *expires != NEVER).map(Reverse).collect();
    }

    pub(crate) fn clear(&mut self) {
        self.due = BinaryHeap::new();
    }
}
