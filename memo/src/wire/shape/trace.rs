//! The deserializer that notes what it is asked for.

use std::{any, cell::RefCell};

use serde::de::{Deserializer, Error as _, Visitor, value::Error};

use super::{
    access::{Elements, Fields, Pairs, Variants},
    samples,
    tree::{ARRAY, IDENTIFIER, Tree, What},
};

/// A place in a type, on its way through it.
#[derive(Clone, Copy)]
pub(super) struct Tracer<'t> {
    pub(super) tree: &'t RefCell<Tree>,
    pub(super) at: usize,
    /// Are we led to what is unseen? Otherwise a value is needed, to come past this place.
    pub(super) leads: bool,
    /// Which of the samples to take.
    pub(super) sample: usize,
}

impl<'t> Tracer<'t> {
    pub(super) fn new(tree: &'t RefCell<Tree>) -> Self {
        Self { tree, at: 0, leads: true, sample: 0 }
    }

    /// Goes to a child: led to what is unseen, if something there is and we are, otherwise for a value.
    pub(super) fn child(self, number: usize) -> Self {
        let tree = self.tree.borrow();
        let at = tree.child(self.at, number);
        let leads = self.leads && !tree.is_done(at);
        Self { at, leads, sample: self.sample + tree.refused(at), ..self }
    }

    pub(super) fn named<T>(self) -> Self {
        self.tree.borrow_mut().set_rust_name(self.at, any::type_name::<T>());
        self
    }

    /// Passes on what came of a value made up here.
    pub(super) fn judged<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        if result.is_err() && !self.leads {
            self.tree.borrow_mut().refuse(self.at);
        }
        result
    }

    /// Ways through types that are not the same for all of them alternate.
    pub(super) fn takes_other_way(self) -> bool {
        let tree = self.tree.borrow();
        let mut at = self.at;
        if !self.leads {
            return self.sample % 2 == 1;
        }
        while let Some(child) = tree.next_child(at) {
            at = tree.child(at, child);
        }
        tree.tries(at) % 2 == 1
    }

    pub(super) fn enter<V>(self, what: What) -> Result<(), Error> {
        if self.tree.borrow_mut().enter(self.at, what, any::type_name::<V>()) {
            return Ok(());
        }
        Err(Error::custom("this place is not entered"))
    }

    fn number<V>(self, what: &'static str) -> Result<u8, Error> {
        self.enter::<V>(What::Leaf(what))?;
        Ok(samples::integer(self.sample))
    }

    /// Gives something to those who look at what they get.
    fn anything<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.sample % 6 {
            0 => visitor.visit_map(Nothing),
            1 => visitor.visit_borrowed_str(samples::text(self.sample / 6)),
            2 => visitor.visit_u64(samples::integer(self.sample / 6).into()),
            3 => visitor.visit_unit(),
            4 => visitor.visit_seq(Nothing),
            _ => visitor.visit_bool(true),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $name:literal)*) => {$(
        fn $method<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.number::<V>($name)?.cast())
        }
    )*};
}

/// From a sample to a number of any type.
trait Cast<T> {
    fn cast(self) -> T;
}

macro_rules! cast {
    ($($type:ident)*) => {$(
        impl Cast<$type> for u8 {
            fn cast(self) -> $type {
                // All samples fit into an `i8`.
                $type::try_from(self).unwrap_or_default()
            }
        }
    )*};
}

cast! { i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 }

impl Deserializer<'static> for Tracer<'_> {
    type Error = Error;

    numbers! {
        deserialize_i8 visit_i8 "i8"
        deserialize_i16 visit_i16 "i16"
        deserialize_i32 visit_i32 "i32"
        deserialize_i64 visit_i64 "i64"
        deserialize_i128 visit_i128 "i128"
        deserialize_u8 visit_u8 "u8"
        deserialize_u16 visit_u16 "u16"
        deserialize_u32 visit_u32 "u32"
        deserialize_u64 visit_u64 "u64"
        deserialize_u128 visit_u128 "u128"
        deserialize_f32 visit_f32 "f32"
        deserialize_f64 visit_f64 "f64"
    }

    fn deserialize_bool<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::Leaf("bool"))?;
        visitor.visit_bool(self.sample.is_multiple_of(2))
    }

    fn deserialize_char<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::Leaf("char"))?;
        visitor.visit_char(samples::char(self.sample))
    }

    fn deserialize_str<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::Leaf("str"))?;
        visitor.visit_borrowed_str(samples::text(self.sample))
    }

    fn deserialize_string<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::Leaf("bytes"))?;
        visitor.visit_borrowed_bytes(samples::bytes(self.sample))
    }

    fn deserialize_byte_buf<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::Leaf("unit"))?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'static>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::UnitStruct(name))?;
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.tree.borrow_mut().needs_names = true;
        self.enter::<V>(What::Hidden)?;
        self.anything(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.tree.borrow_mut().needs_names = true;
        self.enter::<V>(What::Leaf(IDENTIFIER))?;
        visitor.visit_borrowed_str(samples::text(self.sample))
    }

    fn deserialize_option<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::Option)?;
        let some = self.child(0);
        if some.leads || self.takes_other_way() { some.judged(visitor.visit_some(some)) } else { visitor.visit_none() }
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.enter::<V>(What::Newtype(name))?;
        let content = self.child(0);
        content.judged(visitor.visit_newtype_struct(content))
    }

    fn deserialize_seq<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::Seq)?;
        let one = self.leads || self.takes_other_way();
        visitor.visit_seq(Elements::same(self, usize::from(one)))
    }

    fn deserialize_tuple<V: Visitor<'static>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        if len > ARRAY {
            self.enter::<V>(What::Array(len))?;
            return visitor.visit_seq(Elements::same(self, len));
        }
        self.enter::<V>(What::Tuple(len))?;
        visitor.visit_seq(Elements::each(self, len))
    }

    fn deserialize_tuple_struct<V: Visitor<'static>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.enter::<V>(What::TupleStruct(name, len))?;
        visitor.visit_seq(Elements::each(self, len))
    }

    fn deserialize_map<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Error> {
        self.enter::<V>(What::Map)?;
        let one = self.leads || self.takes_other_way();
        visitor.visit_map(Pairs::new(self, one))
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.enter::<V>(What::Struct(name, fields))?;
        self.fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'static>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.enter::<V>(What::Enum(name, variants))?;
        visitor.visit_enum(Variants::new(self, variants)?)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl Tracer<'_> {
    /// The fields of a struct: when led, only the one that is led to, by its name; for a value, all in their order.
    pub(super) fn fields<V: Visitor<'static>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.leads == self.takes_other_way() {
            visitor.visit_seq(Elements::each(self, fields.len()))
        } else {
            visitor.visit_map(Fields::new(self, fields))
        }
    }
}

/// Neither elements nor entries.
struct Nothing;

impl<'de> serde::de::SeqAccess<'de> for Nothing {
    type Error = Error;

    fn next_element_seed<S: serde::de::DeserializeSeed<'de>>(&mut self, _: S) -> Result<Option<S::Value>, Error> {
        Ok(None)
    }
}

impl<'de> serde::de::MapAccess<'de> for Nothing {
    type Error = Error;

    fn next_key_seed<S: serde::de::DeserializeSeed<'de>>(&mut self, _: S) -> Result<Option<S::Value>, Error> {
        Ok(None)
    }

    fn next_value_seed<S: serde::de::DeserializeSeed<'de>>(&mut self, _: S) -> Result<S::Value, Error> {
        Err(Error::custom("there is none"))
    }
}
