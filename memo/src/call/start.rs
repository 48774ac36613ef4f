//! The entry points of generated code: from a site to the instance, and the first step of the call.

use std::{any::TypeId, rc::Rc, sync::Arc};

use super::{
    begin::{self as steps, Begun, Guard, Started},
    instance::{Home, Instance, Key},
    kind::Kind,
    local::Threads,
    names,
    registry::{Identity, Reach, function_of},
    site::Site,
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

/// How the function and its address form find the same instance.
pub(crate) fn identity<M: Marker>(site: &Site, marker: &M) -> Identity {
    let name = names::without_closures(std::any::type_name::<M>());
    Identity { prefix: names::prefix(name, site.name), generics: marker(), name: name.to_owned() }
}

pub(crate) fn make_shared<K, Kd>(
    site: &'static Site,
    same: fn(&K, &K) -> bool,
) -> impl FnOnce(usize, Arc<Counters>) -> (&'static Instance<K, Kd>, &'static dyn Reach)
where
    K: Send + Sync + 'static,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    move |id, counters| {
        let instance: &'static _ = Box::leak(Box::new(Instance::new(id, site, counters, same)));
        (instance, instance)
    }
}

pub(crate) fn make_local<K: 'static, Kd: Kind>(
    site: &'static Site,
    same: fn(&K, &K) -> bool,
) -> impl FnOnce(usize, Arc<Counters>) -> (&'static Threads<K, Kd>, &'static dyn Reach) {
    move |id, counters| {
        let threads: &'static _ = Box::leak(Box::new(Threads::new(id, site, counters, same)));
        (threads, threads)
    }
}

#[inline]
fn shared<M: Marker, Kd, Q>(site: &'static Site, marker: &M, query: &Q) -> Shared<Q, Kd>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    let id = typeid::of::<M>();
    site.target(id, || function_of(site).instance(&identity(site, marker), id, make_shared(site, query.same())))
}

fn local<M: Marker, Kd: Kind, Q: Query>(site: &'static Site, marker: &M, query: &Q) -> Local<Q, Kd> {
    let id = typeid::of::<M>();
    let threads: &Threads<Owned<Q>, Kd> = site
        .target(id, || function_of(site).instance(&identity(site, marker), id, make_local(site, query.same())));
    threads.here()
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
fn start<H: Home>(home: &H, query: &impl Query<Owned = Key<H>>) -> Started<H> {
    steps::begin(home, query, query.hash()).settle(None)
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
    steps::begin_with(&shared(site, marker, query), query, query.hash(), &guard).settle(Some(&guard))
}

/// Async functions: the first step only; the caller waits in its task.
pub mod aio {
    use super::{Begun, Guard, Kind, Marker, Query, Shared, Site, steps, shared};

    pub fn begin<M: Marker, Kd, Q>(site: &'static Site, marker: &M, _: Kd, query: &Q) -> Begun<Shared<Q, Kd>>
    where
        Q: Query<Owned: Send + Sync>,
        Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
    {
        steps::begin(&shared(site, marker, query), query, query.hash())
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
        steps::begin_with(&shared(site, marker, query), query, query.hash(), &guard)
    }
}

/// `scope = "thread"`.
pub mod local {
    use super::{Guard, Kind, Local, Marker, Query, Site, Started, steps, local, start};

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
        steps::begin_with(&local(site, marker, query), query, query.hash(), &guard).settle(Some(&guard))
    }
}
