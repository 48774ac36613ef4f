//! The entry points of generated code: from a site to the instance, and the first step of the call.
#![expect(clippy::needless_pass_by_value, reason = "generated code has no other use for what it passes")]

use std::{
    any::{Any, TypeId},
    rc::Rc,
    sync::Arc,
};

use super::{
    begin::{self as steps, Begun, Guard, Started},
    instance::{Home, Instance, Key, Ret},
    kind::Kind,
    local::Threads,
    names,
    registry::{Identity, Make, Reach, function_of},
    site::Site,
    typed::{Mark, TypedRef},
};
use crate::{key::Query, stats::counters::Counters};

/// A closure of the function's own: its type tells instantiations apart, its result lists the generics.
pub trait Marker: Fn() -> Vec<TypeId> {}

impl<M: Fn() -> Vec<TypeId>> Marker for M {}

type Owned<Q> = <Q as Query>::Owned;

/// An instance shared by the process.
pub(crate) type Shared<Q, Kd> = &'static Instance<Owned<Q>, Kd>;
/// An instance of the calling thread.
pub(crate) type Local<Q, Kd> = Rc<Instance<Owned<Q>, Kd>>;

/// An instantiation, as one of its generated functions presents it.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    site: &'static Site,
    mark: Mark,
    /// Of the marker.
    name: &'static str,
    generics: &'a dyn Marker,
}

impl<'a> Presented<'a> {
    #[inline]
    pub(crate) fn new<M: Marker, T: Any>(site: &'static Site, marker: &'a M) -> Self {
        Self { site, mark: Mark::new::<M, T>(), name: std::any::type_name::<M>(), generics: marker }
    }

    /// How the function and its address form find the same instance.
    fn identity(self) -> Identity {
        let name = names::without_closures(self.name);
        let prefix = names::prefix(name, self.site.name);
        Identity { prefix, generics: (self.generics)(), name: name.to_owned() }
    }

    /// What the function itself uses.
    fn resolve(self, make: Make<'_>) -> TypedRef {
        let find = || function_of(self.site).instance(&self.identity(), self.mark, make);
        self.site.target(self.mark, &find)
    }

    /// What its address form may mean.
    fn addressed(self, make: Make<'_>) -> Vec<TypedRef> {
        function_of(self.site).addressed(&self.identity(), self.mark.of, make)
    }
}

type MakeResult = (TypedRef, &'static dyn Reach);

fn make_shared<K, Kd>(site: &'static Site, same: fn(&K, &K) -> bool) -> impl Fn(usize, Arc<Counters>) -> MakeResult
where
    K: Send + Sync + 'static,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    move |id, counters| {
        let instance: &'static Instance<K, Kd> = Box::leak(Box::new(Instance::new(id, site, counters, same)));
        (TypedRef::new(instance), instance)
    }
}

fn make_local<K: 'static, Kd: Kind>(
    site: &'static Site,
    same: fn(&K, &K) -> bool,
) -> impl Fn(usize, Arc<Counters>) -> MakeResult {
    move |id, counters| {
        let threads: &'static Threads<K, Kd> = Box::leak(Box::new(Threads::new(id, site, counters, same)));
        (TypedRef::new(threads), threads)
    }
}

#[inline]
fn shared<M: Marker, Kd, Q>(site: &'static Site, marker: &M, query: &Q) -> Shared<Q, Kd>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    site.first::<M, Instance<Owned<Q>, Kd>>()
        .unwrap_or_else(|| resolve_shared(Presented::new::<M, Instance<Owned<Q>, Kd>>(site, marker), query.same()))
}

/// The instance of an instantiation that did not come first, or that comes for the first time.
#[cold]
#[inline(never)]
fn resolve_shared<K, Kd>(presented: Presented<'_>, same: fn(&K, &K) -> bool) -> &'static Instance<K, Kd>
where
    K: Send + Sync + 'static,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    let target = presented.resolve(&make_shared::<K, Kd>(presented.site, same));
    target.get().expect("it was asked for by type")
}

/// All instances of the process that an address may mean.
pub(crate) fn shared_at<K, Kd>(presented: Presented<'_>, same: fn(&K, &K) -> bool) -> Vec<&'static Instance<K, Kd>>
where
    K: Send + Sync + 'static,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    let make = make_shared::<K, Kd>(presented.site, same);
    let targets = presented.addressed(&make);
    targets.into_iter().filter_map(TypedRef::get).collect()
}

fn local<M: Marker, Kd: Kind, Q: Query>(site: &'static Site, marker: &M, query: &Q) -> Local<Q, Kd> {
    let threads = site
        .first::<M, Threads<Owned<Q>, Kd>>()
        .unwrap_or_else(|| resolve_local(Presented::new::<M, Threads<Owned<Q>, Kd>>(site, marker), query.same()));
    threads.here()
}

#[cold]
#[inline(never)]
fn resolve_local<K: 'static, Kd: Kind>(presented: Presented<'_>, same: fn(&K, &K) -> bool) -> &'static Threads<K, Kd> {
    let target = presented.resolve(&make_local::<K, Kd>(presented.site, same));
    target.get().expect("it was asked for by type")
}

/// The threads' instances that an address may mean.
pub(crate) fn local_at<K: 'static, Kd: Kind>(
    presented: Presented<'_>,
    same: fn(&K, &K) -> bool,
) -> Vec<&'static Threads<K, Kd>> {
    let make = make_local::<K, Kd>(presented.site, same);
    let targets = presented.addressed(&make);
    targets.into_iter().filter_map(TypedRef::get).collect()
}

/// Begins a call.
#[inline]
pub fn begin<M: Marker, Kd, Q>(site: &'static Site, marker: &M, _: Kd, query: &Q) -> Started<Shared<Q, Kd>>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    start(&shared(site, marker, query), query)
}

/// Shared by all functions of the same types.
pub(crate) fn start<H: Home>(home: &H, query: &impl Query<Owned = Key<H>>) -> Started<H> {
    let hash = query.hash();
    match steps::hit(home, query, hash) {
        Some(value) => Started::Done(value),
        None => miss(home, query, hash),
    }
}

#[cold]
#[inline(never)]
fn miss<H: Home>(home: &H, query: &impl Query<Owned = Key<H>>, hash: u64) -> Started<H> {
    steps::begin(home, query, hash).settle(None)
}

/// An ordinary hit of a call that uses entries without looking at them.
fn hit_if_open<H: Home>(
    home: &H,
    query: &impl Query<Owned = Key<H>>,
    hash: u64,
    guard: &Guard<'_, H::Kind>,
) -> Option<Ret<H>> {
    if guard.is_open() { steps::hit(home, query, hash) } else { None }
}

fn start_with<H: Home>(home: &H, query: &impl Query<Owned = Key<H>>, guard: &Guard<'_, H::Kind>) -> Started<H> {
    let hash = query.hash();
    match hit_if_open(home, query, hash, guard) {
        Some(value) => Started::Done(value),
        None => steps::begin_with(home, query, hash, guard).settle(Some(guard)),
    }
}

/// Begins a call whose entries are looked at before they are used, or that may fail.
pub fn begin_with<M: Marker, Kd, Q>(
    site: &'static Site,
    marker: &M,
    _: Kd,
    query: &Q,
    guard: Guard<'_, Kd>,
) -> Started<Shared<Q, Kd>>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    start_with(&shared(site, marker, query), query, &guard)
}

/// Async functions: the first step only; the caller waits in its task.
pub(crate) mod aio {
    use super::{Begun, Guard, Kind, Marker, Query, Shared, Site, hit_if_open, shared, steps};

    pub fn begin<M: Marker, Kd, Q>(site: &'static Site, marker: &M, _: Kd, query: &Q) -> Begun<Shared<Q, Kd>>
    where
        Q: Query<Owned: Send + Sync>,
        Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
    {
        let (home, hash) = (shared(site, marker, query), query.hash());
        match steps::hit(&home, query, hash) {
            Some(value) => Begun::Done(value),
            None => steps::begin(&home, query, hash),
        }
    }

    pub fn begin_with<M: Marker, Kd, Q>(
        site: &'static Site,
        marker: &M,
        _: Kd,
        query: &Q,
        guard: Guard<'_, Kd>,
    ) -> Begun<Shared<Q, Kd>>
    where
        Q: Query<Owned: Send + Sync>,
        Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
    {
        let (home, hash) = (shared(site, marker, query), query.hash());
        match hit_if_open(&home, query, hash, &guard) {
            Some(value) => Begun::Done(value),
            None => steps::begin_with(&home, query, hash, &guard),
        }
    }
}

/// `scope = "thread"`.
pub(crate) mod local {
    use super::{Guard, Kind, Local, Marker, Query, Site, Started, local, start, start_with};

    pub fn begin<M: Marker, Kd: Kind, Q: Query>(
        site: &'static Site,
        marker: &M,
        _: Kd,
        query: &Q,
    ) -> Started<Local<Q, Kd>> {
        start(&local(site, marker, query), query)
    }

    pub fn begin_with<M: Marker, Kd: Kind, Q: Query>(
        site: &'static Site,
        marker: &M,
        _: Kd,
        query: &Q,
        guard: Guard<'_, Kd>,
    ) -> Started<Local<Q, Kd>> {
        start_with(&local(site, marker, query), query, &guard)
    }
}
