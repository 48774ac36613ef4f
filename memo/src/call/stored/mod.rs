//! Functions with stores outside of memory: how their calls begin.
#![expect(clippy::needless_pass_by_value, reason = "generated code has no other use for what it passes")]

pub(crate) mod address;
pub(crate) mod kind;
pub(crate) mod literal;

use std::ops::ControlFlow;

use super::{
    answer::{Guard, Guarded, Plain},
    begin::{self as steps, KeyOutside, Wanted, Where},
    begun::{Begun, Started},
    home::{Home as _, OfProcess},
    instance::{Instance, Typed},
    site::Site,
    start::{How, Marker, Owned, Val, target_of},
    switch,
};
use crate::{
    error::Error,
    key::{Asking, encode::StoredQuery},
    memory::entries::weigh_any,
    space::{EntryKey, Face, Space, is_memory},
};
use kind::Outer;

/// A call of such a function that was no ordinary hit.
struct Beginning<Kd: Outer, Q: StoredQuery> {
    instance: &'static Typed<Owned<Q>, Val<Kd>>,
    hash: u64,
    /// Is memory still to be looked at before the stores?
    looks: bool,
}

impl<Kd, Q> Beginning<Kd, Q>
where
    Q: StoredQuery<Owned: Send + Sync>,
    Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
{
    /// Gives the value of an ordinary hit in memory.
    fn new<M: Marker>(
        (site, marker): (&'static Site, &M),
        query: &Q,
        guard: &Guard<'_, Kd>,
    ) -> ControlFlow<Kd::Ret, Self> {
        let how = How::with_stores(query.same(), Kd::values());
        let (instance, hash) = (target_of::<M, Typed<_, _>>(site, marker, how), query.hash());
        let has_memory = instance.has_memory();
        let is_looked_at = has_memory && guard.is_open() && switch::is_ordinary();
        if is_looked_at && let Some(value) = instance.hit(query, hash, Kd::copy, Kd::join) {
            return ControlFlow::Break(value);
        }
        ControlFlow::Continue(Self { instance, hash, looks: has_memory && !is_looked_at })
    }

    fn wanted<'a>(&self, key: &'a Asking<'_, Q>, place: Where<'a>) -> Wanted<'a> {
        Wanted { key, hash: self.hash, place, contents: None }
    }

    /// The key of the entry in the stores. One that can't be written counts as an error, and stands nowhere.
    fn outside(&self, query: &Q) -> Option<EntryKey> {
        outside_key(self.instance.space.as_ref()?, query, self.hash).ok()
    }
}

impl<C: ?Sized> Instance<C> {
    /// Is there typed memory in front of the stores, or in their place?
    fn has_memory(&self) -> bool {
        match &self.space {
            Some(space) => space.stores.has_memory(),
            // Those of the function can't tell this instantiation from others.
            None => {
                self.options.outside.is_none_or(|outside| outside.backends.first().is_some_and(|url| is_memory(url)))
            }
        }
    }

    /// Did an instantiation of a function with stores get none but memory?
    pub(super) fn is_left_to_memory(&self) -> bool {
        self.space.is_none() && self.has_memory()
    }
}

/// Where an entry stands in the stores; that its key can't be written is counted.
fn outside_key(space: &Space, query: &impl StoredQuery, hash: u64) -> Result<EntryKey, Error> {
    let key = space.key(hash, |to| query.write(to));
    key.inspect_err(|error| space.stores.failed(error))
}

/// Begins a call.
pub fn begin<M: Marker, Kd, Q>(
    site: &'static Site,
    marker: &M,
    _: Kd,
    query: &Q,
    guard: Guard<'_, Kd>,
) -> Started<OfProcess, Owned<Q>, Kd>
where
    Q: StoredQuery<Owned: Send + Sync>,
    Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
{
    let beginning = match Beginning::new((site, marker), query, &guard) {
        ControlFlow::Break(value) => return Started::Done(value),
        ControlFlow::Continue(beginning) => beginning,
    };
    let (key, outside) = (Asking::copied(query), || beginning.outside(query));
    let wanted = beginning.wanted(&key, Where::ToFind(Face::Thread, &outside));
    let (home, looks) = (OfProcess(beginning.instance), beginning.looks);
    if guard.asks_nothing() {
        let mut answer = Plain::<Kd>(None);
        let settled = steps::settle(home.used(), wanted, &mut answer, looks);
        return Started::at(settled, home, answer.0);
    }
    let mut answer = Guarded::by(&guard);
    let settled = steps::settle(home.used(), wanted, &mut answer, looks);
    Started::at(settled, home, answer.result)
}

/// Begins a call of a function whose entries have weight.
pub fn begin_weighing<M: Marker, Kd, Q>(
    site: &'static Site,
    marker: &M,
    kind: Kd,
    query: &Q,
    guard: Guard<'_, Kd>,
    weigh: impl Fn(&Owned<Q>, &Val<Kd>) -> u64,
) -> Started<OfProcess, Owned<Q>, Kd>
where
    Q: StoredQuery<Owned: Send + Sync>,
    Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
{
    let weigh = weigh_any(weigh);
    begin(site, marker, kind, query, guard.weigh(&weigh))
}

/// The first step of a call, which waits somewhere else. `place` says how the stores are asked.
fn first_step<M: Marker, Kd, Q>(
    place: for<'a> fn(KeyOutside<'a>) -> Where<'a>,
    (site, marker): (&'static Site, &M),
    query: &Q,
    guard: &Guard<'_, Kd>,
) -> Begun<OfProcess, Owned<Q>, Kd>
where
    Q: StoredQuery<Owned: Send + Sync>,
    Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
{
    let beginning = match Beginning::new((site, marker), query, guard) {
        ControlFlow::Break(value) => return Begun::Done(value),
        ControlFlow::Continue(beginning) => beginning,
    };
    let (key, outside) = (Asking::copied(query), || beginning.outside(query));
    let wanted = beginning.wanted(&key, place(&outside));
    let (home, mut answer) = (OfProcess(beginning.instance), Guarded::by(guard));
    let step = steps::begin(home.used(), wanted, &mut answer, beginning.looks);
    Begun::at(step, home, answer.result)
}

macro_rules! first_steps {
    ($(#[$doc:meta])* $module:ident: $place:expr) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use super::{
                Begun, Face, Guard, Marker, OfProcess, Outer, Owned, Site, StoredQuery, Val, Where, first_step,
                weigh_any,
            };

            /// The first step of a call.
            pub fn begin<M: Marker, Kd, Q>(
                site: &'static Site,
                marker: &M,
                _: Kd,
                query: &Q,
                guard: Guard<'_, Kd>,
            ) -> Begun<OfProcess, Owned<Q>, Kd>
            where
                Q: StoredQuery<Owned: Send + Sync>,
                Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
            {
                first_step($place, (site, marker), query, &guard)
            }

            /// The first step of a call of a function whose entries have weight.
            pub fn begin_weighing<M: Marker, Kd, Q>(
                site: &'static Site,
                marker: &M,
                kind: Kd,
                query: &Q,
                guard: Guard<'_, Kd>,
                weigh: impl Fn(&Owned<Q>, &Val<Kd>) -> u64,
            ) -> Begun<OfProcess, Owned<Q>, Kd>
            where
                Q: StoredQuery<Owned: Send + Sync>,
                Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
            {
                let weigh = weigh_any(weigh);
                begin(site, marker, kind, query, guard.weigh(&weigh))
            }
        }
    };
}

first_steps!(
    /// Async functions: the caller waits in its task.
    aio: |key| Where::ToFind(Face::Task, key)
);
first_steps!(
    /// One of several keys that a thread asks for together.
    together: |key| Where::Together(Face::Thread, key)
);
first_steps!(
    /// The same in a task.
    together_in_task: |key| Where::Together(Face::Task, key)
);
