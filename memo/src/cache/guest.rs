//! Functions that keep their entries in a cache object: how their calls begin, and their addresses. What runs and what is
//! stored is up to the steps that all calls take.
#![expect(clippy::needless_pass_by_value, reason = "generated code has no other use for what it passes")]

use std::{
    ops::{ControlFlow, Deref},
    sync::Arc,
};

use super::core::Core;
use crate::{
    call::{
        address::{Address, Store, Then, aio},
        answer::{Guard, Guarded},
        begin::{self as steps, KeyOutside, Wanted, Where},
        begun::{Begun, Started},
        guest::{Guest, OfGuest},
        home::{Contents, Home as _, OfCache},
        kind::Kind,
        place::{Beyond, Place},
        placed::At,
        site::Site,
        start::Marker,
        switch::SetAside,
    },
    error::Error,
    key::{Again, Asking, Query},
    memory::locked::UnderLock,
    space::{EntryKey, Face},
};

/// A cache object, and whatever leads to one: a reference, an `Arc`, a `LazyLock`.
#[diagnostic::on_unimplemented(
    message = "`cache` needs a `Cache<{K}, {V}>`, but this is `{Self}`",
    label = "not a cache of this function's keys and values",
    note = "the first type is the key's, owned (a tuple if it has several parts); the second that of the stored value (for a `Result` what is inside of `Ok`, unless `cache_err` or `err_ttl` is given)"
)]
pub trait Object<K, V> {
    fn core(&self) -> &Core<K, V>;
}

impl<K, V> Object<K, V> for super::Cache<K, V> {
    fn core(&self) -> &Core<K, V> {
        &self.0
    }
}

impl<K, V> Object<K, V> for super::aio::Cache<K, V> {
    fn core(&self) -> &Core<K, V> {
        &self.0
    }
}

#[diagnostic::do_not_recommend]
impl<K, V, P: Deref<Target: Object<K, V>>> Object<K, V> for P {
    fn core(&self) -> &Core<K, V> {
        (**self).core()
    }
}

/// The object that a function's expression leads to.
pub fn object<'c, Q: Query, Kd: Kind, C: ?Sized + Object<Q::Owned, Kd::Val>>(
    _: &Q,
    _: Kd,
    cache: &'c C,
) -> &'c Core<Q::Owned, Kd::Val> {
    cache.core()
}

/// A call that has found its cache object, which it does not borrow any more.
pub struct Found<'q, Q: Query, Kd: Kind> {
    query: Again<'q, Q>,
    state: State<Q, Kd>,
}

enum State<Q: Query, Kd: Kind> {
    Hit(Kd::Ret),
    Asks(Asks<Q, Kd>),
}

/// What a call asks for that was no ordinary hit.
struct Asks<Q: Query, Kd: Kind> {
    home: OfGuest,
    hash: u64,
    /// The cache, if it has stores.
    stored: Option<Core<Q::Owned, Kd::Val>>,
    /// What was saved, if it is still to come in.
    contents: Option<Arc<dyn Contents>>,
    /// Is memory still to be looked at before the stores?
    looks: bool,
}

/// Evaluated: the key and the cache. `is_open`: entries are used without being looked at. The call's mode was set aside for
/// that long.
pub fn find<'q, M: Marker, Kd, Q>(
    site: &'static Site,
    marker: &M,
    _: Kd,
    query: &'q Q,
    is_open: bool,
    core: &Core<Q::Owned, Kd::Val>,
    mode: SetAside,
) -> Found<'q, Q, Kd>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync>,
{
    drop(mode);
    let guest = Guest::of(site, marker);
    let hash = core.hash(query);
    let state = match core.hit(query, (hash, is_open), Kd::copy) {
        ControlFlow::Break(value) => {
            guest.is_in(core.home());
            guest.hit();
            State::Hit(Kd::join(value))
        }
        ControlFlow::Continue(looks) => {
            let home = guest.uses(core.home());
            let contents = home.instance().contents();
            let stored = core.stores().map(|_| core.clone());
            State::Asks(Asks { home, hash, stored, contents, looks })
        }
    };
    Found { query: core.again(query), state }
}

/// Where the entry stands in the stores, if there are any; that its key can't be written is counted.
fn outside<K: 'static, V: 'static>(
    core: &Core<K, V>,
    query: &impl Query<Owned = K>,
    hash: u64,
) -> Result<Option<Beyond>, Error> {
    // What is called from in there goes past the cache.
    let Some(stores) = core.stores().filter(|_| !UnderLock::is_here()) else { return Ok(None) };
    core.outside(&query.to_owned(), hash).inspect_err(|error| stores.failed(error))
}

impl<Q: Query<Owned: Send + Sync>, Kd: Kind> Asks<Q, Kd> {
    fn wanted<'a>(&self, face: Face, key: &'a Asking<'_, Again<'_, Q>>, place: Where<'a>) -> Wanted<'a> {
        let contents = self.contents.clone().map(|contents| contents.bring_in(face));
        Wanted { key, hash: self.hash, place, contents }
    }

    /// The key of the entry in the stores. One that can't be written counts as an error, and stands nowhere.
    fn outside(&self, query: &Q) -> Option<EntryKey> {
        let outside = outside(self.stored.as_ref()?, query, self.hash);
        let (_, key) = outside.inspect_err(|_| self.home.used().store_failed()).ok()??;
        Some(key)
    }
}

impl<Q, Kd> Found<'_, Q, Kd>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    /// Goes on, on a thread.
    pub fn begin(self, guard: Guard<'_, Kd>) -> Started<OfGuest, Q::Owned, Kd> {
        let asks = match self.state {
            State::Hit(result) => return Started::Done(result),
            State::Asks(asks) => asks,
        };
        let (key, outside) = (Asking::copied(&self.query), || asks.outside(self.query.query));
        let wanted = asks.wanted(Face::Thread, &key, Where::ToFind(Face::Thread, &outside));
        let mut answer = Guarded::by(&guard);
        let settled = steps::settle(asks.home.used(), wanted, &mut answer, asks.looks);
        Started::at(settled, asks.home, answer.result)
    }

    /// The first step, in a task.
    pub fn begin_in_task(self, guard: Guard<'_, Kd>) -> Begun<OfGuest, Q::Owned, Kd> {
        self.first_step(Face::Task, |key| Where::ToFind(Face::Task, key), &guard)
    }

    /// The first step for one of several keys that a thread asks for together.
    pub fn begin_together(self, guard: Guard<'_, Kd>) -> Begun<OfGuest, Q::Owned, Kd> {
        self.first_step(Face::Thread, |key| Where::Together(Face::Thread, key), &guard)
    }

    /// The same in a task.
    pub fn begin_together_in_task(self, guard: Guard<'_, Kd>) -> Begun<OfGuest, Q::Owned, Kd> {
        self.first_step(Face::Task, |key| Where::Together(Face::Task, key), &guard)
    }

    fn first_step(
        self,
        face: Face,
        place: for<'a> fn(KeyOutside<'a>) -> Where<'a>,
        guard: &Guard<'_, Kd>,
    ) -> Begun<OfGuest, Q::Owned, Kd> {
        let asks = match self.state {
            State::Hit(result) => return Begun::Done(result),
            State::Asks(asks) => asks,
        };
        let (key, outside) = (Asking::copied(&self.query), || asks.outside(self.query.query));
        let wanted = asks.wanted(face, &key, place(&outside));
        let mut answer = Guarded::by(guard);
        let step = steps::begin(asks.home.used(), wanted, &mut answer, asks.looks);
        Begun::at(step, asks.home, answer.result)
    }
}

/// An address that has found its cache object.
pub struct Addressed<'q, Q: Query, Kd> {
    query: Again<'q, Q>,
    /// An error if the key can't be written.
    place: Result<Place<OfCache>, Error>,
    _kind: Kd,
}

/// Evaluated: the key and the cache.
pub fn find_address<'q, Kd: Kind, Q: Query>(
    kind: Kd,
    query: &'q Q,
    core: &Core<Q::Owned, Kd::Val>,
) -> Addressed<'q, Q, Kd> {
    let hash = core.hash(query);
    let place =
        outside(core, query, hash).map(|outside| Place::new(core.home().clone(), hash, outside).with_contents());
    Addressed { query: core.again(query), place, _kind: kind }
}

impl<Q: Query<Owned: Send + Sync>, Kd: Kind<Val: Send + Sync>> Addressed<'_, Q, Kd> {
    /// Gives the address.
    pub fn address<R>(self, guard: Guard<'_, Kd>, store: Store<'_, Q::Owned, Kd::Val>, then: Then<'_, R>) {
        self.with(Face::Thread, guard, store, then);
    }

    /// Gives the address, whose operations are carried out in a task.
    pub fn address_in_task<R>(
        self,
        guard: Guard<'_, Kd>,
        store: Store<'_, Q::Owned, Kd::Val>,
        then: &mut dyn FnMut(&aio::Address<'_, R>),
    ) {
        let mut then = |address: &Address<'_, R>| then(&aio::Address::of(address));
        self.with(Face::Task, guard, store, &mut then);
    }

    fn with<R>(self, face: Face, guard: Guard<'_, Kd>, store: Store<'_, Q::Owned, Kd::Val>, then: Then<'_, R>) {
        let places = self.place.map(|place| vec![place]);
        let at = At { face, places, key: &Asking::copied(&self.query), guard, store };
        then(&Address::new(&at));
    }
}
