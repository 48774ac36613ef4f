//! Entries in a vector with reused places. What a hit looks at stands together; the rest stands apart.

use super::policy::{Links, Meta, NIL, SlotId, Slots};
use crate::clock::Millis;

/// What a hit looks at: 32 bytes for a key and a value of eight each, so that none lies across two cache lines.
pub(crate) struct Slot<K, V> {
    pub(crate) meta: Meta,
    pub(crate) expires: Millis,
    pub(crate) key: K,
    pub(crate) value: V,
}

impl<K, V> Slot<K, V> {
    /// A key and a value that are in no store any more, or never were.
    pub(crate) fn left(key: K, value: V) -> Self {
        Self { meta: Meta::new(0), expires: 0, key, value }
    }
}

/// What it does not look at.
#[derive(Clone, Copy)]
struct Aside {
    links: Links,
    created: Millis,
}

pub(crate) struct Slab<K, V> {
    /// `Meta` has a niche, so the `Option` costs nothing.
    slots: Vec<Option<Slot<K, V>>>,
    asides: Vec<Aside>,
    free: Vec<SlotId>,
}

impl<K, V> Slab<K, V> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), asides: Vec::new(), free: Vec::new() }
    }

    /// Stores an entry and says where; gives it back when no more can be numbered.
    pub(crate) fn insert(&mut self, slot: Slot<K, V>, created: Millis) -> Result<SlotId, Slot<K, V>> {
        let aside = Aside { links: Links::NONE, created };
        if let Some(id) = self.free.pop() {
            self.slots[id as usize] = Some(slot);
            self.asides[id as usize] = aside;
            return Ok(id);
        }
        match SlotId::try_from(self.slots.len()) {
            Ok(id) if id < NIL => {
                self.slots.push(Some(slot));
                self.asides.push(aside);
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

    pub(crate) fn created(&self, id: SlotId) -> Millis {
        self.asides[id as usize].created
    }

    pub(crate) fn set_created(&mut self, id: SlotId, created: Millis) {
        self.asides[id as usize].created = created;
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

    fn links(&self, id: SlotId) -> Links {
        self.asides[id as usize].links
    }

    fn links_mut(&mut self, id: SlotId) -> &mut Links {
        &mut self.asides[id as usize].links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_entry_fits_half_a_cache_line() {
        assert_eq!(size_of::<Option<Slot<u64, u64>>>(), 32);
    }
}
