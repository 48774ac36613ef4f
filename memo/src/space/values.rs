//! Values of one type as bytes, for code that does not know the type.

use std::{any::Any, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::Error,
    wire::{self, Encoded, Frame, Wire},
};

/// Turns values of one type into bytes, and back.
pub(crate) trait Values: Send + Sync {
    fn encode(&self, value: &dyn Any, wire: &Wire) -> Result<Encoded, Error>;
    /// Decodes into `to`, an `Option` of the type.
    fn decode(&self, frame: &Frame<'_>, wire: &Wire, to: &mut dyn Any) -> Result<(), Error>;
    /// A fingerprint of the names and fields of the type.
    fn shape(&self) -> Result<u64, Error>;
}

/// Values of type `V`.
pub(crate) struct Of<V>(PhantomData<fn() -> V>);

impl<V> Of<V> {
    pub(crate) const VALUES: Self = Self(PhantomData);
}

impl<V: Serialize + DeserializeOwned + 'static> Values for Of<V> {
    fn encode(&self, value: &dyn Any, wire: &Wire) -> Result<Encoded, Error> {
        let value = value.downcast_ref::<V>().ok_or_else(|| Error::encoding("the value has another type"))?;
        wire.encode(value)
    }

    fn decode(&self, frame: &Frame<'_>, wire: &Wire, to: &mut dyn Any) -> Result<(), Error> {
        let to = to.downcast_mut::<Option<V>>().ok_or_else(|| Error::encoding("the value has another type"))?;
        *to = Some(wire.decode(frame)?);
        Ok(())
    }

    fn shape(&self) -> Result<u64, Error> {
        wire::shape_of::<V>()
    }
}
