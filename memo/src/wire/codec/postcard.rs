//! `postcard`: as small and as fast as `bincode`, and maintained.

use postcard::{Deserializer, Error};
use serde::{Deserialize, Serialize, de::DeserializeSeed};

use super::Fault;
use crate::wire::guard::{Seed, Writing};

pub(super) fn encode<T: Serialize + ?Sized>(value: &Writing<'_, T>) -> Result<Vec<u8>, Error> {
    postcard::to_stdvec(value)
}

pub(super) fn decode<'de, T: Deserialize<'de>>(seed: Seed<'_, T>, bytes: &'de [u8]) -> Result<T, Fault<Error>> {
    let mut deserializer = Deserializer::from_bytes(bytes);
    let value = seed.deserialize(&mut deserializer)?;
    if deserializer.finalize()?.is_empty() { Ok(value) } else { Err(Fault::LeftOver) }
}
