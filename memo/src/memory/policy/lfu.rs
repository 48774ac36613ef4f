//! Least frequently used, exact; among equals the least recently used.

use super::SlotId;
use std::collections::BTreeSet;

/// An entry's claim to stay: uses, then the time of the last one.
type Rank = (u64, u64);

/// Ordered by rank; a hit costs O(log n) under the write lock. The ranks stand here rather than
/// in the entries, so that only users of this policy pay for them (about 50 bytes per entry).
pub(super) struct Lfu {
    /// Who goes first is first.
    order: BTreeSet<(Rank, SlotId)>,
    /// By slot; stale where a slot is free.
    ranks: Vec<Rank>,
    uses: u64,
}

impl Lfu {
    pub(super) fn new() -> Self {
        Self { order: BTreeSet::new(), ranks: Vec::new(), uses: 0 }
    }

    pub(super) fn touch(&mut self, id: SlotId) {
        let rank = self.ranks[id as usize];
        self.order.remove(&(rank, id));
        self.place(id, rank.0 + 1);
    }

    pub(super) fn inserted(&mut self, id: SlotId) {
        if self.ranks.len() <= id as usize {
            self.ranks.resize(id as usize + 1, (0, 0));
        }
        self.place(id, 1);
    }

    pub(super) fn removed(&mut self, id: SlotId) {
        self.order.remove(&(self.ranks[id as usize], id));
    }

    pub(super) fn victim(&mut self) -> Option<SlotId> {
        self.order.pop_first().map(|(_, id)| id)
    }

    fn place(&mut self, id: SlotId, uses: u64) {
        self.uses += 1;
        let rank = (uses, self.uses);
        self.ranks[id as usize] = rank;
        self.order.insert((rank, id));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::testing::check_against_model;
    use std::cell::RefCell;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_vector() {
        // Keys never return in the model's run, so uses can be counted by key.
        let uses = RefCell::new(HashMap::new());
        check_against_model(Kind::Lfu, |order, at| {
            let key = order.remove(at);
            *uses.borrow_mut().entry(key).or_insert(1) += 1;
            let count = |key| uses.borrow().get(key).copied().unwrap_or(1);
            let to = order.iter().position(|other| count(other) > count(&key));
            order.insert(to.unwrap_or(order.len()), key);
        });
    }
}
