//! The writing side: a `Serializer` around another.

use std::{cell::Cell, fmt::Display};

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{Depth, Elements, TOO_DEEP, TOO_MANY};
use crate::wire::shape::Reads;

/// What a codec reads back as the same value. The rest it would write, but read as something else, or not at all.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own")]
pub(in crate::wire) struct Rules {
    /// Structs of which fields are left out.
    pub(in crate::wire) left_out: bool,
    /// Sequences and maps of which the length is not known in advance.
    pub(in crate::wire) no_length: bool,
    /// `Some` of something that is written as `None` is.
    pub(in crate::wire) some_of_unit: bool,
    /// The same for unit structs.
    pub(in crate::wire) some_of_unit_struct: bool,
    /// Infinities and NaN.
    pub(in crate::wire) not_finite: bool,
}

impl Rules {
    /// Without names, the next field is taken for the missing one.
    pub(in crate::wire) const WITHOUT_NAMES: Self =
        Self { left_out: false, no_length: false, some_of_unit: true, some_of_unit_struct: true, not_finite: true };
    /// `None` and `()` both are `nil`.
    #[cfg(feature = "msgpack")]
    pub(in crate::wire) const MSGPACK: Self =
        Self { left_out: true, no_length: true, some_of_unit: false, some_of_unit_struct: true, not_finite: true };
    /// `None`, units, NaN and the infinities all are `null`.
    #[cfg(feature = "json")]
    pub(in crate::wire) const JSON: Self =
        Self { left_out: true, no_length: true, some_of_unit: false, some_of_unit_struct: false, not_finite: false };
    /// Codecs of one's own see to it themselves.
    pub(in crate::wire) const NONE: Self =
        Self { left_out: true, no_length: true, some_of_unit: true, some_of_unit_struct: true, not_finite: true };
}

/// Watches over the writing of one value.
pub(in crate::wire) struct Watch {
    rules: Rules,
    elements: Elements,
    /// What the type looks like to those who read it, if it is known.
    reads: Option<&'static Reads>,
    /// Why it was refused. Some codecs do not pass on what they are told.
    why: Cell<Option<String>>,
}

impl Watch {
    /// For values that are to be read with this `limit`, as such a type.
    pub(in crate::wire) fn new(rules: Rules, limit: usize, reads: Option<&'static Reads>) -> Self {
        Self { rules, elements: Elements::new(limit), reads, why: Cell::new(None) }
    }

    pub(in crate::wire) fn over<'v, T: ?Sized>(&'v self, value: &'v T) -> Writing<'v, T> {
        Writing { value, at: At { watch: self, depth: Depth::WRITING, in_some: false } }
    }

    /// Why the value was refused, if it was not the codec that did.
    pub(in crate::wire) fn why(self) -> Option<String> {
        self.why.into_inner()
    }

    #[cold]
    fn refuse<T, E: Error>(&self, why: impl Into<String>) -> Result<T, E> {
        let why = why.into();
        let error = E::custom(&why);
        self.why.set(Some(why));
        Err(error)
    }
}

/// A value that is watched while it is written.
pub(in crate::wire) struct Writing<'v, T: ?Sized> {
    value: &'v T,
    at: At<'v>,
}

impl<T: Serialize + ?Sized> Serialize for Writing<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guard { inner: serializer, at: self.at })
    }
}

#[derive(Clone, Copy)]
struct At<'w> {
    watch: &'w Watch,
    depth: Depth,
    /// Directly in a `Some`.
    in_some: bool,
}

impl At<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth.deeper() {
            Some(depth) => Ok(Self { depth, in_some: false, ..self }),
            None => self.watch.refuse(TOO_DEEP),
        }
    }

    fn element<E: Error>(self) -> Result<(), E> {
        if self.watch.elements.take() { Ok(()) } else { self.watch.refuse(TOO_MANY) }
    }

    fn unit<E: Error>(self, allowed: bool) -> Result<(), E> {
        if self.in_some && !allowed {
            return self.watch.refuse(
                "`Some(None)` and `Some(())` can't be told from `None` afterwards; `bincode` and `postcard` tell them apart",
            );
        }
        Ok(())
    }

    fn float<E: Error>(self, is_finite: bool) -> Result<(), E> {
        if !is_finite && !self.watch.rules.not_finite {
            return self.watch.refuse("it has no NaN and no infinities; the other codecs have them");
        }
        Ok(())
    }

    fn length<E: Error>(self, length: Option<usize>) -> Result<(), E> {
        if length.is_none() && !self.watch.rules.no_length {
            return self.watch.refuse(format!(
                "it needs the lengths of sequences and maps in advance, which are not known with `flatten`; {WITH_NAMES}"
            ));
        }
        Ok(())
    }

    fn left_out<E: Error>(self, field: &str) -> Result<(), E> {
        if !self.watch.rules.left_out {
            return self.watch.refuse(format!(
                "it writes no names of fields, so where `{field}` is left out (`skip_serializing_if`) the next would be taken for it; \
                 {WITH_NAMES}"
            ));
        }
        Ok(())
    }

    /// A tuple is written with so many parts.
    fn tuple<E: Error>(self, name: &'static str, variant: Option<&'static str>, len: usize) -> Result<(), E> {
        if self.watch.reads.is_some_and(|reads| !reads.takes((name, variant), len)) {
            let name = variant.map_or_else(|| name.to_owned(), |variant| format!("{name}::{variant}"));
            return self.watch.refuse(format!(
                "`{name}` is written with another number of parts ({len}) than it is read with, and no codec writes their names: where one \
                 is left out (`skip_serializing_if`), the next would be taken for it"
            ));
        }
        Ok(())
    }
}

const WITH_NAMES: &str = "`json` and `msgpack` write names";

struct Guard<'w, S> {
    inner: S,
    at: At<'w>,
}

macro_rules! forward {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method(self, $($name: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($name),*)
        }
    )*};
}

macro_rules! compound {
    ($($method:ident($($name:ident: $type:ty),*) -> $compound:ident)*) => {$(
        fn $method(self, $($name: $type),*) -> Result<Self::$compound, S::Error> {
            let at = self.at.deeper()?;
            Ok(Guard { inner: self.inner.$method($($name),*)?, at })
        }
    )*};
}

impl<'w, S: Serializer> Serializer for Guard<'w, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Guard<'w, S::SerializeSeq>;
    type SerializeTuple = Guard<'w, S::SerializeTuple>;
    type SerializeTupleStruct = Guard<'w, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Guard<'w, S::SerializeTupleVariant>;
    type SerializeMap = Guard<'w, S::SerializeMap>;
    type SerializeStruct = Guard<'w, S::SerializeStruct>;
    type SerializeStructVariant = Guard<'w, S::SerializeStructVariant>;

    forward! {
        serialize_bool(v: bool)
        serialize_i8(v: i8) serialize_i16(v: i16) serialize_i32(v: i32) serialize_i64(v: i64) serialize_i128(v: i128)
        serialize_u8(v: u8) serialize_u16(v: u16) serialize_u32(v: u32) serialize_u64(v: u64) serialize_u128(v: u128)
        serialize_char(v: char) serialize_str(v: &str) serialize_bytes(v: &[u8])
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str)
    }

    compound! {
        serialize_tuple(len: usize) -> SerializeTuple
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeStructVariant
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.at.tuple(name, None, len)?;
        let at = self.at.deeper()?;
        Ok(Guard { inner: self.inner.serialize_tuple_struct(name, len)?, at })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.at.tuple(name, Some(variant), len)?;
        let at = self.at.deeper()?;
        Ok(Guard { inner: self.inner.serialize_tuple_variant(name, index, variant, len)?, at })
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.at.length(len)?;
        let at = self.at.deeper()?;
        Ok(Guard { inner: self.inner.serialize_seq(len)?, at })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.at.length(len)?;
        let at = self.at.deeper()?;
        Ok(Guard { inner: self.inner.serialize_map(len)?, at })
    }

    fn serialize_f32(self, v: f32) -> Result<S::Ok, S::Error> {
        self.at.float(v.is_finite())?;
        self.inner.serialize_f32(v)
    }

    fn serialize_f64(self, v: f64) -> Result<S::Ok, S::Error> {
        self.at.float(v.is_finite())?;
        self.inner.serialize_f64(v)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.at.unit(self.at.watch.rules.some_of_unit)?;
        self.inner.serialize_none()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.at.unit(self.at.watch.rules.some_of_unit)?;
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.at.unit(self.at.watch.rules.some_of_unit_struct)?;
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let at = At { in_some: true, ..self.at.deeper()? };
        self.inner.serialize_some(&Writing { value, at })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        // A newtype is written as what is in it.
        let at = At { in_some: self.at.in_some, ..self.at.deeper()? };
        self.inner.serialize_newtype_struct(name, &Writing { value, at })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let at = self.at.deeper()?;
        self.inner.serialize_newtype_variant(name, index, variant, &Writing { value, at })
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($compound:ident: $method:ident $(=> $counted:ident)?)*) => {$(
        impl<S: $compound> $compound for Guard<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                $(self.at.$counted()?;)?
                self.inner.$method(&Writing { value, at: self.at })
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

elements! {
    SerializeSeq: serialize_element => element
    SerializeTuple: serialize_element
    SerializeTupleStruct: serialize_field
    SerializeTupleVariant: serialize_field
}

macro_rules! fields {
    ($($compound:ident)*) => {$(
        impl<S: $compound> $compound for Guard<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), S::Error> {
                self.inner.serialize_field(key, &Writing { value, at: self.at })
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
                self.at.left_out(key)?;
                self.inner.skip_field(key)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

impl<S: SerializeMap> SerializeMap for Guard<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.at.element()?;
        self.inner.serialize_key(&Writing { value, at: self.at })
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.inner.serialize_value(&Writing { value, at: self.at })
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), S::Error> {
        let at = self.at;
        at.element()?;
        self.inner.serialize_entry(&Writing { value: key, at }, &Writing { value, at })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}
