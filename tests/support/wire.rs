//! Values as bytes, as tests look at them.

use std::fmt::Debug;

use memo::{
    Error,
    wire::{Encoded, Wire},
};
use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

/// The codecs of serde types.
pub const SERDE: [&str; 4] = ["bincode", "postcard", "json", "msgpack"];

/// The largest size in bytes that tests believe.
pub const LIMIT: usize = 1 << 20;

/// A chain, by its text.
///
/// # Panics
/// If it is none.
pub fn wire(text: &str) -> Wire {
    Wire::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Decodes what was encoded.
///
/// # Errors
/// Those of the codec.
pub fn decode<T: DeserializeOwned>(encoded: &Encoded<'_>) -> Result<T, Error> {
    Wire::decode(encoded.codec, encoded.compressors, &encoded.bytes, LIMIT)
}

/// A value is the same after it was bytes.
///
/// # Panics
/// If it is not.
pub fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(codec: &str, value: &T) {
    let wire = wire(codec);
    let encoded = wire.encode(value).unwrap_or_else(|error| panic!("{codec}, {value:?}: {error}"));
    let back: T = decode(&encoded).unwrap_or_else(|error| panic!("{codec}, {value:?}: {error}"));
    assert_eq!(&back, value, "{codec}");
}

/// A codec refuses a value, says so by its name and these words, and keeps the error of its own.
///
/// # Panics
/// If it does not.
pub fn is_not_written<T: Serialize>(codec: &str, value: &T, said: &str) {
    let error = wire(codec).encode(value).err().unwrap_or_else(|| panic!("{codec} must refuse"));
    assert!(error.is_encoding(), "{codec}: {error}");
    let message = error.to_string();
    assert!(message.contains(codec) && message.contains(said), "{codec}: {message}");
    assert!(std::error::Error::source(&error).is_some(), "{codec}: the codec's own error is kept");
}

/// Bytes with a checksum at their end that is right for those before it.
///
/// # Panics
/// If there are less than eight.
pub fn vouched(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len().checked_sub(8).expect("a checksum has eight bytes");
    let checksum = xxh3_64(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}
