//! Entries in a vector with reused places, and what stands beside the value in each.

use super::{
    policy::{Meta, NIL, SlotId, Slots},
    stamp::Stamp,
};

pub(crate) struct Slot<K, V> {
    pub(crate) meta: Meta,
    pub(crate) stamp: Stamp,
    pub(crate) key: K,
    pub(crate) value: V,
}

/// `Meta` has a niche, so the `Option` costs nothing.
pub(crate) struct Slab<K, V> {
    slots: Vec<Option<Slot<K, V>>>,
    free: Vec<SlotId>,
}

impl<K, V> Slab<K, V> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// Stores an entry and says where; gives it back when no more can be numbered.
    pub(crate) fn insert(&mut self, slot: Slot<K, V>) -> Result<SlotId, Slot<K, V>> {
        if let Some(id) = self.free.pop() {
            self.slots[id as usize] = Some(slot);
            return Ok(id);
        }
        match SlotId::try_from(self.slots.len()) {
            Ok(id) if id < NIL - 1 => {
                self.slots.push(Some(slot));
                Ok(id)
            }
            _ => Err(slot),
        }
    }

    pub(crate) fn remove(&mut self, id: SlotId) -> Option<Slot<K, V>> {
        let slot = self.slots.get_mut(id as usize)?.take()?;
        self.free.push(id);
        Some(slot)
    }

    #[inline]
    pub(crate) fn get(&self, id: SlotId) -> Option<&Slot<K, V>> {
        self.slots.get(id as usize)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: SlotId) -> Option<&mut Slot<K, V>> {
        self.slots.get_mut(id as usize)?.as_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SlotId, &Slot<K, V>)> {
        (0..).zip(&self.slots).filter_map(|(id, slot)| Some((id, slot.as_ref()?)))
    }
}

impl<K, V> Slots for Slab<K, V> {
    fn meta(&self, id: SlotId) -> &Meta {
        &self.get(id).expect("the policy's lists hold live entries").meta
    }

    fn meta_mut(&mut self, id: SlotId) -> &mut Meta {
        &mut self.get_mut(id).expect("the policy's lists hold live entries").meta
    }
}
