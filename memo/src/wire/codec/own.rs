//! Codecs of one's own.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use parking_lot::RwLock;
use serde::{Serialize, de::DeserializeOwned, de::DeserializeSeed};

use super::Fault;
use crate::{
    error::Error,
    wire::guard::{Seed, Writing},
};

/// A codec of one's own. See [`register_codec`].
///
/// The library bounds how deep values nest, for these codecs too. A codec must refuse what it can't read back as the same value.
pub trait Codec: Send + Sync + 'static {
    /// The value as bytes.
    ///
    /// # Errors
    ///
    /// If the codec can't write this value.
    fn encode(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, Error>;

    /// Hands `read` a deserializer of these bytes, once, and gives back what it says. Bytes that are left over are an error.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a value.
    fn decode(&self, bytes: &[u8], read: Read<'_>) -> Result<(), Error>;
}

/// What [`Codec::decode`] hands its deserializer to.
pub type Read<'a> = &'a mut dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), Error>;

/// A codec with its name.
pub(in crate::wire) struct Own {
    name: String,
    codec: Box<dyn Codec>,
}

static REGISTERED: LazyLock<RwLock<HashMap<String, Arc<Own>>>> = LazyLock::new(RwLock::default);

/// Makes a codec of one's own known, for `codec=name`. It stays known as long as the process lives.
///
/// ```
/// use memo::{Error, wire::{self, Codec, Read, Wire, erased_serde}};
///
/// /// JSON that people like to look at.
/// struct Pretty;
///
/// impl Codec for Pretty {
///     fn encode(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, Error> {
///         serde_json::to_vec_pretty(value).map_err(|error| Error::encoding(error.to_string()))
///     }
///
///     fn decode(&self, bytes: &[u8], read: Read<'_>) -> Result<(), Error> {
///         let mut json = serde_json::Deserializer::from_slice(bytes);
///         read(&mut <dyn erased_serde::Deserializer>::erase(&mut json))?;
///         json.end().map_err(|error| Error::corrupt(error.to_string()))
///     }
/// }
///
/// wire::register_codec("pretty", Pretty)?;
/// let encoded = Wire::parse("pretty")?.encode(&[1, 2])?.bytes;
/// assert_eq!(encoded, b"[\n  1,\n  2\n]");
/// # Ok::<(), memo::Error>(())
/// ```
///
/// # Errors
///
/// If the name is taken, or is not made of at most 32 lower-case letters, digits, `-`, `_` and `.`.
pub fn register_codec(name: &str, codec: impl Codec) -> Result<(), Error> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 32 || !name.bytes().all(is_name) {
        return Err(Error::config(format!(
            "`{name}` can't be a codec's name: 1 to 32 lower-case letters, digits, `-`, `_` and `.`"
        )));
    }
    if super::is_ours(name) || crate::wire::compress::is_name(name) {
        return Err(Error::config(format!("`{name}` is a name of the library's own")));
    }
    let mut registered = REGISTERED.write();
    if registered.contains_key(name) {
        return Err(Error::config(format!("a codec `{name}` was registered before")));
    }
    registered.insert(name.to_owned(), Arc::new(Own { name: name.to_owned(), codec: Box::new(codec) }));
    Ok(())
}

pub(super) fn named(name: &str) -> Option<Arc<Own>> {
    REGISTERED.read().get(name).cloned()
}

/// The names that are registered, in their order.
pub(super) fn names() -> Vec<String> {
    let mut names: Vec<_> = REGISTERED.read().keys().cloned().collect();
    names.sort_unstable();
    names
}

impl Own {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn encode<T: Serialize + ?Sized>(&self, value: &Writing<'_, T>) -> Result<Vec<u8>, Error> {
        self.codec.encode(value)
    }

    pub(super) fn decode<T: DeserializeOwned>(&self, seed: Seed<'_, T>, bytes: &[u8]) -> Result<T, Fault<Error>> {
        let (mut seed, mut value) = (Some(seed), None);
        self.codec.decode(bytes, &mut |deserializer| {
            let seed = seed.take().ok_or_else(|| Error::corrupt("it read the value twice"))?;
            let read = seed.deserialize(deserializer);
            value = Some(read.map_err(|error| Error::corrupt(error.to_string()).with_source(error))?);
            Ok(())
        })?;
        value.ok_or_else(|| Fault::Codec(Error::corrupt("it did not read the value")))
    }
}
