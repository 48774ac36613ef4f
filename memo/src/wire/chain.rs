//! What a value goes through on its way to a store.

use std::str::FromStr;

use serde::{Serialize, de::DeserializeOwned};

use super::codec::Codec;
use crate::{backend::Url, error::Error};

/// What a value goes through on its way to a store: a codec, then compressors.
#[derive(Clone, Debug)]
pub struct Wire {
    codec: Codec,
    compressors: String,
}

/// A value as bytes, and what it went through.
#[derive(Clone, Debug)]
pub struct Encoded<'w> {
    /// What [`Frame::codec`](super::Frame::codec) says.
    pub codec: &'w str,
    /// What [`Frame::compressors`](super::Frame::compressors) says.
    pub compressors: &'w str,
    /// What [`Frame::value`](super::Frame::value) is.
    pub bytes: Vec<u8>,
}

impl Wire {
    /// Reads a text such as `bincode+zstd?level=3&threads=2`.
    ///
    /// # Errors
    ///
    /// Names what is wrong and what is allowed in its place.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let codec = Codec::named(text).ok_or_else(|| Error::config(format!("unknown codec `{text}`")))?;
        Ok(Self { codec, compressors: String::new() })
    }

    /// What a store's URL says by `codec`, `level`, `threads`, `threshold` and `max_value`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn of(url: &Url) -> Result<Self, Error> {
        Self::parse(url.param("codec").unwrap_or("bincode"))
    }

    /// The value as bytes.
    ///
    /// # Errors
    ///
    /// [`Error::is_encoding`] if the codec can't write it.
    pub fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Encoded<'_>, Error> {
        Ok(Encoded { codec: self.codec.name(), compressors: &self.compressors, bytes: self.codec.encode(value)? })
    }

    /// The value of a frame, by what the frame names, whatever is configured now.
    ///
    /// # Errors
    ///
    /// [`Error::is_corrupt`] if the bytes are not such a value, need more than `limit` bytes, or what wrote them is not known here.
    pub fn decode<T: DeserializeOwned>(codec: &str, compressors: &str, bytes: &[u8], limit: usize) -> Result<T, Error> {
        let _ = (compressors, limit);
        let codec = Codec::named(codec).ok_or_else(|| Error::corrupt(format!("unknown codec `{codec}`")))?;
        codec.decode(bytes)
    }

    /// As [`decode`](Self::decode), into a place that is there already.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode); then the place is as it was.
    pub fn decode_into<T: DeserializeOwned>(
        slot: &mut Option<T>,
        codec: &str,
        compressors: &str,
        bytes: &[u8],
        limit: usize,
    ) -> Result<(), Error> {
        *slot = Some(Self::decode(codec, compressors, bytes, limit)?);
        Ok(())
    }

    /// The most bytes that a value may have: the limit to decode with.
    pub fn max_value(&self) -> usize {
        256 << 20
    }
}

impl FromStr for Wire {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}
