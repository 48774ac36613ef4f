//! Keys as text: what byte stores compare, and what people read. Equal keys have equal texts, others differ, whatever the
//! process, the machine and the order of a map.
//!
//! The notation is that of Rust literals, as far as it goes: `7`, `"x"`, `Some(1.5)`, `{id:7,name:"x"}`, `["a","b"]`.

use std::fmt::{self, Display, Write as _};

use serde::ser::{self, Serialize};

use crate::error::Error;

/// A text that a key is being written into.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// What is written stands behind this.
    pub(crate) fn behind(begun: String) -> Self {
        Self(begun)
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// Writes a part of a key that serde knows.
    ///
    /// # Errors
    /// What it says cannot be serialized.
    pub(crate) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self).map_err(|error| Error::encoding(format!("a key can't be written: {error}")))
    }

    /// Writes several parts between brackets.
    pub(crate) fn list<T>(
        &mut self,
        (open, close): (char, char),
        parts: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.0.push(open);
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            write(self, part)?;
        }
        self.0.push(close);
        Ok(())
    }

    /// Writes several parts in the order of their texts.
    pub(crate) fn sorted<T>(
        &mut self,
        parts: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let texts = parts.into_iter().map(|part| {
            let mut text = Self::default();
            write(&mut text, part).map(|()| text.0)
        });
        let mut texts = texts.collect::<Result<Vec<_>, _>>()?;
        texts.sort_unstable();
        self.list(('{', '}'), texts, |to, text| {
            to.0.push_str(&text);
            Ok(())
        })
    }

    pub(crate) fn put(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn display(&mut self, value: impl Display) {
        // Writing into a `String` can't fail.
        let _ = write!(self.0, "{value}");
    }

    /// Writes a text so that it ends where it ends, and holds neither control characters nor the separator of keys.
    fn quoted(&mut self, quote: char, text: &str) {
        self.0.push(quote);
        for c in text.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                c if c == quote || c.is_control() || c == '|' => {
                    let _ = write!(self.0, "\\u{{{:x}}}", u32::from(c));
                }
                c => self.0.push(c),
            }
        }
        self.0.push(quote);
    }

    fn float(&mut self, value: f64, shortest: impl fmt::Debug) {
        if value == 0.0 {
            // One zero.
            self.0.push_str("0.0");
        } else {
            let _ = write!(self.0, "{shortest:?}");
        }
    }
}

/// Why a key can't be written.
#[derive(Debug)]
pub struct Failed(String);

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

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

macro_rules! displayed {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<(), Failed> {
            self.display(value);
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

    displayed! {
        serialize_bool(bool)
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
        self.put(name);
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Failed> {
        self.put(variant);
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
        self.put(variant);
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
        self.put(variant);
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
        self.put(variant);
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
                text.put(name);
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Serialize;

    use super::Text;

    fn text<T: Serialize + ?Sized>(value: &T) -> String {
        let mut text = Text::default();
        text.value(value).expect("can be written");
        text.into_string()
    }

    #[derive(Serialize)]
    struct User {
        id: u64,
        name: &'static str,
    }

    #[derive(Serialize)]
    enum Shape {
        Dot,
        Circle(f64),
        Line(u8, u8),
        Rect { w: u8 },
    }

    #[test]
    fn the_notation() {
        assert_eq!(text(&(7, "x", true)), r#"(7,"x",true)"#);
        assert_eq!(text(&Some(1.5)), "Some(1.5)");
        assert_eq!((text(&None::<u8>), text(&Some(None::<u8>))), ("None".into(), "Some(None)".into()));
        assert_eq!(text(&User { id: 7, name: "x" }), r#"{id:7,name:"x"}"#);
        let shapes = [Shape::Dot, Shape::Circle(0.5), Shape::Line(1, 2), Shape::Rect { w: 3 }];
        assert_eq!(text(&shapes), "(Dot,Circle(0.5),Line(1,2),Rect{w:3})");
        assert_eq!((text(&-0.0_f64), text(&f64::NAN), text(&0.1_f32)), ("0.0".into(), "NaN".into(), "0.1".into()));
        assert_eq!(text(&vec![1_u8, 2]), "[1,2]");
        assert_eq!(text(&'|'), r"'\u{7c}'");
    }

    #[test]
    fn texts_end_where_they_end() {
        let all = ["a", "a\"", "\"", "\\", "\\\"", "a|b", "a\u{7c}", "\\u{7c}", "\n", "\\n", "\0", "ä", ""];
        let texts: Vec<_> = all.iter().map(text).collect();
        for (one, of) in texts.iter().zip(all) {
            assert_eq!(texts.iter().filter(|other| *other == one).count(), all.iter().filter(|a| **a == of).count());
            assert!(!one.contains('|') && !one.contains('\0'), "{one}");
        }
        assert_ne!(text(&("a", "b,c")), text(&("a,b", "c")));
        assert_ne!(text(&["a\",\"b"]), text(&["a", "b"]));
    }

    #[test]
    fn maps_have_one_order() {
        let one: HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
        let other: HashMap<u32, u32> = (0..100).rev().map(|n| (n, n)).collect();
        assert_eq!(text(&one), text(&other));
    }
}
