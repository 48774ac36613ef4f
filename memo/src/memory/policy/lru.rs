//! Least recently used, exact: a hit moves its entry to the back under the write lock.

use super::list::List;
use super::{SlotId, Slots};

pub(super) struct Lru {
    /// Least recently used first.
    order: List,
}

impl Lru {
    pub(super) fn new() -> Self {
        Self { order: List::new() }
    }

    pub(super) fn touch(&mut self, slots: &mut dyn Slots, id: SlotId) {
        self.order.move_to_back(slots, id);
    }

    pub(super) fn inserted(&mut self, slots: &mut dyn Slots, id: SlotId) {
        self.order.push_back(slots, id);
    }

    pub(super) fn removed(&mut self, slots: &mut dyn Slots, id: SlotId) {
        self.order.unlink(slots, id);
    }

    pub(super) fn victim(&mut self, slots: &mut dyn Slots) -> Option<SlotId> {
        self.order.pop_front(slots)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::testing::check_against_model;

    #[test]
    fn agrees_with_a_vector() {
        check_against_model(Kind::Lru, |order, at| {
            let used = order.remove(at);
            order.push(used);
        });
    }
}
