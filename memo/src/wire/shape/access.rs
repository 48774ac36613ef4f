//! What is in a place: elements, fields, entries, variants.

use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::{BorrowedStrDeserializer, Error, U32Deserializer},
};

use super::{trace::Tracer, tree::What};

/// The elements of a sequence.
pub(super) struct Elements<'t> {
    around: Tracer<'t>,
    next: usize,
    len: usize,
    /// All elements are seen in one place.
    same: bool,
}

impl<'t> Elements<'t> {
    /// Elements of one type.
    pub(super) fn same(around: Tracer<'t>, len: usize) -> Self {
        Self { around, next: 0, len, same: true }
    }

    /// Elements of types of their own.
    pub(super) fn each(around: Tracer<'t>, len: usize) -> Self {
        Self { around, next: 0, len, same: false }
    }
}

impl SeqAccess<'static> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'static>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.next == self.len {
            return Ok(None);
        }
        let element = self.around.child(if self.same { 0 } else { self.next }).named::<S::Value>();
        self.next += 1;
        if element.leads {
            // Nothing behind it is of interest.
            self.len = self.next;
        }
        element.judged(seed.deserialize(element)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

/// The fields of a struct by their names: the one that is led to, or all.
pub(super) struct Fields<'t> {
    around: Tracer<'t>,
    names: &'static [&'static str],
    next: usize,
    end: usize,
}

impl<'t> Fields<'t> {
    pub(super) fn new(around: Tracer<'t>, names: &'static [&'static str]) -> Self {
        let unseen = around.tree.borrow().next_child(around.at).filter(|_| around.leads);
        let (next, end) = unseen.map_or((0, names.len()), |unseen| (unseen, unseen + 1));
        Self { around, names, next, end }
    }
}

impl MapAccess<'static> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'static>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.next == self.end {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(self.names[self.next])).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'static>>(&mut self, seed: S) -> Result<S::Value, Error> {
        if self.next == self.end {
            return Err(Error::custom("there is no further field"));
        }
        let value = self.around.child(self.next).named::<S::Value>();
        self.next += 1;
        value.judged(seed.deserialize(value))
    }
}

/// One entry of a map, or none.
pub(super) struct Pairs<'t> {
    around: Tracer<'t>,
    one: bool,
}

impl<'t> Pairs<'t> {
    pub(super) fn new(around: Tracer<'t>, one: bool) -> Self {
        Self { around, one }
    }
}

impl MapAccess<'static> for Pairs<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'static>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if !std::mem::take(&mut self.one) {
            return Ok(None);
        }
        let key = self.around.child(0).named::<S::Value>();
        key.judged(seed.deserialize(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'static>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let value = self.around.child(1).named::<S::Value>();
        value.judged(seed.deserialize(value))
    }
}

/// One variant of an enum.
pub(super) struct Variants<'t> {
    around: Tracer<'t>,
    number: usize,
    name: &'static str,
}

impl<'t> Variants<'t> {
    pub(super) fn new(around: Tracer<'t>, names: &'static [&'static str]) -> Result<Self, Error> {
        let tree = around.tree.borrow();
        let unseen = tree.next_child(around.at).filter(|_| around.leads);
        let number = unseen.or_else(|| {
            let variants = tree.variants(around.at);
            variants.get(around.sample % variants.len().max(1)).copied()
        });
        let number = number.ok_or_else(|| Error::custom("there are no variants"))?;
        Ok(Self { around, number, name: names[number] })
    }

    fn enter<V>(self, what: What) -> Result<Tracer<'t>, Error> {
        let variant = self.around.child(self.number);
        variant.enter::<V>(what)?;
        Ok(variant)
    }
}

impl EnumAccess<'static> for Variants<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'static>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let number = u32::try_from(self.number).map_err(Error::custom)?;
        let value = if self.around.takes_other_way() {
            seed.deserialize(U32Deserializer::new(number))
        } else {
            seed.deserialize(BorrowedStrDeserializer::new(self.name))
        };
        Ok((value?, self))
    }
}

impl VariantAccess<'static> for Variants<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.enter::<()>(What::UnitVariant).map(drop)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'static>>(self, seed: S) -> Result<S::Value, Error> {
        let around = self.around;
        let content = self.enter::<S>(What::NewtypeVariant)?.child(0).named::<S::Value>();
        around.judged(content.judged(seed.deserialize(content)))
    }

    fn tuple_variant<V: Visitor<'static>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let around = self.around;
        let variant = self.enter::<V>(What::TupleVariant(len))?;
        around.judged(visitor.visit_seq(Elements::each(variant, len)))
    }

    fn struct_variant<V: Visitor<'static>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let around = self.around;
        let variant = self.enter::<V>(What::StructVariant(fields))?;
        around.judged(variant.fields(fields, visitor))
    }
}
