//! `msgpack`: small, and with names, so fields may change their order.

use rmp_serde::{Deserializer, Serializer, decode, encode};
use serde::{Deserialize, Serialize, de::DeserializeSeed};

use super::Fault;
use crate::wire::guard::{Seed, Writing};

pub(super) fn encode<T: Serialize + ?Sized>(value: &Writing<'_, T>) -> Result<Vec<u8>, encode::Error> {
    let mut bytes = Vec::with_capacity(128);
    value.serialize(&mut Serializer::new(&mut bytes).with_struct_map())?;
    Ok(bytes)
}

pub(super) fn decode<'de, T: Deserialize<'de>>(seed: Seed<'_, T>, bytes: &'de [u8]) -> Result<T, Fault<decode::Error>> {
    let mut deserializer = Deserializer::from_read_ref(bytes);
    // `Seed` has a limit, the same for all codecs.
    deserializer.set_max_depth(usize::MAX);
    let value = seed.deserialize(&mut deserializer)?;
    // The deserializer does not say where it is, but fails like this only where nothing is left.
    match u8::deserialize(&mut deserializer) {
        Err(decode::Error::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(Fault::LeftOver),
    }
}
