//! A fingerprint of what a type looks like to serde, taken by tracing its `Deserialize`.
//!
//! The type is deserialized again and again from a [`Tracer`](trace::Tracer), which notes what is asked for and makes up an
//! answer. Each pass leads along one path to one place that has not been seen; whatever comes after that may fail. So
//! types that refuse what was made up for them hide nothing but themselves.

mod access;
mod samples;
mod trace;
mod tree;

use std::{
    any::{self, TypeId},
    cell::RefCell,
    collections::HashMap,
    panic,
    sync::LazyLock,
};

use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use self::{
    trace::Tracer,
    tree::{Tree, Tuple},
};

/// A fingerprint of what a type looks like to serde.
///
/// It covers the names and the order of fields, the names of types and of variants, nested; and nothing else, so it is the same in every
/// process and on every machine. Two types of one look have one fingerprint.
///
/// Some types do not show what they are made of, because they look at the data first: `untagged` and internally tagged enums, structs with
/// a `flatten`ed field, `serde_json::Value`. Of these, only Rust's name of the type counts (which a later
/// compiler may write otherwise). The same is true of what stands behind a
/// value that refuses everything made up for it, where values have no names (a tuple).
///
/// `Deserialize` of a user's type is called many times with made-up values. A panic in it is caught; the program's panic hook does see it.
///
/// Cost: one pass through the type for every field and variant in it, some 3 µs for a struct of ten fields in all, once in a process.
///
/// ```
/// use memo::wire::shape_of;
///
/// assert_eq!(shape_of::<(u32, String)>(), shape_of::<(u32, Box<str>)>());
/// assert_ne!(shape_of::<(u32, String)>(), shape_of::<(String, u32)>());
/// ```
pub fn shape_of<T: DeserializeOwned>() -> u64 {
    Seen::of::<T>().shape
}

/// What was seen of a type.
pub(super) struct Seen {
    /// Its fingerprint.
    shape: u64,
    /// It looks at the data to find out what is there, which only codecs that write names can tell.
    pub(super) needs_names: bool,
    tuples: Vec<(Tuple, usize)>,
}

impl Seen {
    fn new(tree: &Tree) -> Self {
        Self { shape: xxh3_64(tree.text().as_bytes()), needs_names: tree.needs_names, tuples: tree.tuples() }
    }

    /// Are so many parts read of such a tuple? What was not seen may be.
    pub(super) fn takes(&self, tuple: Tuple, len: usize) -> bool {
        let mut seen = self.tuples.iter().filter(|(known, _)| *known == tuple).peekable();
        seen.peek().is_none() || seen.any(|(_, known)| *known == len)
    }

    /// Of a type, which is traced once: whatever is written asks this, and whatever can't be read.
    pub(super) fn of<T: DeserializeOwned>() -> &'static Self {
        static KNOWN: LazyLock<RwLock<HashMap<TypeId, &Seen>>> = LazyLock::new(RwLock::default);
        let of = typeid::of::<T>();
        if let Some(seen) = KNOWN.read().get(&of) {
            return seen;
        }
        // Not under the lock: tracing runs the user's code.
        let tree = traced::<T>();
        KNOWN.write().entry(of).or_insert_with(|| Box::leak(Box::new(Self::new(&tree))))
    }
}

/// Passes through a type until it has shown everything.
fn traced<T: DeserializeOwned>() -> Tree {
    let tree = RefCell::new(Tree::new(any::type_name::<T>()));
    let pass = || {
        // What a panic leaves behind is the tree, which is whole at every moment, and the user's values, which are gone.
        let pass = panic::AssertUnwindSafe(|| drop(T::deserialize(Tracer::new(&tree))));
        panic::catch_unwind(pass).is_err()
    };
    while let Some((target, before)) = begin(&tree) {
        let panicked = pass();
        tree.borrow_mut().passed(target, before, panicked);
    }
    tree.into_inner()
}

fn begin(tree: &RefCell<Tree>) -> Option<(usize, u64)> {
    let mut tree = tree.borrow_mut();
    let target = tree.next_target()?;
    Some((target, tree.progress()))
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, net::IpAddr, num::NonZeroU8, time::Duration};

    use super::*;

    fn text<T: DeserializeOwned>() -> String {
        traced::<T>().text()
    }

    #[test]
    fn the_canonical_text() {
        assert_eq!(text::<(u8, Option<String>)>(), "(u8, option(str))");
        assert_eq!(text::<HashMap<char, Vec<f64>>>(), "{char: [f64]}");
        assert_eq!(text::<Duration>(), r#"struct "Duration" {"secs": u64, "nanos": u32}"#);
        assert_eq!(text::<NonZeroU8>(), "u8");
        assert_eq!(text::<[bool; 3]>(), "(bool, bool, bool)");
        assert_eq!(text::<()>(), "unit");
        assert_eq!(
            text::<IpAddr>(),
            r#"enum "IpAddr" {"V4": ((u8, u8, u8, u8)), "V6": ((u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8))}"#
        );
        assert_eq!(text::<Result<u8, ()>>(), r#"enum "Result" {"Ok": (u8), "Err": (unit)}"#);
    }
}
