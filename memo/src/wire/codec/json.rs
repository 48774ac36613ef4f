//! `json`: for people and other programs to read.

use serde::{Deserialize, Serialize, de::DeserializeSeed};
use serde_json::{Deserializer, Error};

use super::Fault;
use crate::wire::guard::{Seed, Writing};

pub(super) fn encode<T: Serialize + ?Sized>(value: &Writing<'_, T>) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value)
}

pub(super) fn decode<'de, T: Deserialize<'de>>(seed: Seed<'_, T>, bytes: &'de [u8]) -> Result<T, Fault<Error>> {
    let mut deserializer = Deserializer::from_slice(bytes);
    // `Seed` has a limit, the same for all codecs.
    deserializer.disable_recursion_limit();
    let value = seed.deserialize(&mut deserializer)?;
    deserializer.end().map_err(|_| Fault::LeftOver)?;
    Ok(value)
}
