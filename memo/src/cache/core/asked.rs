//! What memoized functions ask of a cache. They know its types without their bounds: an error about one is told once.

use std::{borrow::Borrow, ops::ControlFlow, sync::Arc};

use super::{Borrowed, Core, Key, Lookup, Value};
use crate::{
    call::{
        address::Deletion,
        home::{Home as _, OfCache},
        instance::AnyInstance,
        place::Beyond,
        placed, switch,
    },
    error::Error,
    key::{Again, Ask as _, Asking, Query},
    space::Stores,
};

impl<K: 'static, V: 'static> Core<K, V> {
    pub(in crate::cache) fn home(&self) -> &OfCache {
        &self.0.home
    }

    pub(super) fn instance(&self) -> &AnyInstance {
        self.0.home.instance()
    }

    pub(in crate::cache) fn stores(&self) -> Option<&Arc<Stores>> {
        self.0.typed.space.as_ref().map(|space| &space.stores)
    }

    pub(super) fn has_memory(&self) -> bool {
        self.stores().is_none_or(|stores| stores.has_memory())
    }

    /// The hash of the key that a query looks for.
    pub(in crate::cache) fn hash(&self, query: &impl Query<Owned = K>) -> u64 {
        if query.hashes_as_owned() { query.hash() } else { (self.0.hash)(&query.to_owned()) }
    }

    /// A key that is asked for more than once, as the stores do.
    pub(in crate::cache) fn again<'q, Q: Query<Owned = K>>(&self, query: &'q Q) -> Again<'q, Q> {
        Again { query, copy: self.0.copy }
    }

    /// An ordinary hit in memory; else, whether memory is still to be looked at before the stores. `is_open`: entries are used
    /// without being looked at.
    #[inline]
    pub(in crate::cache) fn hit<Q: Query<Owned = K>>(
        &self,
        query: &Q,
        (hash, is_open): (u64, bool),
        copy: fn(&V) -> V,
    ) -> ControlFlow<V, bool> {
        let has_memory = self.has_memory();
        let is_looked_at = has_memory && is_open && switch::is_ordinary();
        match is_looked_at.then(|| self.0.typed.hit(query, hash, copy, |value| value)).flatten() {
            Some(value) => ControlFlow::Break(value),
            None => ControlFlow::Continue(has_memory && !is_looked_at),
        }
    }

    /// Where an entry stands in the stores, if there are any.
    pub(in crate::cache) fn outside(&self, key: &K, hash: u64) -> Result<Option<Beyond>, Error> {
        let Some((space, written)) = self.0.typed.space.as_ref().zip(self.0.written.as_ref()) else { return Ok(None) };
        let entry = space.key_of(written, key, hash)?;
        Ok(Some((space.clone(), entry)))
    }
}

impl<K: Key, V: Value> Core<K, V> {
    /// Deletes an entry later, from anywhere.
    pub(crate) fn deletion<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Deletion
    where
        K: Borrow<Q>,
    {
        let query = Borrowed::new(key);
        let place = self.place(&query);
        placed::deletion(place.map(|place| vec![place.with_contents()]), Asking::copied(&query).hold())
    }
}
