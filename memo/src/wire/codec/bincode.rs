//! `bincode`: the default. The crate is used in this file only; its format is fixed by the frames that are in stores.

use bincode::{
    config::{self, Configuration},
    error::{DecodeError, EncodeError},
};
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::wire::guard::{Seed, Writing};

/// Little-endian, integers in as few bytes as they need. Without a limit of bincode's own: `Seed` has it borrow texts and bytes, which
/// are checked against the input before they are copied, and bounds everything else.
const CONFIG: Configuration = config::standard();

/// What is made room for at first, in bytes: many values need no more, and all would make it step by step, from nothing.
const ROOM: usize = 256;

pub(super) fn encode<T: Serialize + ?Sized>(value: &Writing<'_, T>) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(ROOM);
    bincode::serde::encode_into_std_write(value, &mut bytes, CONFIG)?;
    Ok(bytes)
}

pub(super) fn decode<'de, T: Deserialize<'de>>(seed: Seed<'_, T>, bytes: &'de [u8]) -> Result<T, Fault<DecodeError>> {
    let (value, read) = bincode::serde::seed_decode_from_slice(seed, bytes, CONFIG)?;
    if read < bytes.len() { Err(Fault::LeftOver) } else { Ok(value) }
}
