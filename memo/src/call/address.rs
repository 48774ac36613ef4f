//! Addresses: what the address macros reach of a function's entry without calling the function.

use std::{any::Any, marker::PhantomData, ops::Deref};

use super::{
    answer::Guard,
    entry::Entry,
    explanation::{Explanation, absent},
    extras::Extras,
    home::{Home, OfProcess},
    instance::{AnyInstance, Typed},
    kind::Kind,
    local::Threads,
    pending::Pending,
    site::Declaration,
    start::{How, Marker, addressed},
    switch,
};
use crate::{
    error::Error,
    key::{Ask, Asking, Held, Query, probe::Probe},
    memory::{Found, entries::Weigh, locked::UnderLock},
    space::Face,
};

/// The operations on one address, for a kind that is known inside the function.
pub(crate) trait Operations {
    /// An `Entry` of the stored value, in a box.
    fn entry(&self) -> Pending<Option<Box<dyn Any>>>;
    /// Stores a value of the stored type.
    fn set(&self, value: Box<dyn Any>) -> Pending<Result<(), Error>>;
    fn delete(&self) -> Pending<Result<bool, Error>>;
    fn explain(&self) -> Pending<Explanation>;
    /// Deletes later, from anywhere.
    fn deletion(&self) -> Deletion;
}

/// A deletion that is still to be made.
pub(crate) type Deletion = Box<dyn FnOnce(Face) -> Pending<Result<bool, Error>> + Send>;

/// The address of an entry of a function that returns `R`.
pub struct Address<'a, R> {
    operations: &'a dyn Operations,
    _returns: PhantomData<fn() -> R>,
}

impl<'a, R> Address<'a, R> {
    pub(crate) fn new(operations: &'a dyn Operations) -> Self {
        Self { operations, _returns: PhantomData }
    }

    /// Lets the call's place find the kind again.
    pub fn probe(&self) -> Probe<R> {
        Probe::NEW
    }

    pub fn entry<Kd: Kind>(&self, kind: Kd) -> Option<Entry<Kd::Val>> {
        self.pending_entry(kind).wait()
    }

    pub fn get<Kd: Kind>(&self, kind: Kd) -> Option<Kd::Val> {
        self.entry(kind).map(Entry::into_value)
    }

    /// # Errors
    /// From under a lock of the store, or if a store can't be reached.
    pub fn set<Kd: Kind>(&self, _: Kd, value: Kd::Val) -> Result<(), Error> {
        self.operations.set(Box::new(value)).wait()
    }

    /// # Errors
    /// From under a lock of the store, or if a store can't be reached.
    pub fn delete(&self) -> Result<bool, Error> {
        self.operations.delete().wait()
    }

    pub fn explain(&self) -> Explanation {
        self.operations.explain().wait()
    }

    fn pending_entry<Kd: Kind>(&self, _: Kd) -> Pending<Option<Entry<Kd::Val>>> {
        self.operations.entry().map(|entry| entry?.downcast().ok().map(|entry| *entry))
    }

    pub(crate) fn deletion(&self) -> Deletion {
        self.operations.deletion()
    }
}

/// The work of storing a value, on the terms that generated code completes.
pub(crate) type Store<'a, K, V> = &'a dyn Fn(&mut Setting<'_, K, V>);

/// A value that is being stored at an address.
pub struct Setting<'s, K, V> {
    put: &'s mut dyn FnMut(&Extras<'_, K, V>),
}

impl<'s, K, V> Setting<'s, K, V> {
    pub(crate) fn new(put: &'s mut dyn FnMut(&Extras<'_, K, V>)) -> Self {
        Self { put }
    }

    pub fn extras<'a>(&self) -> Extras<'a, K, V> {
        Extras::new()
    }

    #[expect(clippy::needless_pass_by_value, reason = "generated code has no other use for it")]
    pub fn store(&mut self, extras: Extras<'_, K, V>) {
        (self.put)(&extras);
    }
}

/// Stores a value on the declared terms.
pub fn unchanged<K, V>(set: &mut Setting<'_, K, V>) {
    set.store(set.extras());
}

struct At<'a, K, Kd: Kind> {
    /// Several only where generics that the address does not name made several instances.
    instances: &'a [&'a AnyInstance],
    key: &'a dyn Ask,
    hash: u64,
    guard: Guard<'a, Kd>,
    store: Store<'a, K, Kd::Val>,
    /// Deletes this key on other threads.
    elsewhere: &'a dyn Fn(u64),
    later: &'a dyn Fn() -> Deletion,
}

impl<K: 'static, Kd: Kind> Operations for At<'_, K, Kd> {
    fn entry(&self) -> Pending<Option<Box<dyn Any>>> {
        if switch::is_disabled() || UnderLock::is_here() {
            return Pending::now(None);
        }
        let entry = |instance: &&AnyInstance| {
            instance.entry(self.hash, self.key, Kd::copy).1.filter(|entry| self.guard.refuses(entry).is_none())
        };
        Pending::now(self.instances.iter().find_map(entry).map(|entry| Box::new(entry) as _))
    }

    fn set(&self, value: Box<dyn Any>) -> Pending<Result<(), Error>> {
        let Ok(value) = value.downcast::<Kd::Val>() else { return Pending::now(Ok(())) };
        if switch::is_disabled() {
            return Pending::now(Ok(()));
        }
        if let Err(error) = switch::reachable().and_then(|()| self.guard.sees_dependency()) {
            return Pending::now(Err(error));
        }
        for instance in self.instances {
            let options = &instance.options;
            let mut put = |extras: &Extras<'_, K, Kd::Val>| {
                let terms = extras.terms(&value, options.tags);
                let weigh = extras.weigh_any();
                let mut copy = Some(Kd::copy(&value));
                let weigh = weigh.as_ref().map(|weigh| weigh as Weigh<'_>);
                instance.store.set(
                    self.hash,
                    self.key,
                    terms.put(options, terms.stamp(options), &mut copy, weigh, true),
                );
            };
            (self.store)(&mut Setting::new(&mut put));
        }
        Pending::now(Ok(()))
    }

    fn delete(&self) -> Pending<Result<bool, Error>> {
        if let Err(error) = switch::reachable() {
            return Pending::now(Err(error));
        }
        let mut existed = false;
        for instance in self.instances {
            existed |= instance.delete(self.hash, self.key);
        }
        (self.elsewhere)(self.hash);
        Pending::now(Ok(existed))
    }

    fn explain(&self) -> Pending<Explanation> {
        if switch::is_disabled() || UnderLock::is_here() {
            return Pending::now(Explanation::Disabled);
        }
        let explain = |instance: &&AnyInstance| match instance.entry(self.hash, self.key, Kd::copy) {
            (_, Some(entry)) => self.guard.refuses(&entry).unwrap_or_else(|| Explanation::Hit {
                tier: "memory",
                age: entry.age(),
                remaining: entry.remaining(),
            }),
            (Found::Expired, None) => Explanation::Expired,
            (_, None) => Explanation::Absent,
        };
        let absent = || self.instances.first().map(|instance| absent(&instance.options, self.store));
        let found = self.instances.iter().map(explain).find(|found| *found != Explanation::Absent);
        Pending::now(found.or_else(absent).unwrap_or(Explanation::Absent))
    }

    fn deletion(&self) -> Deletion {
        (self.later)()
    }
}

pub(crate) type Then<'a, R> = &'a mut dyn FnMut(&Address<'_, R>);

/// Gives the address of an entry of a function of the process.
pub fn address<M: Marker, Kd, Q, R>(
    declared: &'static Declaration,
    marker: &M,
    _: Kd,
    query: &Q,
    guard: Guard<'_, Kd>,
    store: Store<'_, Q::Owned, Kd::Val>,
    then: Then<'_, R>,
) where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    let all: Vec<&'static Typed<Q::Owned, Kd::Val>> = addressed(declared, marker, How::in_memory(query.same()));
    let homes: Vec<_> = all.into_iter().map(|instance| OfProcess(instance)).collect();
    let instances: Vec<_> = homes.iter().map(Home::instance).collect();
    let (key, hash) = (Asking::shared(query), query.hash());
    let later = &|| {
        let (homes, held) = (homes.clone(), key.hold());
        let delete = move |key: Held| homes.iter().fold(false, |any, home| any | home.instance().delete(hash, &*key));
        Box::new(move |_| Pending::now(Ok(held.is_some_and(delete)))) as Deletion
    };
    let at = At { instances: &instances, key: &key, hash, guard, store, elsewhere: &|_| {}, later };
    then(&Address::new(&at));
}

/// `scope = "thread"`.
pub(crate) mod local {
    use super::{
        AnyInstance, Asking, At, Declaration, Deletion, Guard, How, Kind, Marker, Pending, Query, Store, Then, Threads,
        addressed,
    };

    /// Gives the address of an entry on the calling thread; deleting reaches all threads.
    pub fn address<M: Marker, Kd: Kind, Q: Query, R>(
        declared: &'static Declaration,
        marker: &M,
        _: Kd,
        query: &Q,
        guard: Guard<'_, Kd>,
        store: Store<'_, Q::Owned, Kd::Val>,
        then: Then<'_, R>,
    ) {
        let all: Vec<&'static Threads<Q::Owned, Kd::Val>> = addressed(declared, marker, How::in_memory(query.same()));
        let homes: Vec<_> = all.iter().map(|threads| threads.here()).collect();
        let instances: Vec<&AnyInstance> = homes.iter().map(|home| &**home as _).collect();
        let (key, hash) = (Asking::local(query), query.hash());
        let later = &|| {
            let all = all.clone();
            Box::new(move |_| {
                for threads in &all {
                    threads.delete_hash(hash);
                }
                Pending::now(Ok(false))
            }) as Deletion
        };
        let elsewhere = &|hash| all.iter().for_each(|threads| threads.delete_hash(hash));
        let at = At { instances: &instances, key: &key, hash, guard, store, elsewhere, later };
        then(&super::Address::new(&at));
    }
}

/// Async functions: the same operations, whose results are futures.
pub(crate) mod aio {
    use super::{Declaration, Deref, Entry, Error, Explanation, Guard, Kind, Marker, Pending, Query, Store};

    /// The address of an entry of an async function.
    pub struct Address<'a, R>(super::Address<'a, R>);

    impl<'a, R> Deref for Address<'a, R> {
        type Target = super::Address<'a, R>;

        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }

    impl<'a, R> Address<'a, R> {
        pub(crate) fn of(address: &super::Address<'a, R>) -> Self {
            Self(super::Address::new(address.operations))
        }

        pub fn entry<Kd: Kind>(&self, kind: Kd) -> Pending<Option<Entry<Kd::Val>>> {
            self.0.pending_entry(kind)
        }

        pub fn get<Kd: Kind>(&self, kind: Kd) -> Pending<Option<Kd::Val>> {
            self.entry(kind).map(|entry| entry.map(Entry::into_value))
        }

        pub fn set<Kd: Kind>(&self, _: Kd, value: Kd::Val) -> Pending<Result<(), Error>> {
            self.0.operations.set(Box::new(value))
        }

        pub fn delete(&self) -> Pending<Result<bool, Error>> {
            self.0.operations.delete()
        }

        pub fn explain(&self) -> Pending<Explanation> {
            self.0.operations.explain()
        }
    }

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
        Q: Query<Owned: Send + Sync>,
        Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
    {
        let mut then = |address: &super::Address<'_, R>| then(&Address::of(address));
        super::address(declared, marker, kind, query, guard, store, &mut then);
    }
}
