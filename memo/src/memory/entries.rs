//! The part of a shard that knows the types of key and value. Everything else reaches it as `dyn Rows`, and is compiled
//! once, whatever is stored.

use std::{any::Any, mem, num::NonZeroU8};

use super::{
    index::short,
    policy::{Meta, SlotId},
};
use crate::{
    clock::{Millis, NEVER},
    flight::table::Place,
    key::Ask,
};

/// What every lookup reads of an entry, in eight bytes.
pub struct Head {
    /// The lower bits of when it expires; eight more, and one added to them, are the spare byte of `meta`. Together they
    /// reach 26 years beyond the machine's start, and what expires later never does.
    expires: u32,
    pub(super) meta: Meta,
}

impl Head {
    pub(super) fn new(expires: Millis) -> Self {
        let mut head = Self { expires: 0, meta: Meta::new() };
        head.set_expires(expires);
        head
    }

    #[inline]
    pub(super) fn expires(&self) -> Millis {
        match self.meta.spare {
            NonZeroU8::MAX => NEVER,
            high => Millis::from(self.expires) | Millis::from(high.get() - 1) << 32,
        }
    }

    pub(super) fn set_expires(&mut self, expires: Millis) {
        let high = u8::try_from(expires >> 32).ok().and_then(|high| NonZeroU8::new(high.saturating_add(1)));
        self.meta.spare = high.unwrap_or(NonZeroU8::MAX);
        self.expires = short(expires);
    }
}

/// An entry: 24 bytes for a key and a value of eight each.
pub(crate) struct Slot<K, V> {
    pub(super) head: Head,
    pub(super) key: K,
    pub(super) value: V,
}

/// The entries of a shard by number, and the keys of the flights that are to bring more.
pub(crate) struct Entries<K, V> {
    /// `Meta` has a niche, so the `Option` costs nothing.
    slots: Vec<Option<Slot<K, V>>>,
    parked: Vec<Option<K>>,
    free: Vec<Place>,
    same: fn(&K, &K) -> bool,
}

/// Keys and values that left, to be dropped when no lock is held: `Drop` is the user's code. Nothing as long as nothing
/// that has a `Drop` left.
pub(crate) type Gone = Option<Box<dyn Any>>;

/// What is in a [`Gone`].
struct Left<K, V> {
    slots: Vec<Vec<Option<Slot<K, V>>>>,
    keys: Vec<K>,
    values: Vec<V>,
}

impl<K: 'static, V: 'static> Left<K, V> {
    #[inline(never)]
    fn add(gone: &mut Gone, key: Option<K>, value: Option<V>) {
        if let (true, Some(key)) = (mem::needs_drop::<K>(), key) {
            Self::of(gone).keys.push(key);
        }
        if let (true, Some(value)) = (mem::needs_drop::<V>(), value) {
            Self::of(gone).values.push(value);
        }
    }

    fn of(gone: &mut Gone) -> &mut Self {
        if gone.is_none() {
            *gone = Some(Box::new(Self { slots: Vec::new(), keys: Vec::new(), values: Vec::new() }));
        }
        let left = gone.as_mut().and_then(|gone| gone.downcast_mut());
        left.expect("it is of this store")
    }
}

/// Weighs a key and a value, given as they are stored.
pub(crate) type Weigh<'a> = &'a dyn Fn(&dyn Any, &dyn Any) -> u64;

/// Weighs keys and values of types that are known here; those of others weigh nothing.
pub(crate) fn weigh_any<K: 'static, V: 'static>(weigh: impl Fn(&K, &V) -> u64) -> impl Fn(&dyn Any, &dyn Any) -> u64 {
    move |key, value| key.downcast_ref().zip(value.downcast_ref()).map_or(0, |(key, value)| weigh(key, value))
}

/// [`Entries`] of any types. A value that goes in comes as an `Option` of its type, and is taken out of it.
pub trait Rows {
    /// Is there an entry in this slot?
    fn is_taken(&self, id: SlotId) -> bool;
    fn head(&self, id: SlotId) -> &Head;
    fn head_mut(&mut self, id: SlotId) -> &mut Head;
    /// Is it this entry's key?
    fn has_key(&self, id: SlotId, key: &dyn Ask) -> bool;
    fn value(&self, id: SlotId) -> &dyn Any;
    /// Puts an entry into a free slot or the next new one; its key is taken from where it was parked.
    fn fill(&mut self, id: SlotId, head: Head, key: Place, value: &mut dyn Any);
    /// Puts another value into an entry.
    fn replace(&mut self, id: SlotId, value: &mut dyn Any, gone: &mut Gone);
    fn take(&mut self, id: SlotId, gone: &mut Gone);
    /// Empties all slots, and gives their memory back.
    fn take_all(&mut self, gone: &mut Gone);
    /// Takes in a key that is not in an entry yet: a flight's, or one that is being set.
    fn park(&mut self, key: &dyn Ask) -> Place;
    fn is_parked(&self, at: Place, key: &dyn Ask) -> bool;
    /// Is it this entry's key that is parked there?
    fn has_parked_key(&self, id: SlotId, at: Place) -> bool;
    /// Lets go of a parked key, if it has not become an entry's, and of its place.
    fn unpark(&mut self, at: Place, gone: &mut Gone);
    /// Lets go of a value that does not go in.
    fn refuse(&mut self, value: &mut dyn Any, gone: &mut Gone);
    fn weigh(&self, at: Place, value: &dyn Any, weigh: Weigh<'_>) -> u64;
}

impl<K, V> Entries<K, V> {
    pub(super) fn new(same: fn(&K, &K) -> bool) -> Self {
        Self { slots: Vec::new(), parked: Vec::new(), free: Vec::new(), same }
    }

    #[inline]
    pub(super) fn get(&self, id: SlotId) -> Option<&Slot<K, V>> {
        self.slots.get(id as usize)?.as_ref()
    }

    /// All entries with their numbers, expired ones too.
    pub(super) fn all(&self) -> impl Iterator<Item = (SlotId, &Slot<K, V>)> {
        (0..).zip(&self.slots).filter_map(|(id, slot)| Some((id, slot.as_ref()?)))
    }

    fn parked(&self, at: Place) -> Option<&K> {
        self.parked.get(at.0 as usize)?.as_ref()
    }

    fn unparked(&mut self, at: Place) -> Option<K> {
        self.parked.get_mut(at.0 as usize)?.take()
    }
}

/// Puts a value at a place of a vector that is as long at least.
fn put<T>(places: &mut Vec<Option<T>>, at: u32, value: T) {
    debug_assert!(at as usize <= places.len(), "places are taken one after the other");
    match places.get_mut(at as usize) {
        Some(place) => *place = Some(value),
        None => places.push(Some(value)),
    }
}

fn taken<V: 'static>(value: &mut dyn Any) -> Option<V> {
    value.downcast_mut::<Option<V>>()?.take()
}

impl<K: 'static, V: 'static> Rows for Entries<K, V> {
    fn is_taken(&self, id: SlotId) -> bool {
        self.get(id).is_some()
    }

    fn head(&self, id: SlotId) -> &Head {
        &self.get(id).expect("it is a live entry").head
    }

    fn head_mut(&mut self, id: SlotId) -> &mut Head {
        &mut self.slots[id as usize].as_mut().expect("it is a live entry").head
    }

    fn has_key(&self, id: SlotId, key: &dyn Ask) -> bool {
        self.get(id).is_some_and(|slot| key.is(&slot.key))
    }

    fn value(&self, id: SlotId) -> &dyn Any {
        &self.get(id).expect("it is a live entry").value
    }

    fn fill(&mut self, id: SlotId, head: Head, key: Place, value: &mut dyn Any) {
        let key = self.unparked(key).expect("the flight's key is parked");
        let value = taken(value).expect("a value of this store's type comes with it");
        put(&mut self.slots, id, Slot { head, key, value });
    }

    fn replace(&mut self, id: SlotId, value: &mut dyn Any, gone: &mut Gone) {
        let slot = self.slots[id as usize].as_mut().expect("it is a live entry");
        let value = taken(value).expect("a value of this store's type comes with it");
        let old = mem::replace(&mut slot.value, value);
        Left::<K, V>::add(gone, None, Some(old));
    }

    fn take(&mut self, id: SlotId, gone: &mut Gone) {
        if let Some(slot) = self.slots[id as usize].take() {
            Left::add(gone, Some(slot.key), Some(slot.value));
        }
    }

    fn take_all(&mut self, gone: &mut Gone) {
        let slots = mem::take(&mut self.slots);
        if mem::needs_drop::<(K, V)>() {
            Left::<K, V>::of(gone).slots.push(slots);
        }
    }

    fn park(&mut self, key: &dyn Ask) -> Place {
        // First what may panic: it is the user's code.
        let mut owned: Option<K> = None;
        key.own(&mut owned);
        let key = owned.expect("it is a key of this store");
        let next = || Place(u32::try_from(self.parked.len()).expect("there are fewer flights"));
        let at = self.free.pop().unwrap_or_else(next);
        put(&mut self.parked, at.0, key);
        at
    }

    fn is_parked(&self, at: Place, key: &dyn Ask) -> bool {
        self.parked(at).is_some_and(|parked| key.is(parked))
    }

    fn has_parked_key(&self, id: SlotId, at: Place) -> bool {
        let keys = self.get(id).zip(self.parked(at));
        keys.is_some_and(|(slot, parked)| (self.same)(&slot.key, parked))
    }

    fn unpark(&mut self, at: Place, gone: &mut Gone) {
        let key = self.unparked(at);
        self.free.push(at);
        Left::<K, V>::add(gone, key, None);
    }

    fn refuse(&mut self, value: &mut dyn Any, gone: &mut Gone) {
        Left::<K, V>::add(gone, None, taken(value));
    }

    fn weigh(&self, at: Place, value: &dyn Any, weigh: Weigh<'_>) -> u64 {
        let value = value.downcast_ref::<Option<V>>().and_then(Option::as_ref);
        self.parked(at).zip(value).map_or(0, |(key, value)| weigh(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_entry_takes_eight_bytes_more_than_key_and_value() {
        assert_eq!(size_of::<Option<Slot<u64, u64>>>(), 24);
    }

    #[test]
    fn a_head_keeps_when_it_expires() {
        let most = 253 << 32 | 0xffff_ffff;
        for expires in [0, 1, 0xffff_ffff, 1 << 32, 0x12_3456_789a, most] {
            assert_eq!(Head::new(expires).expires(), expires);
        }
        for expires in [most + 1, 1 << 50, NEVER - 1, NEVER] {
            assert_eq!(Head::new(expires).expires(), NEVER);
        }
    }
}
