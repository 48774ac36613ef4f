//! What serde says of a key, in the notation of [`Text`].

use std::fmt::{Display, Write as _};

use serde::ser::{self, Serialize};

use super::{Failed, Text};

/// Parts between brackets, of a known notation.
pub struct Parts<'t> {
    text: &'t mut Text,
    close: &'static str,
    first: bool,
}

impl<'t> Parts<'t> {
    fn begin(text: &'t mut Text, open: &str, close: &'static str) -> Self {
        text.put(open);
        Self { text, close, first: true }
    }

    fn next(&mut self) -> &mut Text {
        if !std::mem::replace(&mut self.first, false) {
            self.text.put(",");
        }
        self.text
    }

    fn finish(self) {
        self.text.put(self.close);
    }
}

/// The entries of a map, in the order of their texts.
pub struct Map<'t> {
    text: &'t mut Text,
    entries: Vec<String>,
}

macro_rules! integers {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<(), Failed> {
            self.put(itoa::Buffer::new().format(value));
            Ok(())
        }
    )*};
}

impl<'t> ser::Serializer for &'t mut Text {
    type Ok = ();
    type Error = Failed;
    type SerializeSeq = Parts<'t>;
    type SerializeTuple = Parts<'t>;
    type SerializeTupleStruct = Parts<'t>;
    type SerializeTupleVariant = Parts<'t>;
    type SerializeMap = Map<'t>;
    type SerializeStruct = Parts<'t>;
    type SerializeStructVariant = Parts<'t>;

    fn serialize_bool(self, value: bool) -> Result<(), Failed> {
        self.put(if value { "true" } else { "false" });
        Ok(())
    }

    integers! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Failed> {
        self.float(value.into(), value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Failed> {
        self.float(value, value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Failed> {
        self.quoted('\'', value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Failed> {
        self.quoted('"', value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failed> {
        self.put("0x");
        for byte in value {
            let _ = write!(self.0, "{byte:02x}");
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Failed> {
        self.put("None");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failed> {
        self.put("Some(");
        value.serialize(&mut *self)?;
        self.put(")");
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Failed> {
        self.put("()");
        Ok(())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Failed> {
        self.name(name);
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Failed> {
        self.name(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Failed> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        self.name(variant);
        self.put("(");
        value.serialize(&mut *self)?;
        self.put(")");
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'t>, Failed> {
        Ok(Parts::begin(self, "[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'t>, Failed> {
        Ok(Parts::begin(self, "(", ")"))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Parts<'t>, Failed> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Parts<'t>, Failed> {
        self.name(variant);
        self.serialize_tuple(len)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'t>, Failed> {
        Ok(Map { text: self, entries: Vec::new() })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'t>, Failed> {
        Ok(Parts::begin(self, "{", "}"))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Parts<'t>, Failed> {
        self.name(variant);
        self.serialize_struct(name, len)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Failed> {
        self.quoted('"', &value.to_string());
        Ok(())
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident)*) => {$(
        impl ser::$trait for Parts<'_> {
            type Ok = ();
            type Error = Failed;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                value.serialize(self.next())
            }

            fn end(self) -> Result<(), Failed> {
                self.finish();
                Ok(())
            }
        }
    )*};
}
elements!(SerializeSeq::serialize_element SerializeTuple::serialize_element);
elements!(SerializeTupleStruct::serialize_field SerializeTupleVariant::serialize_field);

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl ser::$trait for Parts<'_> {
            type Ok = ();
            type Error = Failed;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Failed> {
                let text = self.next();
                text.name(name);
                text.put(":");
                value.serialize(text)
            }

            fn end(self) -> Result<(), Failed> {
                self.finish();
                Ok(())
            }
        }
    )*};
}
fields!(SerializeStruct SerializeStructVariant);

impl ser::SerializeMap for Map<'_> {
    type Ok = ();
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        let mut text = Text::default();
        key.serialize(&mut text)?;
        self.entries.push(text.0);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let mut text = Text(self.entries.pop().unwrap_or_default());
        text.put(":");
        value.serialize(&mut text)?;
        self.entries.push(text.0);
        Ok(())
    }

    fn end(self) -> Result<(), Failed> {
        let Self { text, mut entries } = self;
        entries.sort_unstable();
        text.put("{");
        text.put(&entries.join(","));
        text.put("}");
        Ok(())
    }
}
