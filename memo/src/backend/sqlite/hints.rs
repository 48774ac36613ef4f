//! Where entries were found before. To find one by its number costs half as much as by its key; that it is still the right one is
//! up to who looks there.

use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

/// So many are remembered: 64 kB.
const SLOTS: usize = 8192;
/// Of a slot, so many bits are the number, and the others say whose it is.
const ID_BITS: u32 = 40;

pub(super) struct Hints(Box<[AtomicU64]>);

/// The slot of a key, and what tells it from others there.
#[derive(Clone, Copy)]
pub(super) struct Hint<'h> {
    slot: &'h AtomicU64,
    tag: u64,
}

impl Hints {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash do")]
    pub(super) fn of(&self, key: &[u8]) -> Hint<'_> {
        let hash = xxh3_64(key);
        Hint { slot: &self.0[hash as usize % SLOTS], tag: hash >> ID_BITS << ID_BITS }
    }
}

impl Hint<'_> {
    /// The number under which the key's entry was found, unless another key has taken the slot.
    pub(super) fn id(self) -> Option<i64> {
        let word = self.slot.load(Ordering::Relaxed);
        let id = word & ((1 << ID_BITS) - 1);
        (word == self.tag | id && id != 0).then_some(id.cast_signed())
    }

    /// Remembers the number. Those that are too large for a slot are found by their keys.
    pub(super) fn is(self, id: i64) {
        let fits = (1..1 << ID_BITS).contains(&id);
        self.slot.store(if fits { self.tag | id.cast_unsigned() } else { 0 }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_knows_whose_number_it_has() {
        let hints = Hints::new();
        let (one, other) =
            (hints.of(b"one"), Hint { tag: !hints.of(b"one").tag >> ID_BITS << ID_BITS, ..hints.of(b"one") });
        assert_eq!(one.id(), None);
        one.is(7);
        assert_eq!((one.id(), other.id()), (Some(7), None));
        for id in [0, -1, 1 << ID_BITS, i64::MAX] {
            one.is(1);
            one.is(id);
            assert_eq!((one.id(), other.id()), (None, None), "{id}");
        }
        other.is((1 << ID_BITS) - 1);
        assert_eq!((one.id(), other.id()), (None, Some((1 << ID_BITS) - 1)));
    }
}
