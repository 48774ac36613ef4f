//! One instantiation of a memoized function: its store, its flights, its counters.

use std::{
    cell::{Cell, RefCell},
    num::NonZeroU64,
    ops::Deref,
    rc::Rc,
    sync::Arc,
};

use super::{
    entry::Entry,
    kind::Kind,
    registry::Reach,
    site::{Options, Policy, Scope, Site},
    typed::TypedBox,
};
use crate::{
    clock::Millis,
    flight::table::Flights,
    key::Query,
    memory::{Found, Gone, Settings, Store, front::Front, policy},
    stats::counters::{Counters, ThreadCounters},
    sync::per_thread,
    tags::Tag,
};

pub struct Instance<K, Kd: Kind> {
    pub(crate) id: usize,
    pub(crate) site: &'static Site,
    pub(crate) flights: Flights<K, Kd::Shared>,
    pub(crate) store: Store<K, Kd::Val>,
    pub(crate) counters: Arc<Counters>,
    /// Compares two stored keys.
    pub(crate) same: fn(&K, &K) -> bool,
}

/// Who keeps an instance alive while a call runs: the process, or the thread that it belongs to.
pub trait Home: Clone + Deref<Target = Instance<Self::Key, Self::Kind>> {
    type Key: 'static;
    type Kind: Kind;
}

// For any lifetime: a future that holds one across an await is `Send` only if this is general enough.
impl<K: 'static, Kd: Kind> Home for &Instance<K, Kd> {
    type Key = K;
    type Kind = Kd;
}

impl<K: 'static, Kd: Kind> Home for Rc<Instance<K, Kd>> {
    type Key = K;
    type Kind = Kd;
}

pub(crate) type Key<H> = <H as Home>::Key;
pub(crate) type Val<H> = <<H as Home>::Kind as Kind>::Val;
pub(crate) type Ret<H> = <<H as Home>::Kind as Kind>::Ret;
pub(crate) type Shared<H> = <<H as Home>::Kind as Kind>::Shared;

/// What a thread keeps of an instance.
struct Local<K, V> {
    counters: Arc<ThreadCounters>,
    front: Front<K, V>,
}

/// What the hit path needs of its thread, in one place.
struct Thread {
    /// By the instances' ids.
    locals: RefCell<Vec<Option<TypedBox>>>,
    /// Is this thread inside a user's `Eq`, `Clone` … that runs under one of our locks?
    locked: Cell<bool>,
}

per_thread! {
    static THREAD: Thread = Thread { locals: RefCell::new(Vec::new()), locked: Cell::new(false) };
}

/// Marks the time in which the user's code runs under a lock of ours. A memoized call from in there goes past the
/// cache, because it could wait for the very lock.
pub(crate) struct UnderLock {
    before: bool,
}

impl UnderLock {
    pub(crate) fn enter() -> Self {
        Self { before: THREAD.try_with(|thread| thread.locked.replace(true)).unwrap_or(true) }
    }

    /// The same where the thread is at hand and not yet under a lock.
    #[inline]
    fn on(thread: &Thread) -> UnderLockOn<'_> {
        thread.locked.set(true);
        UnderLockOn(&thread.locked)
    }

    pub(crate) fn is_here() -> bool {
        THREAD.try_with(|thread| thread.locked.get()).unwrap_or(false)
    }
}

impl Drop for UnderLock {
    fn drop(&mut self) {
        let _ = THREAD.try_with(|thread| thread.locked.set(self.before));
    }
}

struct UnderLockOn<'a>(&'a Cell<bool>);

impl Drop for UnderLockOn<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Options {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            max_entries: self.max_entries,
            max_weight: self.max_weight,
            policy: match self.policy {
                Policy::S3Fifo => policy::Kind::S3Fifo,
                Policy::Lru => policy::Kind::Lru,
                Policy::Lfu => policy::Kind::Lfu,
                Policy::Fifo => policy::Kind::Fifo,
            },
            sliding: self.sliding,
            single_thread: self.scope == Scope::Thread,
        }
    }
}

impl<K: 'static, Kd: Kind> Instance<K, Kd> {
    pub(crate) fn new(id: usize, site: &'static Site, counters: Arc<Counters>, same: fn(&K, &K) -> bool) -> Self {
        Self {
            id,
            site,
            flights: Flights::new(),
            store: Store::new(site.options.settings(), counters.clone()),
            counters,
            same,
        }
    }

    /// The value of a key, counted as a hit. `None` may also mean that this thread can't ask: it is ending, or comes
    /// from the user's code that this very path runs.
    #[inline]
    pub(crate) fn hit(&self, query: &impl Query<Owned = K>, hash: u64) -> Option<Kd::Val> {
        THREAD.try_with(|thread| self.hit_on(thread, query, hash)).ok().flatten()
    }

    #[inline]
    fn hit_on(&self, thread: &Thread, query: &impl Query<Owned = K>, hash: u64) -> Option<Kd::Val> {
        if thread.locked.get() {
            return None;
        }
        let mut locals = thread.locals.try_borrow_mut().ok()?;
        let local: &mut Local<K, Kd::Val> = match locals.get_mut(self.id) {
            Some(Some(local)) => local.get_mut()?,
            _ => self.new_local(&mut locals)?,
        };
        if !Front::<K, Kd::Val>::POSSIBLE {
            return Some(self.shared_hit(thread, &local.counters, query, hash)?.0);
        }
        let generation = self.store.generation(hash);
        if let Some(value) = local.front.get(query, hash, generation, Kd::copy) {
            if local.counters.hit() {
                self.time_lookup(&local.counters, query, hash);
            }
            return Some(value);
        }
        self.behind_front(thread, local, query, hash, generation)
    }

    #[inline]
    fn behind_front(
        &self,
        thread: &Thread,
        local: &mut Local<K, Kd::Val>,
        query: &impl Query<Owned = K>,
        hash: u64,
        generation: NonZeroU64,
    ) -> Option<Kd::Val> {
        let (value, expires) = self.shared_hit(thread, &local.counters, query, hash)?;
        if local.front.is_resting() {
            return Some(value);
        }
        let copy = (hash, generation, expires);
        local.front.keep(&self.store, local.counters.hits(), query, copy, || Kd::copy(&value));
        Some(value)
    }

    #[cold]
    fn new_local<'a>(&self, locals: &'a mut Vec<Option<TypedBox>>) -> Option<&'a mut Local<K, Kd::Val>> {
        if locals.len() <= self.id {
            locals.resize_with(self.id + 1, || None);
        }
        let local = Local::<K, Kd::Val> { counters: self.counters.thread(), front: Front::new(&self.store) };
        locals[self.id].insert(TypedBox::new(local)).get_mut()
    }

    #[inline]
    fn shared_hit(
        &self,
        thread: &Thread,
        counters: &ThreadCounters,
        query: &impl Query<Owned = K>,
        hash: u64,
    ) -> Option<(Kd::Val, Millis)> {
        let found = {
            let _locked = UnderLock::on(thread);
            self.store.get(hash, |key| query.matches(key), |stored| (Kd::copy(stored.value()), stored.expires()))?
        };
        if counters.hit() {
            self.time_lookup(counters, query, hash);
        }
        Some(found)
    }

    /// Times a lookup like the one that was just made, without the value's clone.
    #[cold]
    #[inline(never)]
    fn time_lookup(&self, counters: &ThreadCounters, query: &dyn Query<Owned = K>, hash: u64) {
        let start = std::time::Instant::now();
        let _locked = UnderLock::enter();
        self.store.contains(hash, &|key| query.matches(key));
        counters.lookup_took(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    /// The entry of a key with all that is known of it; counts as a use only if `touch`.
    pub(crate) fn entry(
        &self,
        query: &dyn Query<Owned = K>,
        hash: u64,
        touch: bool,
    ) -> (Found, Option<Entry<Kd::Val>>) {
        let _locked = UnderLock::enter();
        let literal = self.site.options.tags;
        let mut entry = None;
        let found = self.store.visit(hash, &|key| query.matches(key), touch, &mut |stored| {
            entry = Some(Entry::new(Kd::copy(stored.value()), stored.stamp(), literal, stored.tags()));
        });
        (found, entry)
    }

    /// Removes the entry of a key, and keeps running bodies from storing theirs.
    pub(crate) fn delete(&self, query: &dyn Query<Owned = K>, hash: u64) -> bool {
        // Dropped last: `Drop` is the user's code, and must find no lock of ours held.
        let mut gone = Gone::new();
        let _locked = UnderLock::enter();
        let removed =
            self.flights.invalidate(query, hash, || self.store.remove(hash, &|key| query.matches(key), &mut gone));
        if removed {
            Counters::add(&self.counters.invalidations, 1);
        }
        removed
    }

    pub(crate) fn delete_hash(&self, hash: u64) -> u64 {
        self.flights.detach_hash(hash);
        self.invalidated(self.store.remove_hash(hash))
    }

    pub(crate) fn clear_all(&self) -> u64 {
        self.flights.detach_all();
        self.invalidated(self.store.clear())
    }

    pub(crate) fn clear_tags(&self, tags: &Arc<[Tag]>) -> u64 {
        self.flights.note_clearing(tags);
        self.invalidated(self.store.remove_tagged(tags))
    }

    fn invalidated(&self, count: u64) -> u64 {
        Counters::add(&self.counters.invalidations, count);
        count
    }
}

impl<K, Kd> Reach for Instance<K, Kd>
where
    K: Send + Sync + 'static,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    fn clear(&self) -> u64 {
        self.clear_all()
    }

    fn clear_tagged(&self, tags: &Arc<[Tag]>) -> u64 {
        self.clear_tags(tags)
    }

    fn purge(&self) -> u64 {
        self.store.purge()
    }

    fn len(&self) -> u64 {
        self.store.len()
    }

    fn weight(&self) -> u64 {
        self.store.weight()
    }
}
