//! Addresses of entries in stores: what the address macros do with them.

use std::any::Any;

use super::{kind::Outer, outside_key};
use crate::{
    call::{
        address::{self, Address, Deletion, Operations, Store, Then},
        answer::Guard,
        entry::Entry,
        explanation::{Explanation, absent},
        extras::Extras,
        instance::{OfProcess, Typed},
        pending::Pending,
        place::{Place, Setting},
        site::Declaration,
        start::{How, Marker, addressed},
        switch,
    },
    error::Error,
    flight::wait::block_on,
    key::{Ask, Asking, Held, encode::StoredQuery},
    memory::{entries::Weigh, locked::UnderLock},
    space::Face,
};

/// An entry that was read.
struct Found<V> {
    entry: Entry<V>,
    tier: &'static str,
    /// Does it pass the tests of the attribute?
    accepted: bool,
}

struct At<'a, K, Kd: Outer> {
    face: Face,
    /// An error if the key can't be written.
    places: Result<Vec<Place<OfProcess>>, Error>,
    key: &'a dyn Ask,
    guard: Guard<'a, Kd>,
    store: Store<'a, K, Kd::Val>,
}

impl<K: 'static, Kd: Outer<Val: Send + Sync>> At<'_, K, Kd> {
    fn places(&self) -> Result<&[Place<OfProcess>], Error> {
        self.places.as_deref().map_err(Error::again)
    }

    fn held(&self) -> Result<Held, Error> {
        self.key.hold().ok_or_else(|| Error::encoding("the key can't leave its thread"))
    }

    /// Does something now on this thread, or later in a task.
    fn pending<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Pending<T> {
        match self.face {
            Face::Thread => Pending::now(block_on(future)),
            Face::Task => Pending::later(future),
        }
    }

    /// The entry, from the first place that has one in memory, else from the first that has one in its stores.
    fn find<F>(
        &self,
        in_memory: impl Fn(&Place<OfProcess>) -> Option<Entry<Kd::Val>>,
        outside: impl Fn(Place<OfProcess>, Face) -> F + Send + 'static,
    ) -> Pending<Result<Found<Kd::Val>, Explanation>>
    where
        F: Future<Output = Result<(Entry<Kd::Val>, &'static str), Explanation>> + Send,
    {
        let Ok(places) = self.places() else { return Pending::now(Err(Explanation::Absent)) };
        if let Some(entry) = places.iter().find_map(in_memory) {
            let accepted = self.guard.accepts(&entry);
            return Pending::now(Ok(Found { entry, tier: "memory", accepted }));
        }
        let (places, face, shared) = (places.to_vec(), self.face, self.guard.shared());
        let read = async move {
            let mut reason = Explanation::Absent;
            for place in places {
                match outside(place, face).await {
                    Ok((entry, tier)) => {
                        let accepted = shared.iter().all(|test| test(&entry));
                        return Ok(Found { entry, tier, accepted });
                    }
                    Err(other) => reason = reason.or(other),
                }
            }
            Err(reason)
        };
        match face {
            // The tests of a thread can look only now; those of a task have come along.
            Face::Thread => Pending::now(block_on(read).map(|found| {
                let accepted = self.guard.accepts(&found.entry);
                Found { accepted, ..found }
            })),
            Face::Task => Pending::later(read),
        }
    }

    /// What is stored where, on the terms of the attribute.
    fn settings(&self, value: &Kd::Val) -> Result<Vec<Setting<OfProcess, Kd::Val>>, Error> {
        let places = self.places()?;
        if places.is_empty() {
            return Err(Error::unsupported("there is no place for the entry: why not, the error hook was told"));
        }
        let mut settings = Vec::new();
        for place in places {
            let mut put = |extras: &Extras<'_, K, Kd::Val>| {
                let terms = extras.terms(value, place.options().tags);
                let weigh = extras.weigh_any();
                let weight = weigh.as_ref().map_or(0, |weigh| weighed::<K, _>(weigh, self.key, value));
                settings.push(place.setting((value, Kd::copy), terms, weight, false)?);
                Ok(())
            };
            let mut result: Result<(), Error> = Ok(());
            (self.store)(&mut address::Setting::new(&mut |extras| result = put(extras)));
            result?;
        }
        Ok(settings)
    }
}

/// What a value weighs under a key that is not in the store.
fn weighed<K: 'static, V: 'static>(weigh: Weigh<'_>, key: &dyn Ask, value: &V) -> u64 {
    let mut owned: Option<K> = None;
    key.own(&mut owned);
    owned.map_or(0, |key| weigh(&key, value))
}

impl<K: 'static, Kd: Outer<Val: Send + Sync>> Operations for At<'_, K, Kd> {
    fn entry(&self) -> Pending<Option<Box<dyn Any>>> {
        if switch::is_disabled() || UnderLock::is_here() {
            return Pending::now(None);
        }
        let in_memory = |place: &Place<_>| place.read_memory(self.key, Kd::copy);
        let outside = |place: Place<_>, face| async move {
            let entry = place.read_outside::<Kd::Val>(face).await.ok().flatten();
            entry.map(|entry| (entry, "")).ok_or(Explanation::Absent)
        };
        let found = self.find(in_memory, outside);
        found.map(|found| Some(Box::new(found.ok().filter(|found| found.accepted)?.entry) as _))
    }

    fn set(&self, value: Box<dyn Any>) -> Pending<Result<(), Error>> {
        let Ok(value) = value.downcast::<Kd::Val>() else { return Pending::now(Ok(())) };
        if switch::is_disabled() {
            return Pending::now(Ok(()));
        }
        let prepared = switch::reachable().and_then(|()| Ok((self.settings(&value)?, self.held()?)));
        let (settings, held) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Pending::now(Err(error)),
        };
        let face = self.face;
        self.pending(async move {
            let mut result = Ok(());
            for setting in settings {
                result = result.and(setting.set(face, &*held).await.map(drop));
            }
            result
        })
    }

    fn delete(&self) -> Pending<Result<bool, Error>> {
        if let Err(error) = switch::reachable() {
            return Pending::now(Err(error));
        }
        self.deletion()(self.face)
    }

    fn explain(&self) -> Pending<Explanation> {
        if switch::is_disabled() || UnderLock::is_here() {
            return Pending::now(Explanation::Disabled);
        }
        let Ok([first, ..]) = self.places() else { return Pending::now(Explanation::Absent) };
        let absent = absent(first.options(), self.store);
        let in_memory = |place: &Place<_>| place.read_copy(self.key, Kd::copy);
        let found = self.find(in_memory, |place, face| async move { place.explain_outside::<Kd::Val>(face).await });
        found.map(|found| match found {
            Ok(Found { entry, tier, accepted: true }) => {
                Explanation::Hit { tier, age: entry.age(), remaining: entry.remaining() }
            }
            Ok(_) => Explanation::Invalid,
            Err(reason) => reason.or(absent),
        })
    }

    fn deletion(&self) -> Deletion {
        let asked = self.places().and_then(|places| Ok((places.to_vec(), self.held()?)));
        let delete = async move |face| {
            let (places, held) = asked?;
            let mut result = Ok(false);
            for place in places {
                let existed = place.delete(face, &*held).await;
                result = result.and_then(|before| Ok(existed? | before));
            }
            result
        };
        Box::new(move |face| match face {
            Face::Thread => Pending::now(block_on(delete(face))),
            Face::Task => Pending::later(delete(face)),
        })
    }
}

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
