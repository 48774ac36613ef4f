//! What stands between user types and every codec, so that bytes are decoded as the value that was encoded, or not at all.
//!
//! Writing refuses what a codec would write without complaint, but could not read back as the same value. Reading bounds what
//! hostile bytes can do: how deep they nest (the stack), how many elements they claim, how much room is made in advance. Both
//! sides count alike, so what is written can be read.

mod de;
mod ser;

use std::cell::Cell;

pub(super) use self::{
    de::{Bounds, Seed},
    ser::{Rules, Watch, Writing},
};

/// How many sequences, maps, structs, variants, options and newtypes may stand in each other.
const DEPTH: u32 = 128;

/// How much deeper it may go.
#[derive(Clone, Copy)]
struct Depth(u32);

impl Depth {
    const WRITING: Self = Self(DEPTH);
    /// What is one level when it is written is two when it is read, at most: a variant, and the fields of it.
    const READING: Self = Self(2 * DEPTH + 1);

    #[inline]
    fn deeper(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

/// How many elements there may be in any case.
const ELEMENTS: usize = 64 * 1024;

/// How many more elements there may be in the sequences and maps of a value. Of those that have bytes there can't be more than
/// bytes, so this bounds those that have none (`Vec<()>`), of which a few bytes can claim any number. What the type itself
/// fixes (fields, parts of tuples) is not counted.
struct Elements(Cell<usize>);

impl Elements {
    /// For values of at most `limit` bytes.
    fn new(limit: usize) -> Self {
        Self(Cell::new(limit.max(ELEMENTS)))
    }

    /// Counts one; false if it is one too many.
    #[inline]
    fn take(&self) -> bool {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

const TOO_MANY: &str = "there are more elements than `max_value` allows bytes";

const TOO_DEEP: &str = "the value nests deeper than 128 levels";
