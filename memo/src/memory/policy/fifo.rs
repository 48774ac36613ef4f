//! First in, first out: by the order of insertion, whatever is used.

use super::list::List;
use super::{SlotId, Slots};

pub(super) struct Fifo {
    /// Oldest first.
    order: List,
}

impl Fifo {
    pub(super) fn new() -> Self {
        Self { order: List::new() }
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
        check_against_model(Kind::Fifo, |order, at| {
            assert!(at < order.len());
        });
    }
}
