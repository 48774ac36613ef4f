//! The reading side: a `Deserializer` around another, and around everything that the two sides of serde hand each other.

use std::{cell::Cell, fmt, marker::PhantomData};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{Depth, Elements, TOO_DEEP, TOO_MANY};

/// The room that is made in advance for the elements of one collection. It grows as they really come.
const ROOM: usize = 16 * 1024;

/// What one value may use.
pub(in crate::wire) struct Bounds {
    elements: Elements,
    /// Why it was refused. Some codecs do not pass on what they are told.
    why: Cell<Option<&'static str>>,
}

impl Bounds {
    /// For values of at most `limit` bytes.
    pub(in crate::wire) fn new(limit: usize) -> Self {
        Self { elements: Elements::new(limit), why: Cell::new(None) }
    }

    pub(in crate::wire) fn seed<T>(&self) -> Seed<'_, T> {
        Seed { at: At { bounds: self, depth: Depth::READING, fixed: false }, value: PhantomData }
    }

    /// Why the bytes were refused, if it was not the codec that did.
    pub(in crate::wire) fn why(self) -> Option<&'static str> {
        self.why.into_inner()
    }

    #[cold]
    fn refuse<T, E: Error>(&self, why: &'static str) -> Result<T, E> {
        self.why.set(Some(why));
        Err(E::custom(why))
    }
}

/// Decodes a `T` within bounds.
pub(in crate::wire) struct Seed<'b, T> {
    at: At<'b>,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = T;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(Guard { inner: deserializer, at: self.at })
    }
}

#[derive(Clone, Copy)]
struct At<'b> {
    bounds: &'b Bounds,
    depth: Depth,
    /// The type, not the data, says how many parts come: they are not counted.
    fixed: bool,
}

impl At<'_> {
    #[inline]
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth.deeper() {
            Some(depth) => Ok(Self { depth, ..self }),
            None => self.bounds.refuse(TOO_DEEP),
        }
    }

    /// Where the type says how many parts come, or does not.
    #[inline]
    fn fixed(self, fixed: bool) -> Self {
        Self { fixed, ..self }
    }

    #[inline]
    fn element<E: Error>(self) -> Result<(), E> {
        if self.bounds.elements.take() { Ok(()) } else { self.bounds.refuse(TOO_MANY) }
    }
}

struct Guard<'b, X> {
    inner: X,
    at: At<'b>,
}

macro_rules! deserialize {
    (fixed: $fixed:literal; $($method:ident $(as $other:ident)? ($($name:ident: $type:ty),*))*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = Guard { inner: visitor, at: self.at.fixed($fixed) };
            deserialize!(@call self.inner, visitor, $method $($other)? ($($name),*))
        }
    )*};
    (@call $inner:expr, $visitor:expr, $method:ident ($($name:ident),*)) => { $inner.$method($($name,)* $visitor) };
    (@call $inner:expr, $visitor:expr, $method:ident $other:ident ()) => { $inner.$other($visitor) };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guard<'_, D> {
    type Error = D::Error;

    deserialize! {
        fixed: false;
        deserialize_any()
        deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_bytes()
        // Borrowed, because some codecs would first make room for as many bytes as are claimed.
        deserialize_string as deserialize_str()
        deserialize_byte_buf as deserialize_bytes()
        deserialize_option()
        deserialize_unit() deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_seq() deserialize_map()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier() deserialize_ignored_any()
    }

    deserialize! {
        fixed: true;
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visit {
    ($($method:ident($type:ty))*) => {$(
        #[inline]
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Guard<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    visit! {
        visit_bool(bool)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64)
        visit_char(char) visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let at = self.at.deeper()?;
        self.inner.visit_some(Guard { inner: deserializer, at })
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let at = self.at.deeper()?;
        self.inner.visit_newtype_struct(Guard { inner: deserializer, at })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let at = self.at.deeper()?;
        self.inner.visit_seq(Guard { inner: access, at })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let at = self.at.deeper()?;
        self.inner.visit_map(Guard { inner: access, at })
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let at = self.at.deeper()?;
        self.inner.visit_enum(Guard { inner: access, at })
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Guard<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Guard { inner: deserializer, at: self.at })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let element = self.inner.next_element_seed(Guard { inner: seed, at: self.at })?;
        if element.is_some() && !self.at.fixed {
            self.at.element()?;
        }
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|hint| hint.min(ROOM))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let key = self.inner.next_key_seed(Guard { inner: seed, at: self.at })?;
        if key.is_some() {
            self.at.element()?;
        }
        Ok(key)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(Guard { inner: seed, at: self.at })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|hint| hint.min(ROOM))
    }
}

impl<'b, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Guard<'b, A> {
    type Error = A::Error;
    type Variant = Guard<'b, A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, inner) = self.inner.variant_seed(Guard { inner: seed, at: self.at })?;
        Ok((value, Guard { inner, at: self.at }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Guard<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(Guard { inner: seed, at: self.at })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, Guard { inner: visitor, at: self.at.fixed(true) })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Guard { inner: visitor, at: self.at.fixed(true) })
    }
}
