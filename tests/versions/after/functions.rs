//! Row 34; promise 6: memoized functions, after it.

use memo::memoize;

use crate::{runs, types::*};

#[memoize(backend = "file://entries")]
pub fn same(number: u32) -> u32 {
    runs();
    number + 1
}

/// Now it has a doc comment.
#[rustfmt::skip]
#[memoize(
    backend = "file://entries"
)]
pub(crate) fn layout( number :u32 )->Layout
{
    runs(); // And this is why.
    /// Of a statement, which documents nothing.
    let doubled = number*2; /* twice */
    Layout{number : doubled}
}

fn helped(number: u32) -> u32 {
    number + 2
}

#[memoize(backend = "file://entries")]
pub fn helper(number: u32) -> u32 {
    runs();
    helped(number)
}

#[memoize(backend = "file://entries", ttl = "1h", tag = "numbers", cache_if = |value| *value > 0, single_flight = false)]
pub fn options(number: u32) -> u32 {
    runs();
    number + 1
}

#[memoize(backend = "file://entries", version = auto)]
pub fn said_auto(number: u32) -> u32 {
    runs();
    number + 1
}

#[memoize(backend = "file://entries", version = 3)]
pub fn pinned_body(number: u32) -> u32 {
    runs();
    number + 2
}

#[memoize(backend = "file://entries", version = 3, key = number.min(1_000))]
pub fn pinned_key(number: u32) -> u32 {
    runs();
    number + 1
}

#[memoize(backend = "file://entries")]
pub fn body(number: u32) -> u32 {
    runs();
    number + 2
}

#[memoize(backend = "file://entries")]
pub fn parameter_name(count: u32) -> u32 {
    runs();
    count + 1
}

#[memoize(backend = "file://entries")]
pub fn parameter_type(number: u64) -> u32 {
    runs();
    number as u32 + 1
}

#[memoize(backend = "file://entries")]
pub fn return_type(number: u32) -> u64 {
    runs();
    (number + 1).into()
}

#[memoize(backend = "file://entries", key = number % 10)]
pub fn key(number: u32) -> u32 {
    runs();
    number
}

#[memoize(backend = "file://entries", version = 1)]
pub fn own_version(number: u32) -> u32 {
    runs();
    number + 1
}

#[memoize(backend = "file://entries", version = 4)]
pub fn pinned_number(number: u32) -> u32 {
    runs();
    number + 1
}

#[memoize(backend = "file://entries", version = 3)]
pub fn pinned_field(number: u32) -> Renamed {
    runs();
    Renamed::of(number)
}

#[memoize(backend = "file://entries")]
pub fn swapped_fields(number: u32) -> Swapped {
    runs();
    Swapped { width: number, height: 2 * number }
}

#[memoize(backend = "file://entries")]
pub fn renamed_field(number: u32) -> Renamed {
    runs();
    Renamed::of(number)
}

#[memoize(backend = "file://entries")]
pub fn field_type(number: u32) -> Widened {
    runs();
    Widened { number: number.into() }
}

#[memoize(backend = "file://entries")]
pub fn nested_field(number: u32) -> Vec<Option<Outer>> {
    runs();
    vec![None, Some(Outer { inner: Inner::of(number) })]
}

#[memoize(backend = "file://entries")]
pub fn swapped_variants(number: u32) -> Variant {
    runs();
    Variant::Left(number)
}

#[memoize(backend = "file://entries", tag = "numbers")]
pub fn tagged(number: u32) -> u32 {
    runs();
    number + 2
}
