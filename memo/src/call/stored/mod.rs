//! Functions with stores outside of memory: how their calls begin.
#![expect(clippy::needless_pass_by_value, reason = "generated code has no other use for what it passes")]

pub(crate) mod address;
pub(crate) mod kind;
pub(crate) mod literal;

use super::{
    answer::{Guard, Guarded, Plain},
    begin::{self as steps, Begun, Outside, Started, Wanted},
    instance::{Home as _, Instance, OfProcess, Typed},
    site::Site,
    start::{How, Marker, Owned, Val, hit_if_open, target_of},
};
use crate::{
    error::Error,
    key::{Asking, encode::StoredQuery},
    memory::{entries::weigh_any, locked::UnderLock},
    space::{EntryKey, Face, Space, is_memory},
};
use kind::Outer;

/// What a call of such a function begins with.
struct Beginning<'q, Kd: Outer, Q: StoredQuery> {
    instance: &'static Typed<Owned<Q>, Val<Kd>>,
    query: &'q Q,
    hash: u64,
}

impl<'q, Kd, Q> Beginning<'q, Kd, Q>
where
    Q: StoredQuery<Owned: Send + Sync>,
    Kd: Outer<Val: Send + Sync, Shared: Send + Sync>,
{
    fn new<M: Marker>(site: &'static Site, marker: &M, query: &'q Q) -> Self {
        let how = How::with_stores(query.same(), Kd::values());
        Self { instance: target_of::<M, Typed<_, _>>(site, marker, how), query, hash: query.hash() }
    }

    /// An ordinary hit in memory.
    fn hit(&self, guard: &Guard<'_, Kd>) -> Option<Kd::Ret> {
        if self.instance.has_memory() { hit_if_open(self.instance, self.query, self.hash, guard) } else { None }
    }

    /// Where the entry stands in the stores. A key that can't be written counts as an error, and stands nowhere.
    fn outside(&self, face: Face) -> Option<Outside> {
        let space = self.instance.space.as_ref()?;
        // What is called from in there goes past the cache.
        if UnderLock::is_here() {
            return None;
        }
        let key = outside_key(space, self.query, self.hash).ok()?;
        Some(Outside { face, key })
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
fn outside_key(space: &Space, query: &impl StoredQuery, hash: u64) -> Result<Box<EntryKey>, Error> {
    let key = space.key(hash, |to| query.write(to));
    key.inspect_err(|error| space.stores.failed(error)).map(Box::new)
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
    let beginning = Beginning::new(site, marker, query);
    if let Some(value) = beginning.hit(&guard) {
        return Started::Done(value);
    }
    let (home, key) = (OfProcess(beginning.instance), Asking::copied(query));
    let wanted = Wanted { key: &key, hash: beginning.hash, outside: beginning.outside(Face::Thread), contents: None };
    if guard.asks_nothing() {
        let mut answer = Plain::<Kd>(None);
        let settled = steps::settle(home.used(), wanted, &mut answer, false);
        return Started::at(settled, home, answer.0);
    }
    let mut answer = Guarded::by(&guard);
    let looks = !guard.is_open() && beginning.instance.has_memory();
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

/// Async functions.
pub(crate) mod aio {
    use super::{
        Asking, Beginning, Begun, Face, Guard, Guarded, Marker, OfProcess, Outer, Owned, Site, StoredQuery, Val,
        Wanted, steps, weigh_any,
    };
    use crate::call::instance::Home as _;

    /// The first step of a call; the caller waits in its task.
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
        let beginning = Beginning::new(site, marker, query);
        if let Some(value) = beginning.hit(&guard) {
            return Begun::Done(value);
        }
        let (home, key) = (OfProcess(beginning.instance), Asking::copied(query));
        let wanted = Wanted { key: &key, hash: beginning.hash, outside: beginning.outside(Face::Task), contents: None };
        let mut answer = Guarded::by(&guard);
        let looks = !guard.is_open() && beginning.instance.has_memory();
        let step = steps::begin(home.used(), wanted, &mut answer, looks);
        Begun::at(step, home, answer.result)
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
