//! Value to bytes and back.

mod bincode;

use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

/// A codec that the library brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Bincode,
}

impl Codec {
    pub(super) fn named(name: &str) -> Option<Self> {
        (name == "bincode").then_some(Self::Bincode)
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Bincode => "bincode",
        }
    }

    pub(super) fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, Error> {
        match self {
            Self::Bincode => bincode::encode(value),
        }
    }

    pub(super) fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Error> {
        match self {
            Self::Bincode => bincode::decode(bytes),
        }
    }
}
