//! Values of one type as bytes, for code that does not know the type.

use std::{any::Any, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use super::{Space, loaded::key_data};
use crate::{
    cache::Written,
    error::Error,
    wire::{Encoded, Through, Wire, shape_of},
};

/// Turns values of one type into bytes, and back.
pub trait Values: Send + Sync {
    fn encode<'w>(&self, value: &dyn Any, wire: &'w Wire) -> Result<Encoded<'w>, Error>;
    /// Decodes into `to`, an `Option` of the type, what went through a codec and compressors. `most` is the largest size in
    /// bytes that is believed.
    fn decode(&self, through: &Through, bytes: &[u8], most: usize, to: &mut dyn Any) -> Result<(), Error>;
    /// A fingerprint of the names and fields of the type.
    fn shape(&self) -> u64;
}

/// [`Values`] of a type that is known where it was made.
pub(crate) type AnyValues = &'static dyn Values;

/// Values of type `V`.
pub(crate) struct Of<V>(PhantomData<fn() -> V>);

impl<V> Of<V> {
    pub(crate) const VALUES: Self = Self(PhantomData);
}

impl<V: Serialize + DeserializeOwned + 'static> Values for Of<V> {
    fn encode<'w>(&self, value: &dyn Any, wire: &'w Wire) -> Result<Encoded<'w>, Error> {
        let value = value.downcast_ref::<V>().ok_or_else(another_type)?;
        wire.encode_checked(value)
    }

    fn decode(&self, through: &Through, bytes: &[u8], most: usize, to: &mut dyn Any) -> Result<(), Error> {
        let to = to.downcast_mut::<Option<V>>().ok_or_else(another_type)?;
        *to = Some(through.decode(bytes, most)?);
        Ok(())
    }

    fn shape(&self) -> u64 {
        shape_of::<V>()
    }
}

fn another_type() -> Error {
    Error::encoding("the value has another type than the function")
}

/// How the keys of a cache get into stores and back, and its values.
pub(crate) fn written<K, V>() -> Written<K>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned + 'static,
{
    Written { text: |key, to| to.value(key), data: key_data, read: Space::reopen::<K>, values: &Of::<V>::VALUES }
}
