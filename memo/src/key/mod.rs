//! Arguments as they are borrowed: hashed and compared in place, owned only when a body is about to run, or is waited for.
#![expect(missing_docs, reason = "generated code uses it, people do not")]

#[cfg(feature = "stores")]
pub(crate) mod encode;
pub(crate) mod probe;
pub(crate) mod shape;
#[cfg(feature = "stores")]
pub(crate) mod text;
pub(crate) mod tuple;
mod unordered;

use std::{
    any::Any,
    hash::{BuildHasher, Hasher as _},
};

use foldhash::fast::{FixedState, FoldHasher};
use parking_lot::Mutex;

use shape::Shape;

/// The seed of all key hashes: fixed, so that one hash serves all tables of a process and its threads.
/// Tables compare keys whole, so an adversary who makes keys collide can slow a table down, never read another's value.
pub(crate) const HASHER: FixedState = FixedState::with_seed(0x6d65_6d6f_697a_6521);

/// A key to look for, borrowed from the arguments.
pub trait Query {
    /// The key as a store keeps it.
    type Owned: 'static;
    fn hash(&self) -> u64;
    /// Is the hash what the owned key's own `Hash` gives?
    fn hashes_as_owned(&self) -> bool {
        false
    }
    fn matches(&self, owned: &Self::Owned) -> bool;
    fn to_owned(&self) -> Self::Owned;
    /// Compares two owned keys.
    fn same(&self) -> fn(&Self::Owned, &Self::Owned) -> bool;
}

#[cfg_attr(not(feature = "stores"), expect(unreachable_pub, reason = "generated code names it where there are stores"))]
/// A query whose key can be owned more than once after the arguments are gone.
pub trait Copied: Query {
    /// Copies an owned key.
    fn copy(&self) -> fn(&Self::Owned) -> Self::Owned;
}

/// A query and what copies its owned key, where that is known apart.
pub(crate) struct Again<'q, Q: Query> {
    pub(crate) query: &'q Q,
    pub(crate) copy: fn(&Q::Owned) -> Q::Owned,
}

impl<Q: Query> Query for Again<'_, Q> {
    type Owned = Q::Owned;

    fn hash(&self) -> u64 {
        self.query.hash()
    }

    fn matches(&self, owned: &Q::Owned) -> bool {
        self.query.matches(owned)
    }

    fn to_owned(&self) -> Q::Owned {
        self.query.to_owned()
    }

    fn same(&self) -> fn(&Q::Owned, &Q::Owned) -> bool {
        self.query.same()
    }
}

impl<Q: Query> Copied for Again<'_, Q> {
    fn copy(&self) -> fn(&Q::Owned) -> Q::Owned {
        self.copy
    }
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
    fn hashes_as_owned(&self) -> bool {
        S::hashes_as_owned()
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

/// A key to look for, without its type: what is compiled once for all keys asks with this.
pub trait Ask {
    /// Is it this stored key?
    fn is(&self, stored: &dyn Any) -> bool;
    /// Puts an owned copy into `to`, an `Option` of the type that stores keep.
    fn own(&self, to: &mut dyn Any);
    /// The key, to ask with when the arguments are gone; `None` where it may not leave its thread.
    fn hold(&self) -> Option<Held>;
}

/// A key that outlives the call's arguments.
pub(crate) type Held = Box<dyn Ask + Send + Sync>;

/// A call's key.
pub(crate) struct Asking<'q, Q> {
    query: &'q Q,
    hold: fn(&Q) -> Option<Held>,
}

impl<'q, Q: Query> Asking<'q, Q> {
    /// A key that threads may share.
    pub(crate) fn shared(query: &'q Q) -> Self
    where
        Q::Owned: Send + Sync,
    {
        Self {
            query,
            hold: |query| Some(Box::new(Kept { key: Mutex::new(Some(query.to_owned())), same: query.same() })),
        }
    }

    /// A key that threads may share, of an entry that may stand in stores: there it is asked for more than once.
    pub(crate) fn copied(query: &'q Q) -> Self
    where
        Q: Copied<Owned: Send + Sync>,
    {
        let hold = |query: &Q| {
            let kept = Lasting { key: query.to_owned(), same: query.same(), copy: query.copy() };
            Some(Box::new(kept) as Held)
        };
        Self { query, hold }
    }

    /// A key of one thread.
    pub(crate) fn local(query: &'q Q) -> Self {
        Self { query, hold: |_| None }
    }
}

impl<Q: Query> Ask for Asking<'_, Q> {
    fn is(&self, stored: &dyn Any) -> bool {
        stored.downcast_ref().is_some_and(|stored| self.query.matches(stored))
    }

    fn own(&self, to: &mut dyn Any) {
        if let Some(to) = to.downcast_mut() {
            *to = Some(self.query.to_owned());
        }
    }

    fn hold(&self) -> Option<Held> {
        (self.hold)(self.query)
    }
}

/// A key that is owned again and again.
struct Lasting<K> {
    key: K,
    same: fn(&K, &K) -> bool,
    copy: fn(&K) -> K,
}

impl<K: Send + Sync + 'static> Ask for Lasting<K> {
    fn is(&self, stored: &dyn Any) -> bool {
        stored.downcast_ref().is_some_and(|stored| (self.same)(&self.key, stored))
    }

    fn own(&self, to: &mut dyn Any) {
        if let Some(to) = to.downcast_mut() {
            *to = Some((self.copy)(&self.key));
        }
    }

    fn hold(&self) -> Option<Held> {
        let Self { key, same, copy } = self;
        Some(Box::new(Self { key: copy(key), same: *same, copy: *copy }))
    }
}

/// A key that is owned once.
struct Kept<K> {
    key: Mutex<Option<K>>,
    same: fn(&K, &K) -> bool,
}

impl<K: Send + Sync + 'static> Ask for Kept<K> {
    fn is(&self, stored: &dyn Any) -> bool {
        let key = self.key.lock();
        key.as_ref().zip(stored.downcast_ref()).is_some_and(|(key, stored)| (self.same)(key, stored))
    }

    /// Gives the key away: a caller that starts a flight does not ask again.
    fn own(&self, to: &mut dyn Any) {
        if let Some(to) = to.downcast_mut() {
            *to = self.key.lock().take();
        }
    }

    /// There is one already.
    fn hold(&self) -> Option<Held> {
        None
    }
}
