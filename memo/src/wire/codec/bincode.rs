//! `bincode`, the default codec. The crate is used in this file only.

use bincode::config;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    bincode::serde::encode_to_vec(value, config::standard())
        .map_err(|error| Error::encoding(format!("`bincode` can't write this value: {error}")).with_source(error))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    match bincode::serde::borrow_decode_from_slice(bytes, config::standard()) {
        Ok((value, read)) if read == bytes.len() => Ok(value),
        Ok(_) => Err(Error::corrupt("`bincode`: bytes are left over")),
        Err(error) => Err(Error::corrupt(format!("`bincode` can't read this value: {error}")).with_source(error)),
    }
}
