//! `raw`: bytes and texts as they are, without even a length.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, SeqAccess, Visitor, value::Error},
    forward_to_deserialize_any,
    ser::{self, Impossible},
};

use super::Fault;
use crate::wire::guard::{Seed, Writing};

pub(super) fn encode<T: Serialize + ?Sized>(value: &Writing<'_, T>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    value.serialize(Writer { bytes: &mut bytes, inside: false })?;
    Ok(bytes)
}

pub(super) fn decode<'de, T: Deserialize<'de>>(seed: Seed<'_, T>, bytes: &'de [u8]) -> Result<T, Fault<Error>> {
    Ok(seed.deserialize(Reader(bytes))?)
}

#[cold]
fn refused<T>(what: &str) -> Result<T, Error> {
    Err(ser::Error::custom(format_args!("{TAKES}, and this has {what}")))
}

const TAKES: &str = "it takes bytes, texts and sequences of `u8`, as they are";

/// Takes bytes, or, inside of a sequence, one byte.
struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    inside: bool,
}

impl Writer<'_> {
    fn extend(self, bytes: &[u8]) -> Result<(), Error> {
        if self.inside {
            return refused("texts or bytes inside of a sequence");
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sequence(self, len: usize) -> Result<Self, Error> {
        if self.inside {
            return refused("a sequence inside of a sequence");
        }
        self.bytes.reserve_exact(len);
        Ok(Self { inside: true, ..self })
    }

    fn push<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
        element.serialize(Writer { bytes: self.bytes, inside: true })
    }
}

macro_rules! refuse {
    ($($what:literal: $($method:ident($($type:ty),*) $(-> $result:ident)?),*;)*) => {$($(
        fn $method(self, $(_: $type),*) -> Result<refuse!(@result $($result)?), Error> {
            refused($what)
        }
    )*)*};
    (@result) => { () };
    (@result $result:ident) => { Self::$result };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Writer<'a>;
    type SerializeTuple = Writer<'a>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.extend(bytes)
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.extend(text.as_bytes())
    }

    fn serialize_u8(self, byte: u8) -> Result<(), Error> {
        if !self.inside {
            return refused("a number");
        }
        self.bytes.push(byte);
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Writer<'a>, Error> {
        self.sequence(len.unwrap_or_default())
    }

    fn serialize_tuple(self, len: usize) -> Result<Writer<'a>, Error> {
        self.sequence(len)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Error> {
        refused("an option")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        refused("an enum")
    }

    refuse! {
        "a number": serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64), serialize_i128(i128),
            serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_u128(u128), serialize_f32(f32), serialize_f64(f64);
        "a boolean": serialize_bool(bool);
        "a character": serialize_char(char);
        "an option": serialize_none();
        "`()`": serialize_unit();
        "a map": serialize_map(Option<usize>) -> SerializeMap;
        "a struct": serialize_unit_struct(&'static str),
            serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct,
            serialize_struct(&'static str, usize) -> SerializeStruct;
        "an enum": serialize_unit_variant(&'static str, u32, &'static str),
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant,
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl ser::SerializeSeq for Writer<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
        self.push(element)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl ser::SerializeTuple for Writer<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
        self.push(element)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

/// Gives all bytes, to those who ask for what these can be.
struct Reader<'de>(&'de [u8]);

impl<'de> Reader<'de> {
    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = str::from_utf8(self.0).map_err(de::Error::custom)?;
        visitor.visit_borrowed_str(text)
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom(format_args!("{TAKES}, and the type asks for something else")))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.0)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.text(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements(self.0.iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        if self.0.len() != len {
            return Err(de::Error::invalid_length(self.0.len(), &visitor));
        }
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char option unit unit_struct tuple_struct map struct enum
        identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Elements<'de>(std::slice::Iter<'de, u8>);

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0.next().map(|byte| seed.deserialize(Byte(*byte))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Not `serde::de::value::U8Deserializer`, which also passes for a `u16`.
struct Byte(u8);

impl<'de> Deserializer<'de> for Byte {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom(format_args!("{TAKES}, and the type asks for other elements")))
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u8(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
