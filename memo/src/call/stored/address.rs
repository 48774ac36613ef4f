//! Addresses of entries in stores: how they are found.

use super::{kind::Outer, outside_key};
use crate::{
    call::{
        address::{Address, Store, Then},
        answer::Guard,
        home::OfProcess,
        instance::Typed,
        place::Place,
        placed::At,
        site::Declaration,
        start::{How, Marker, addressed},
    },
    key::{Asking, encode::StoredQuery},
    space::Face,
};

/// Gives the address of an entry in stores.
pub fn address<M: Marker, Kd, Q, R>(
    declared: &'static Declaration,
    marker: &M,
    kind: Kd,
    query: &Q,
    guard: Guard<'_, Kd>,
    store: Store<'_, Q::Owned, Kd::Val>,
    then: Then<'_, R>,
) where
    Q: StoredQuery<Owned: Send + Sync>,
    Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
{
    with(Face::Thread, declared, marker, kind, query, guard, store, then);
}

#[expect(clippy::too_many_arguments, reason = "what generated code gives, and who asks")]
fn with<M: Marker, Kd, Q, R>(
    face: Face,
    declared: &'static Declaration,
    marker: &M,
    _: Kd,
    query: &Q,
    guard: Guard<'_, Kd>,
    store: Store<'_, Q::Owned, Kd::Val>,
    then: Then<'_, R>,
) where
    Q: StoredQuery<Owned: Send + Sync>,
    Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
{
    let how = How::with_stores(query.same(), Kd::values());
    let all: Vec<&'static Typed<Q::Owned, Kd::Val>> = addressed(declared, marker, how);
    let hash = query.hash();
    let place = |instance: &'static Typed<Q::Owned, Kd::Val>| {
        let outside = match &instance.space {
            Some(space) => outside_key(space, query, hash).map(|key| Some((space.clone(), key))),
            None if instance.has_memory() => Ok(None),
            None => return None,
        };
        Some(outside.map(|outside| Place::new(OfProcess(instance), hash, outside)))
    };
    let places = all.into_iter().filter_map(place).collect();
    let at = At { face, places, key: &Asking::copied(query), guard, store };
    then(&Address::new(&at));
}

/// Async functions.
pub(crate) mod aio {
    use super::{Declaration, Face, Guard, Marker, Outer, Store, StoredQuery};
    use crate::call::address::aio::Address;

    /// Gives the address of an entry of an async function.
    pub fn address<M: Marker, Kd, Q, R>(
        declared: &'static Declaration,
        marker: &M,
        kind: Kd,
        query: &Q,
        guard: Guard<'_, Kd>,
        store: Store<'_, Q::Owned, Kd::Val>,
        then: &mut dyn FnMut(&Address<'_, R>),
    ) where
        Q: StoredQuery<Owned: Send + Sync>,
        Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
    {
        let mut then = |address: &super::Address<'_, R>| then(&Address::of(address));
        super::with(Face::Task, declared, marker, kind, query, guard, store, &mut then);
    }
}
