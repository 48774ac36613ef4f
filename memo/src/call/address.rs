//! Addresses: what the address macros reach of a function's entry without calling the function.

use std::{future::Ready, marker::PhantomData, ops::Deref, rc::Rc};

use super::{
    begin::Guard,
    entry::Entry,
    extras::Extras,
    instance::{Home, Instance, Key, UnderLock, Val},
    kind::Kind,
    local::Threads,
    run::Terms,
    site::Site,
    start::{Marker, Presented, local_at, shared_at},
    switch,
};
use crate::{
    error::{Error, Kind as ErrorKind},
    key::{Held, Query, probe::Probe},
    memory::{Found, Gone},
};

/// Why a call would hit or miss: what [`explain_cache!`](crate::explain_cache) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Explanation {
    /// The call would hit.
    #[non_exhaustive]
    Hit {
        /// Where the entry lives.
        tier: &'static str,
        /// How long ago it was stored.
        age: std::time::Duration,
        /// How long it still lives; `None` if it does not expire.
        remaining: Option<std::time::Duration>,
    },
    /// There is no entry: it was never stored, or was deleted, cleared or evicted.
    Absent,
    /// There is an entry whose time to live has passed.
    Expired,
    /// There is an entry that `validate` does not accept.
    Invalid,
    /// Caching is switched off here.
    Disabled,
}

impl Explanation {
    /// Would the call hit?
    pub fn is_hit(&self) -> bool {
        matches!(self, Self::Hit { .. })
    }
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hit { tier, age, remaining: Some(remaining) } => {
                write!(f, "hit in {tier}, stored {age:?} ago, expires in {remaining:?}")
            }
            Self::Hit { tier, age, remaining: None } => write!(f, "hit in {tier}, stored {age:?} ago"),
            Self::Absent => f.write_str("miss: there is no entry"),
            Self::Expired => f.write_str("miss: the entry has expired"),
            Self::Invalid => f.write_str("miss: `validate` does not accept the entry"),
            Self::Disabled => f.write_str("miss: caching is switched off"),
        }
    }
}

/// The operations on one address, for a kind that is known inside the function.
pub(crate) trait Operations {
    /// An `Entry` of the stored value, in a box.
    fn entry(&self) -> Option<Box<dyn std::any::Any>>;
    /// Stores a value of the stored type.
    fn set(&self, value: Box<dyn std::any::Any>) -> Result<(), Error>;
    fn delete(&self) -> Result<bool, Error>;
    fn explain(&self) -> Explanation;
    /// Deletes later, from anywhere.
    fn deletion(&self) -> Deletion;
}

/// A deletion that is still to be made.
pub(crate) type Deletion = Box<dyn FnOnce() -> bool + Send>;

/// The address of an entry of a function that returns `R`.
pub struct Address<'a, R> {
    operations: &'a dyn Operations,
    _returns: PhantomData<fn() -> R>,
}

impl<R> Address<'_, R> {
    /// Lets the call's place find the kind again.
    pub fn probe(&self) -> Probe<R> {
        Probe::NEW
    }

    pub fn entry<Kd: Kind>(&self, _: Kd) -> Option<Entry<Kd::Val>> {
        let entry = self.operations.entry()?;
        entry.downcast().ok().map(|entry| *entry)
    }

    pub fn get<Kd: Kind>(&self, kind: Kd) -> Option<Kd::Val> {
        self.entry(kind).map(Entry::into_value)
    }

    /// # Errors
    /// From under a lock of the store.
    pub fn set<Kd: Kind>(&self, _: Kd, value: Kd::Val) -> Result<(), Error> {
        self.operations.set(Box::new(value))
    }

    /// # Errors
    /// From under a lock of the store.
    pub fn delete(&self) -> Result<bool, Error> {
        self.operations.delete()
    }

    pub fn explain(&self) -> Explanation {
        self.operations.explain()
    }

    pub(crate) fn deletion(&self) -> Deletion {
        self.operations.deletion()
    }
}

/// The work of storing a value, on the terms that generated code completes.
type Store<'a, K, V> = &'a dyn Fn(&mut Setting<'_, K, V>);

/// A value that is being stored at an address.
pub struct Setting<'s, K, V> {
    put: &'s mut dyn FnMut(&Extras<'_, K, V>),
}

impl<K, V> Setting<'_, K, V> {
    pub fn extras<'a>(&self) -> Extras<'a, K, V> {
        Extras::new()
    }

    #[expect(clippy::needless_pass_by_value, reason = "generated code has no other use for it")]
    pub fn store(&mut self, extras: Extras<'_, K, V>) {
        (self.put)(&extras);
    }
}

struct At<'a, H: Home, Q> {
    /// Several only where generics that the address does not name made several instances.
    homes: Vec<H>,
    query: &'a Q,
    guard: Guard<'a, H::Kind>,
    store: Store<'a, Key<H>, Val<H>>,
    /// Deletes this key on other threads.
    elsewhere: &'a dyn Fn(u64),
    later: &'a dyn Fn(u64) -> Deletion,
}

impl<H: Home, Q: Query<Owned = Key<H>>> Operations for At<'_, H, Q> {
    fn entry(&self) -> Option<Box<dyn std::any::Any>> {
        if switch::is_disabled() || UnderLock::is_here() {
            return None;
        }
        let hash = self.query.hash();
        let entry = |home: &H| home.entry(self.query, hash, false).1.filter(|entry| !self.guard.rejects(entry));
        self.homes.iter().find_map(entry).map(|entry| Box::new(entry) as _)
    }

    fn set(&self, value: Box<dyn std::any::Any>) -> Result<(), Error> {
        let Ok(value) = value.downcast::<Val<H>>() else { return Ok(()) };
        if switch::is_disabled() {
            return Ok(());
        }
        reachable()?;
        let hash = self.query.hash();
        for home in &self.homes {
            let copy = H::Kind::copy(&value);
            let mut copy = Some(copy);
            let mut put = |extras: &Extras<'_, Key<H>, Val<H>>| {
                let Some(copy) = copy.take() else { return };
                let terms = Terms::new(home, &copy, extras);
                let entry = (self.query.to_owned(), copy);
                // Dropped after the locks: `Drop` is the user's code.
                let mut gone = Gone::new();
                let _locked = UnderLock::enter();
                home.flights.invalidate(self.query, hash, || {
                    terms.store(home, hash, entry, extras, true, &mut gone);
                });
            };
            (self.store)(&mut Setting { put: &mut put });
        }
        Ok(())
    }

    fn delete(&self) -> Result<bool, Error> {
        reachable()?;
        let hash = self.query.hash();
        let mut existed = false;
        for home in &self.homes {
            existed |= home.delete(self.query, hash);
        }
        (self.elsewhere)(hash);
        Ok(existed)
    }

    fn explain(&self) -> Explanation {
        if switch::is_disabled() {
            return Explanation::Disabled;
        }
        let hash = self.query.hash();
        let explain = |home: &H| match home.entry(self.query, hash, false) {
            (_, Some(entry)) if self.guard.rejects(&entry) => Explanation::Invalid,
            (_, Some(entry)) => Explanation::Hit { tier: "memory", age: entry.age(), remaining: entry.remaining() },
            (Found::Expired, None) => Explanation::Expired,
            (_, None) => Explanation::Absent,
        };
        let all: Vec<_> = self.homes.iter().map(explain).collect();
        all.iter().find(|e| **e != Explanation::Absent).cloned().unwrap_or(Explanation::Absent)
    }

    fn deletion(&self) -> Deletion {
        (self.later)(self.query.hash())
    }
}

/// From a key's or a value's `Eq` or `Clone`, which runs under a lock of the store, nothing can be changed.
fn reachable() -> Result<(), Error> {
    if UnderLock::is_here() {
        let message = "the cache can't be changed from a key's or value's `Eq` or `Clone`: they run under its lock";
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    Ok(())
}

type Then<'a, R> = &'a mut dyn FnMut(&Address<'_, R>);

/// Gives the address of an entry of a function of the process.
pub fn address<M: Marker, Kd, Q, R>(
    site: &'static Site,
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
    let homes = shared_at::<_, Kd>(Presented::new::<M, Instance<Q::Owned, Kd>>(site, marker), query.same());
    let later = &|hash| {
        let (homes, held) = (homes.clone(), Held::new(query, hash));
        Box::new(move || homes.iter().fold(false, |any, home| any | home.delete(&held, hash))) as Deletion
    };
    let at = At { homes: homes.clone(), query, guard, store, elsewhere: &|_| {}, later };
    then(&Address { operations: &at, _returns: PhantomData });
}

/// `scope = "thread"`.
pub(crate) mod local {
    use super::{
        At, Deletion, Guard, Instance, Kind, Marker, PhantomData, Presented, Query, Rc, Site, Store, Then, Threads,
        local_at,
    };

    /// Gives the address of an entry on the calling thread; deleting reaches all threads.
    pub fn address<M: Marker, Kd: Kind, Q: Query, R>(
        site: &'static Site,
        marker: &M,
        _: Kd,
        query: &Q,
        guard: Guard<'_, Kd>,
        store: Store<'_, Q::Owned, Kd::Val>,
        then: Then<'_, R>,
    ) {
        let all = local_at::<_, Kd>(Presented::new::<M, Threads<Q::Owned, Kd>>(site, marker), query.same());
        let homes: Vec<Rc<Instance<Q::Owned, Kd>>> = all.iter().map(|threads| threads.here()).collect();
        let later = &|hash| {
            let all = all.clone();
            Box::new(move || {
                for threads in &all {
                    threads.delete_hash(hash);
                }
                false
            }) as Deletion
        };
        let elsewhere = &|hash| all.iter().for_each(|threads| threads.delete_hash(hash));
        let at = At { homes, query, guard, store, elsewhere, later };
        then(&super::Address { operations: &at, _returns: PhantomData });
    }
}

/// Async functions: the same operations, whose results are futures.
pub(crate) mod aio {
    use super::{Deref, Entry, Error, Explanation, Guard, Kind, Marker, Query, Ready, Site, Store};

    /// The address of an entry of an async function.
    pub struct Address<'a, R>(super::Address<'a, R>);

    impl<'a, R> Deref for Address<'a, R> {
        type Target = super::Address<'a, R>;

        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }

    impl<R> Address<'_, R> {
        pub fn entry<Kd: Kind>(&self, kind: Kd) -> Ready<Option<Entry<Kd::Val>>> {
            std::future::ready(self.0.entry(kind))
        }

        pub fn get<Kd: Kind>(&self, kind: Kd) -> Ready<Option<Kd::Val>> {
            std::future::ready(self.0.get(kind))
        }

        pub fn set<Kd: Kind>(&self, kind: Kd, value: Kd::Val) -> Ready<Result<(), Error>> {
            std::future::ready(self.0.set(kind, value))
        }

        pub fn delete(&self) -> Ready<Result<bool, Error>> {
            std::future::ready(self.0.delete())
        }

        pub fn explain(&self) -> Ready<Explanation> {
            std::future::ready(self.0.explain())
        }
    }

    /// Gives the address of an entry of an async function.
    pub fn address<M: Marker, Kd, Q, R>(
        site: &'static Site,
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
        let mut then = |address: &super::Address<'_, R>| {
            then(&Address(super::Address { operations: address.operations, _returns: super::PhantomData }));
        };
        super::address(site, marker, kind, query, guard, store, &mut then);
    }
}
