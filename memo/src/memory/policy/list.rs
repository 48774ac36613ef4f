//! A doubly linked list threaded through the slots of a slab.

use super::{Links, NIL, SlotId, Slots};

/// Ordered ids; an id is in at most one list at a time. All operations take constant time.
pub(super) struct List {
    front: SlotId,
    back: SlotId,
    len: usize,
}

impl List {
    pub(super) fn new() -> Self {
        Self { front: NIL, back: NIL, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first id.
    pub(super) fn front(&self) -> Option<SlotId> {
        (self.front != NIL).then_some(self.front)
    }

    /// Takes out the first id.
    pub(super) fn pop_front(&mut self, slots: &mut dyn Slots) -> Option<SlotId> {
        let id = self.front()?;
        self.unlink(slots, id);
        Some(id)
    }

    pub(super) fn push_back(&mut self, slots: &mut dyn Slots, id: SlotId) {
        *slots.links_mut(id) = Links { prev: self.back, next: NIL };
        match self.back {
            NIL => self.front = id,
            back => slots.links_mut(back).next = id,
        }
        self.back = id;
        self.len += 1;
    }

    /// Takes out `id`, which must be in this list.
    pub(super) fn unlink(&mut self, slots: &mut dyn Slots, id: SlotId) {
        let Links { prev, next } = slots.links(id);
        match prev {
            NIL => self.front = next,
            prev => slots.links_mut(prev).next = next,
        }
        match next {
            NIL => self.back = prev,
            next => slots.links_mut(next).prev = prev,
        }
        self.len -= 1;
    }

    pub(super) fn move_to_back(&mut self, slots: &mut dyn Slots, id: SlotId) {
        if self.back != id {
            self.unlink(slots, id);
            self.push_back(slots, id);
        }
    }
}

#[cfg(test)]
impl List {
    /// The ids from front to back, having checked the links both ways.
    pub(super) fn ids(&self, slots: &dyn Slots) -> Vec<SlotId> {
        let (mut ids, mut prev, mut id) = (Vec::new(), NIL, self.front);
        while id != NIL {
            assert_eq!(slots.links(id).prev, prev);
            ids.push(id);
            (prev, id) = (id, slots.links(id).next);
        }
        assert_eq!((self.back, self.len), (prev, ids.len()));
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Random, Slab};
    use super::*;

    #[test]
    fn agrees_with_a_vector() {
        let (mut slab, mut random) = (Slab::default(), Random(1));
        let (mut list, mut model) = (List::new(), Vec::new());
        for id in 0..32 {
            assert_eq!(slab.store(id), id);
        }
        for _ in 0..5_000 {
            let id = random.below(32);
            match model.iter().position(|&other| other == id) {
                None => list.push_back(&mut slab, id),
                Some(at) => {
                    model.remove(at);
                    if random.below(2) == 0 {
                        list.unlink(&mut slab, id);
                        continue;
                    }
                    list.move_to_back(&mut slab, id);
                }
            }
            model.push(id);
            assert_eq!(list.ids(&slab), model);
            assert_eq!(list.front(), model.first().copied());
        }
    }
}
