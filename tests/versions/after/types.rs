//! Row 34; promise 6: what the functions return, after it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
/// Now it has a doc comment.
#[rustfmt::skip]
pub(crate) struct Layout {
    /// Its only field.
    pub(crate) number : u32 // The number.
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Swapped {
    pub height: u32,
    pub width: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Renamed {
    pub minutes: u32,
}

impl Renamed {
    pub fn of(number: u32) -> Self {
        Self { minutes: number }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Widened {
    pub number: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outer {
    pub inner: Inner,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inner {
    pub minutes: u32,
}

impl Inner {
    pub fn of(number: u32) -> Self {
        Self { minutes: number }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Variant {
    #[allow(dead_code)]
    Right(u32),
    Left(u32),
}
