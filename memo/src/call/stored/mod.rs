//! Functions with stores outside of memory: how their calls begin.
#![expect(clippy::needless_pass_by_value, reason = "generated code has no other use for what it passes")]

pub(crate) mod address;
pub(crate) mod kind;
pub(crate) mod literal;

use std::sync::Arc;

use super::{
    answer::{Guard, Guarded, Plain},
    begin::{self as steps, Begun, Outside, Started, Wanted},
    instance::{Home as _, OfProcess, Typed},
    site::Site,
    start::{How, Marker, Owned, Val, hit_if_open, target_of},
};
use crate::{
    key::{Asking, encode::StoredQuery},
    space::{EntryKey, Face, Space},
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

    /// Is there typed memory in front?
    fn has_memory(&self) -> bool {
        self.instance.space.as_ref().is_some_and(|space| space.stores.has_memory())
    }

    /// An ordinary hit in memory.
    fn hit(&self, guard: &Guard<'_, Kd>) -> Option<Kd::Ret> {
        if self.has_memory() { hit_if_open(self.instance, self.query, self.hash, guard) } else { None }
    }

    /// Where the entry stands in the stores. A key that can't be written counts as an error, and stands nowhere.
    fn outside(&self, face: Face) -> Option<Outside> {
        let space = self.instance.space.as_ref()?;
        let key = outside_key(space, self.query, self.hash)?;
        Some(Outside { face, key })
    }
}

/// Where an entry stands in the stores, unless its key can't be written.
fn outside_key(space: &Arc<Space>, query: &impl StoredQuery, hash: u64) -> Option<Box<EntryKey>> {
    let key = space.key(hash, |to| query.write(to));
    key.inspect_err(|error| space.stores.failed(error)).ok().map(Box::new)
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
    let (home, key) = (OfProcess(beginning.instance), Asking::shared(query));
    let wanted = Wanted { key: &key, hash: beginning.hash, outside: beginning.outside(Face::Thread) };
    if guard.asks_nothing() {
        let mut answer = Plain::<Kd>(None);
        let settled = steps::settle(home.used(), wanted, &mut answer, false);
        return Started::at(settled, home, answer.0);
    }
    let mut answer = Guarded::by(&guard);
    let looks = !guard.is_open() && beginning.has_memory();
    let settled = steps::settle(home.used(), wanted, &mut answer, looks);
    Started::at(settled, home, answer.result)
}

/// Async functions.
pub(crate) mod aio {
    use super::{
        Asking, Beginning, Begun, Face, Guard, Guarded, Marker, OfProcess, Outer, Owned, Site, StoredQuery, Wanted,
        steps,
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
        let (home, key) = (OfProcess(beginning.instance), Asking::shared(query));
        let wanted = Wanted { key: &key, hash: beginning.hash, outside: beginning.outside(Face::Task) };
        let mut answer = Guarded::by(&guard);
        let looks = !guard.is_open() && beginning.has_memory();
        let step = steps::begin(home.used(), wanted, &mut answer, looks);
        Begun::at(step, home, answer.result)
    }
}
