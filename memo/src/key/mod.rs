//! Arguments as they are borrowed: hashed and compared in place, owned only when a value is stored.
#![expect(missing_docs, reason = "generated code uses it, people do not")]

pub(crate) mod probe;
pub(crate) mod shape;
pub(crate) mod tuple;
mod unordered;

use std::{
    cell::RefCell,
    hash::{BuildHasher, Hasher as _},
};

use foldhash::fast::{FixedState, FoldHasher};

use shape::Shape;

/// The seed of all key hashes: fixed, so that one hash serves all tables of a process and its threads.
/// Tables compare keys whole, so an adversary who makes keys collide can slow a table down, never read another's value.
const HASHER: FixedState = FixedState::with_seed(0x6d65_6d6f_697a_6521);

/// A key to look for: borrowed from the arguments, or owned by a flight.
pub trait Query {
    /// The key as a store keeps it.
    type Owned: 'static;
    fn hash(&self) -> u64;
    fn matches(&self, owned: &Self::Owned) -> bool;
    fn to_owned(&self) -> Self::Owned;
    /// Compares two owned keys.
    fn same(&self) -> fn(&Self::Owned, &Self::Owned) -> bool;
}

/// The key of one call: its arguments by reference, and the shape that says how to treat them.
#[derive(Debug)]
pub struct Args<S, A> {
    _shape: S,
    args: A,
}

/// Made by generated code from shapes and references to the arguments.
#[inline]
pub fn key<S: Shape<A>, A>(shape: S, args: A) -> Args<S, A> {
    Args { _shape: shape, args }
}

impl<S: Shape<A>, A> Query for Args<S, A> {
    type Owned = S::Owned;

    #[inline]
    fn hash(&self) -> u64 {
        let mut hasher: FoldHasher<'_> = HASHER.build_hasher();
        S::hash(&self.args, &mut hasher);
        hasher.finish()
    }

    #[inline]
    fn matches(&self, owned: &S::Owned) -> bool {
        S::matches(&self.args, owned)
    }

    fn to_owned(&self) -> S::Owned {
        S::to_owned(&self.args)
    }

    fn same(&self) -> fn(&S::Owned, &S::Owned) -> bool {
        S::same
    }
}

/// A key that a waiting caller holds, to ask with it again.
pub(crate) struct Held<K> {
    key: RefCell<Option<K>>,
    hash: u64,
    same: fn(&K, &K) -> bool,
}

impl<K: 'static> Held<K> {
    pub(crate) fn new(query: &dyn Query<Owned = K>, hash: u64) -> Self {
        Self { key: RefCell::new(Some(query.to_owned())), hash, same: query.same() }
    }

    /// The key in another place; this one asks no more.
    pub(crate) fn move_out(&mut self) -> Self {
        Self { key: RefCell::new(self.key.take()), ..*self }
    }
}

impl<K: 'static> Query for Held<K> {
    type Owned = K;

    fn hash(&self) -> u64 {
        self.hash
    }

    fn matches(&self, owned: &K) -> bool {
        self.key.borrow().as_ref().is_some_and(|key| (self.same)(key, owned))
    }

    /// Gives the key away: a caller that starts a flight does not ask again.
    fn to_owned(&self) -> K {
        self.key.take().expect("a held key starts one flight at most")
    }

    fn same(&self) -> fn(&K, &K) -> bool {
        self.same
    }
}
