//! The writing side: a `Serializer` around another.

use std::fmt::Display;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{Depth, TOO_DEEP};

/// What a codec would write, but not read back as the same value.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Rules {
    /// Fields that are left out: without names, the next field is taken for the missing one.
    pub(in crate::wire) left_out: bool,
    /// `Some` of something that is written as `None` is.
    pub(in crate::wire) some_of_unit: bool,
    /// The same for unit structs.
    pub(in crate::wire) some_of_unit_struct: bool,
    /// Infinities and NaN.
    pub(in crate::wire) not_finite: bool,
}

/// A value that is written under a codec's rules.
pub(in crate::wire) struct Writing<'v, T: ?Sized> {
    value: &'v T,
    at: At,
}

impl<'v, T: ?Sized> Writing<'v, T> {
    pub(in crate::wire) fn new(value: &'v T, rules: &'static Rules) -> Self {
        Self { value, at: At { rules, depth: Depth::WRITING, in_some: false } }
    }
}

impl<T: Serialize + ?Sized> Serialize for Writing<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guard { inner: serializer, at: self.at })
    }
}

#[derive(Clone, Copy)]
struct At {
    rules: &'static Rules,
    depth: Depth,
    /// Directly in a `Some`.
    in_some: bool,
}

impl At {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.deeper().ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Self { depth, in_some: false, ..self })
    }

    fn unit<E: Error>(self, allowed: bool) -> Result<(), E> {
        if self.in_some && !allowed {
            return Err(E::custom("`Some(None)` and `Some(())` can't be told from `None` afterwards"));
        }
        Ok(())
    }

    fn float<E: Error>(self, is_finite: bool) -> Result<(), E> {
        if !is_finite && !self.rules.not_finite {
            return Err(E::custom("NaN and infinities can't be written"));
        }
        Ok(())
    }

    fn left_out<E: Error>(self, field: &str) -> Result<(), E> {
        if self.rules.left_out {
            return Ok(());
        }
        Err(E::custom(format_args!(
            "the field `{field}` is left out (`skip_serializing_if`), and without names the next one would be taken for it"
        )))
    }
}

struct Guard<S> {
    inner: S,
    at: At,
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

impl<S: Serializer> Serializer for Guard<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Guard<S::SerializeSeq>;
    type SerializeTuple = Guard<S::SerializeTuple>;
    type SerializeTupleStruct = Guard<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Guard<S::SerializeTupleVariant>;
    type SerializeMap = Guard<S::SerializeMap>;
    type SerializeStruct = Guard<S::SerializeStruct>;
    type SerializeStructVariant = Guard<S::SerializeStructVariant>;

    forward! {
        serialize_bool(v: bool)
        serialize_i8(v: i8) serialize_i16(v: i16) serialize_i32(v: i32) serialize_i64(v: i64) serialize_i128(v: i128)
        serialize_u8(v: u8) serialize_u16(v: u16) serialize_u32(v: u32) serialize_u64(v: u64) serialize_u128(v: u128)
        serialize_char(v: char) serialize_str(v: &str) serialize_bytes(v: &[u8])
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str)
    }

    compound! {
        serialize_seq(len: Option<usize>) -> SerializeSeq
        serialize_tuple(len: usize) -> SerializeTuple
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeTupleVariant
        serialize_map(len: Option<usize>) -> SerializeMap
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeStructVariant
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
        self.at.unit(self.at.rules.some_of_unit)?;
        self.inner.serialize_none()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.at.unit(self.at.rules.some_of_unit)?;
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.at.unit(self.at.rules.some_of_unit_struct)?;
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
    ($($compound:ident: $method:ident)*) => {$(
        impl<S: $compound> $compound for Guard<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.inner.$method(&Writing { value, at: self.at })
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

elements! {
    SerializeSeq: serialize_element
    SerializeTuple: serialize_element
    SerializeTupleStruct: serialize_field
    SerializeTupleVariant: serialize_field
}

macro_rules! fields {
    ($($compound:ident)*) => {$(
        impl<S: $compound> $compound for Guard<S> {
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

impl<S: SerializeMap> SerializeMap for Guard<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
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
        self.inner.serialize_entry(&Writing { value: key, at }, &Writing { value, at })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}
