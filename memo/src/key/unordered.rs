//! Maps and sets as keys: equal whatever the order of their elements.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash, Hasher},
};

use super::{HASHER, shape::Shape};

/// A `HashMap` or a `HashSet`: the sum of the hashes of its elements does not depend on their order.
#[derive(Clone, Copy, Debug)]
pub struct Unordered;

fn hash_all<T: Hash, H: Hasher>(elements: impl ExactSizeIterator<Item = T>, state: &mut H) {
    elements.len().hash(state);
    let sum = elements.fold(0u64, |sum, element| sum.wrapping_add(HASHER.hash_one(element)));
    sum.hash(state);
}

impl<K, V, B> Shape<HashMap<K, V, B>> for Unordered
where
    K: Hash + Eq + Clone + 'static,
    V: Hash + Eq + Clone + 'static,
    B: BuildHasher + Clone + 'static,
{
    type Owned = HashMap<K, V, B>;

    fn hash<H: Hasher>(arg: &HashMap<K, V, B>, state: &mut H) {
        hash_all(arg.iter(), state);
    }

    fn matches(arg: &HashMap<K, V, B>, owned: &Self::Owned) -> bool {
        arg == owned
    }

    fn to_owned(arg: &HashMap<K, V, B>) -> Self::Owned {
        arg.clone()
    }

    fn same(one: &Self::Owned, other: &Self::Owned) -> bool {
        one == other
    }
}

impl<K, B> Shape<HashSet<K, B>> for Unordered
where
    K: Hash + Eq + Clone + 'static,
    B: BuildHasher + Clone + 'static,
{
    type Owned = HashSet<K, B>;

    fn hash<H: Hasher>(arg: &HashSet<K, B>, state: &mut H) {
        hash_all(arg.iter(), state);
    }

    fn matches(arg: &HashSet<K, B>, owned: &Self::Owned) -> bool {
        arg == owned
    }

    fn to_owned(arg: &HashSet<K, B>) -> Self::Owned {
        arg.clone()
    }

    fn same(one: &Self::Owned, other: &Self::Owned) -> bool {
        one == other
    }
}
