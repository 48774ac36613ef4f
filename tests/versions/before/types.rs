//! Row 34; promise 6: what the functions return, before the change.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layout {
    pub number: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Swapped {
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Renamed {
    pub seconds: u32,
}

impl Renamed {
    pub fn of(number: u32) -> Self {
        Self { seconds: number }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Widened {
    pub number: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outer {
    pub inner: Inner,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inner {
    pub seconds: u32,
}

impl Inner {
    pub fn of(number: u32) -> Self {
        Self { seconds: number }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Variant {
    Left(u32),
    #[allow(dead_code)]
    Right(u32),
}
