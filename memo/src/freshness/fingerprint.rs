//! What a dependency looked like when somebody looked: bytes that stand with an entry, to be compared with later ones.
//!
//! A fingerprint is a state, a hash of 16 bytes, or several fingerprints and how they count together. The bytes mean the same in
//! every process.

use std::{hash::Hasher, sync::Arc};

/// The hash of a state follows.
const ONE: u8 = 0;
/// A number of fingerprints follows; all of them have to change.
const ALL: u8 = 1;
/// A number of fingerprints follows; one of them has to change.
const ANY: u8 = 2;

/// What a dependency looked like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(Arc<[u8]>);

impl Fingerprint {
    /// One that was stored. Bytes that never were one differ from all.
    #[cfg(feature = "stores")]
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    #[cfg(feature = "stores")]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Has the dependency changed since it looked like `then`? Where nobody looked then, nobody knows, so it has.
    pub(crate) fn has_changed_since(&self, then: Option<&Self>) -> bool {
        let Some(then) = then else { return true };
        if self == then {
            return false;
        }
        let (mut now, mut then) = (&*self.0, &*then.0);
        changed(&mut now, &mut then) != Some(false) || !then.is_empty()
    }
}

/// A fingerprint in the making.
#[derive(Default)]
pub(crate) struct Sketch(Vec<u8>);

impl Sketch {
    pub(crate) fn state(&mut self, hash: u128) {
        self.0.push(ONE);
        self.0.extend_from_slice(&hash.to_le_bytes());
    }

    /// So many fingerprints follow, of which all have to change.
    pub(crate) fn all(&mut self, number: usize) {
        self.several(ALL, number);
    }

    /// So many fingerprints follow, of which one has to change.
    pub(crate) fn any(&mut self, number: usize) {
        self.several(ANY, number);
    }

    fn several(&mut self, form: u8, number: usize) {
        self.0.push(form);
        self.0.extend_from_slice(&(number as u64).to_le_bytes());
    }

    pub(crate) fn finish(self) -> Fingerprint {
        Fingerprint(self.0.into())
    }
}

/// Takes one fingerprint off both, and compares them. `None` if they have two forms.
fn changed(now: &mut &[u8], then: &mut &[u8]) -> Option<bool> {
    let form = *now.split_off_first()?;
    if *then.split_off_first()? != form {
        return None;
    }
    if form == ONE {
        return Some(now.split_off(..16)? != then.split_off(..16)?);
    }
    let number = now.split_off(..8)?;
    if then.split_off(..8)? != number {
        return None;
    }
    let number = u64::from_le_bytes(number.try_into().ok()?);
    let (mut all, mut any) = (number > 0, false);
    for _ in 0..number {
        let one = changed(now, then)?;
        (all, any) = (all && one, any || one);
    }
    Some(if form == ALL { all } else { any })
}

/// FNV-1a with 128 bits: the same on every machine and in every version, in a few lines. Nobody who could choose what is hashed
/// would gain from two states that look alike, but for the user, who would deceive himself.
pub(crate) struct Fnv(u128);

impl Fnv {
    /// `what` keeps the states of different things apart.
    pub(crate) fn new(what: &str) -> Self {
        let mut hasher = Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        hasher.write(what.as_bytes());
        hasher.write(&[0xff]);
        hasher
    }

    pub(crate) fn hash(&self) -> u128 {
        self.0
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the trait wants half of it")]
    fn finish(&self) -> u64 {
        self.0 as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(make: impl FnOnce(&mut Sketch)) -> Fingerprint {
        let mut sketch = Sketch::default();
        make(&mut sketch);
        sketch.finish()
    }

    fn pair(form: fn(&mut Sketch, usize), states: [u128; 2]) -> Fingerprint {
        sketch(|sketch| {
            form(sketch, 2);
            for state in states {
                sketch.state(state);
            }
        })
    }

    #[test]
    fn one_of_any_and_all_of_all_have_to_change() {
        let then = [Sketch::any, Sketch::all].map(|form| pair(form, [1, 2]));
        let pairs = |states| [Sketch::any, Sketch::all].map(|form| pair(form, states)).into_iter().zip(&then);
        let changed = |states| pairs(states).map(|(now, then)| now.has_changed_since(Some(then))).collect::<Vec<_>>();
        assert_eq!(changed([1, 2]), [false, false]);
        assert_eq!(changed([3, 2]), [true, false]);
        assert_eq!(changed([1, 3]), [true, false]);
        assert_eq!(changed([3, 4]), [true, true]);
    }

    #[test]
    fn of_nothing_nothing_changes() {
        for form in [Sketch::any, Sketch::all] {
            let nothing = sketch(|sketch| form(sketch, 0));
            assert!(!nothing.has_changed_since(Some(&nothing.clone())));
        }
    }

    #[test]
    fn what_has_another_form_has_changed() {
        let now = pair(Sketch::all, [1, 2]);
        assert!(now.has_changed_since(None));
        let one = sketch(|sketch| sketch.state(1));
        let longer = [&now.0[..], &[0]].concat();
        let others = [&now.0[..now.0.len() - 1], &longer, &one.0, &pair(Sketch::any, [1, 2]).0, &[]];
        for other in others {
            assert!(now.has_changed_since(Some(&Fingerprint(other.into()))), "{other:?}");
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // Of the text "a"; draft-eastlake-fnv.
        let mut hasher = Fnv(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        hasher.write(b"a");
        assert_eq!(hasher.hash(), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
