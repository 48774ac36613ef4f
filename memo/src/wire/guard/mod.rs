//! What stands between user types and every codec, so that bytes are decoded as the value that was encoded, or not at all.
//!
//! Writing refuses what a codec would write without complaint, but could not read back as the same value. Reading bounds what
//! hostile bytes can do: how deep they nest (the stack), how many elements they claim, how much room is made in advance. What
//! is written can be read.

mod de;
mod ser;

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

    fn deeper(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

const TOO_DEEP: &str = "the value nests deeper than 128 levels";
