//! The key of a cache as it is looked up: borrowed.

use std::{borrow::Borrow, hash::BuildHasher, marker::PhantomData};

use super::{Key, Lookup};
use crate::key::{Copied, HASHER, Query};

/// A key that is borrowed as a `Q`.
pub(super) struct Borrowed<'q, K, Q: ?Sized> {
    pub(super) key: &'q Q,
    _owned: PhantomData<fn() -> K>,
}

impl<'q, K, Q: ?Sized> Borrowed<'q, K, Q> {
    pub(super) fn new(key: &'q Q) -> Self {
        Self { key, _owned: PhantomData }
    }
}

impl<K: Key + Borrow<Q>, Q: ?Sized + Lookup<K>> Query for Borrowed<'_, K, Q> {
    type Owned = K;

    fn hash(&self) -> u64 {
        HASHER.hash_one(self.key)
    }

    fn matches(&self, owned: &K) -> bool {
        self.key == owned.borrow()
    }

    fn to_owned(&self) -> K {
        self.key.to_owned()
    }

    fn same(&self) -> fn(&K, &K) -> bool {
        K::eq
    }
}

impl<K: Key + Borrow<Q>, Q: ?Sized + Lookup<K>> Copied for Borrowed<'_, K, Q> {
    fn copy(&self) -> fn(&K) -> K {
        K::clone
    }
}
