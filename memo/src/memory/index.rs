//! Where an entry stands, by the hash of its key: open addressing with linear probing, four bytes per place.
//!
//! A place holds the number of a slot and what bits are left of the 32-bit hash. The upper bits of the hash choose the
//! place to start from, the rest is compared before a slot is looked at, so a lookup goes to one line of the table and then
//! straight to the entry. As the table grows, slot numbers need more bits and the place tells more of the hash: each
//! takes over what the other gives up. Removal moves later places back (Knuth, volume 3, 6.4, algorithm R), so there are no
//! tombstones, and a table never needs cleaning.

use super::policy::SlotId;

/// The low half, which is what an entry keeps of its hash.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
pub(super) fn short(whole: u64) -> u32 {
    whole as u32
}

/// A table of numbers of slots. The hashes stay with the slots: who changes the table brings them.
pub(super) struct Index {
    /// A power of two of them, at most seven eighths taken.
    places: Box<[u32]>,
    /// How many bits of a place are the slot's number; as many of the hash choose the place.
    bits: u32,
    len: usize,
}

/// A place that is free. No slot is numbered so: numbers stay below seven eighths of the table's size.
const FREE: u32 = u32::MAX;
/// The smallest table, as a power of two.
const FEWEST_BITS: u32 = 3;
/// The largest.
const MOST_BITS: u32 = 31;

impl Index {
    /// Slots have numbers below this.
    pub(super) const MOST: SlotId = 7 << (MOST_BITS - 3);

    pub(super) fn new() -> Self {
        Self { places: Box::new([]), bits: 0, len: 0 }
    }

    #[inline]
    fn start(&self, hash: u32) -> usize {
        (hash >> (32 - self.bits)) as usize
    }

    /// The bits of the hash that do not choose the place, where a place has them.
    #[inline]
    fn tag(&self, hash: u32) -> u32 {
        hash << self.bits
    }

    #[inline]
    fn id(&self, place: u32) -> SlotId {
        place & ((1 << self.bits) - 1)
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.places.len() - 1)
    }

    /// The slot with this hash that `is` says yes to.
    #[inline]
    pub(super) fn find(&self, hash: u32, mut is: impl FnMut(SlotId) -> bool) -> Option<SlotId> {
        if self.len == 0 {
            return None;
        }
        let mut at = self.start(hash);
        loop {
            let place = *self.places.get(at)?;
            if place == FREE {
                return None;
            }
            let id = self.id(place);
            if place ^ id == self.tag(hash) && is(id) {
                return Some(id);
            }
            at = self.next(at);
        }
    }

    /// Adds a slot that is not in the table; its number is below the number of slots there are. `hash_of` gives the hashes
    /// of all that are in it.
    pub(super) fn insert(&mut self, hash: u32, id: SlotId, hash_of: &dyn Fn(SlotId) -> u32) {
        let room = |bits: u32| (1_u64 << bits) / 8 * 7;
        let needed = (self.len as u64 + 1).max(u64::from(id) + 1);
        if self.places.is_empty() || room(self.bits) < needed {
            let bits = (self.bits.max(FEWEST_BITS)..MOST_BITS).find(|bits| room(*bits) >= needed).unwrap_or(MOST_BITS);
            self.grow(bits, hash_of);
        }
        self.put(hash, id);
        self.len += 1;
    }

    fn put(&mut self, hash: u32, id: SlotId) {
        let mut at = self.start(hash);
        while self.places[at] != FREE {
            at = self.next(at);
        }
        self.places[at] = self.tag(hash) | id;
    }

    fn grow(&mut self, bits: u32, hash_of: &dyn Fn(SlotId) -> u32) {
        let mut larger = Self { places: vec![FREE; 1 << bits].into(), bits, len: self.len };
        for place in self.places.iter().filter(|place| **place != FREE) {
            let id = self.id(*place);
            larger.put(hash_of(id), id);
        }
        *self = larger;
    }

    /// Takes a slot out, if it is there.
    pub(super) fn remove(&mut self, hash: u32, id: SlotId, hash_of: &dyn Fn(SlotId) -> u32) {
        if self.len == 0 {
            return;
        }
        let wanted = self.tag(hash) | id;
        let mut hole = self.start(hash);
        while self.places[hole] != wanted {
            if self.places[hole] == FREE {
                return;
            }
            hole = self.next(hole);
        }
        self.len -= 1;
        let mut at = hole;
        loop {
            at = self.next(at);
            let place = self.places[at];
            if place == FREE {
                break;
            }
            // It may move back to the hole if its way from its start leads over it.
            let start = self.start(hash_of(self.id(place)));
            let mask = self.places.len() - 1;
            if at.wrapping_sub(start) & mask >= at.wrapping_sub(hole) & mask {
                self.places[hole] = place;
                hole = at;
            }
        }
        self.places[hole] = FREE;
    }

    /// All slots with this hash.
    pub(super) fn with_hash(&self, hash: u32) -> Vec<SlotId> {
        let mut all = Vec::new();
        self.find(hash, |id| {
            all.push(id);
            false
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// `SplitMix64`.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Runs the table beside a map from slots to hashes, with hashes cut to the bits of `mask`.
    fn check_against_map(mask: u32) {
        let (mut index, mut map) = (Index::new(), HashMap::<SlotId, u32>::new());
        let (mut state, mut free, mut next) = (7, Vec::new(), 0);
        for step in 0..20_000u32 {
            let drawn = random(&mut state);
            let grows = if step < 10_000 { 5 } else { 3 };
            if drawn % 8 < grows {
                let id = free.pop().unwrap_or_else(|| {
                    next += 1;
                    next - 1
                });
                let hash = (drawn >> 32) as u32 & mask;
                index.insert(hash, id, &|id| map[&id]);
                map.insert(id, hash);
            } else if let Some((id, hash)) = map.iter().next().map(|(id, hash)| (*id, *hash)) {
                index.remove(hash, id, &|id| map[&id]);
                map.remove(&id);
                free.push(id);
            }
            assert_eq!(index.len, map.len());
        }
        for (id, hash) in &map {
            assert_eq!(index.find(*hash, |found| found == *id), Some(*id));
            assert!(index.with_hash(*hash).contains(id));
        }
        for gone in &free {
            assert_eq!(index.find(gone.wrapping_mul(77) & mask, |found| found == *gone), None);
        }
    }

    #[test]
    fn it_holds_what_a_map_holds() {
        check_against_map(u32::MAX);
    }

    #[test]
    fn colliding_hashes_stay_apart() {
        for mask in [0, 0x8000_0001, 0xf000_0000, 0xf, u32::MAX << 24] {
            check_against_map(mask);
        }
    }

    #[test]
    fn the_highest_hash_is_no_free_place() {
        let mut index = Index::new();
        for id in 0..6 {
            index.insert(u32::MAX, id, &|_| u32::MAX);
        }
        assert_eq!(index.with_hash(u32::MAX), [0, 1, 2, 3, 4, 5]);
        assert_eq!(index.find(0, |_| true), None);
    }
}
