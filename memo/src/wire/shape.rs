//! A fingerprint of what a type looks like to serde.

use serde::de::DeserializeOwned;

/// A fingerprint of what a type looks like to serde: names and order of fields, names of types and variants, nested.
pub fn shape_of<T: DeserializeOwned>() -> u64 {
    0
}
