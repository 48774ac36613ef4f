//! One instantiation of a memoized function: its store, its flights, its counters.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    ops::Deref,
    rc::Rc,
    sync::Arc,
};

use super::{
    entry::Entry,
    kind::Kind,
    registry::Reach,
    site::{Options, Policy, Scope, Site},
};
use crate::{
    flight::table::Flights,
    key::Query,
    memory::{Found, Settings, Store, front::Front, policy},
    stats::counters::{Counters, ThreadCounters},
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
pub trait Home: Clone + Deref<Target = Instance<Self::Key, Self::Kind>> + 'static {
    type Key: 'static;
    type Kind: Kind;
}

impl<K: 'static, Kd: Kind> Home for &'static Instance<K, Kd> {
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
    front: Option<Front<K, V>>,
}

/// What the hit path needs of its thread, in one place.
struct Thread {
    /// By the instances' ids.
    locals: RefCell<Vec<Option<Box<dyn Any>>>>,
    /// Is this thread inside a user's `Eq`, `Clone` … that runs under one of our locks?
    locked: Cell<bool>,
}

thread_local! {
    static THREAD: Thread = const { Thread { locals: RefCell::new(Vec::new()), locked: Cell::new(false) } };
}

/// Marks the time in which the user's code runs under a lock of ours. A memoized call from in there goes past the
/// cache, because it could wait for the very lock.
pub(crate) struct UnderLock {
    before: bool,
}

impl UnderLock {
    #[inline]
    pub(crate) fn enter() -> Self {
        Self { before: THREAD.try_with(|thread| thread.locked.replace(true)).unwrap_or(true) }
    }

    pub(crate) fn is_here() -> bool {
        THREAD.try_with(|thread| thread.locked.get()).unwrap_or(false)
    }
}

impl Drop for UnderLock {
    #[inline]
    fn drop(&mut self) {
        let _ = THREAD.try_with(|thread| thread.locked.set(self.before));
    }
}

/// What the store says to an ordinary call.
pub(crate) enum Hit<V> {
    Value(V),
    Miss,
    /// The call comes from under one of our locks: it must not ask.
    Bypass,
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

    /// The value of a key, counted as a hit.
    #[inline]
    pub(crate) fn hit(&self, query: &impl Query<Owned = K>, hash: u64) -> Hit<Kd::Val> {
        let hit = THREAD.try_with(|thread| {
            if thread.locked.get() {
                return Some(Hit::Bypass);
            }
            // Where the borrow fails, somebody's `Eq` or `Clone` in the front calls us: the shared path serves that.
            let mut locals = thread.locals.try_borrow_mut().ok()?;
            let local = self.local(&mut locals)?;
            let generation = self.store.generation(hash);
            if let Some(front) = &mut local.front
                && let Some(value) = front.get(query, hash, generation, Kd::copy)
            {
                let hits = local.counters.hit();
                if ThreadCounters::is_timed(hits) {
                    self.time_lookup(&local.counters, query, hash);
                }
                return Some(Hit::Value(value));
            }
            Some(self.shared_hit(local, query, hash, generation).map_or(Hit::Miss, Hit::Value))
        });
        match hit {
            Ok(Some(hit)) => hit,
            _ => self.hit_without_thread(query, hash).map_or(Hit::Miss, Hit::Value),
        }
    }

    #[inline]
    fn local<'a>(&self, locals: &'a mut Vec<Option<Box<dyn Any>>>) -> Option<&'a mut Local<K, Kd::Val>> {
        if locals.get(self.id).is_none_or(Option::is_none) {
            self.new_local(locals);
        }
        locals.get_mut(self.id)?.as_mut()?.downcast_mut()
    }

    #[cold]
    fn new_local(&self, locals: &mut Vec<Option<Box<dyn Any>>>) {
        if locals.len() <= self.id {
            locals.resize_with(self.id + 1, || None);
        }
        let local = Local { counters: self.counters.thread(), front: Front::new(&self.store) };
        locals[self.id] = Some(Box::new(local));
    }

    #[inline(never)]
    fn shared_hit(
        &self,
        local: &mut Local<K, Kd::Val>,
        query: &impl Query<Owned = K>,
        hash: u64,
        generation: u64,
    ) -> Option<Kd::Val> {
        let (value, expires) = self.read(query, hash)?;
        let hits = local.counters.hit();
        if ThreadCounters::is_timed(hits) {
            self.time_lookup(&local.counters, query, hash);
        }
        if let Some(front) = &mut local.front {
            let _locked = UnderLock::enter();
            #[expect(clippy::cast_possible_truncation, reason = "only differences count")]
            let hits = hits as u32;
            front.keep(&self.store, hits, (hash, generation, expires), || (query.to_owned(), Kd::copy(&value)));
        }
        Some(value)
    }

    /// A hit where the thread's own cells can't be used: it is ending, or is in the midst of using them.
    #[cold]
    fn hit_without_thread(&self, query: &impl Query<Owned = K>, hash: u64) -> Option<Kd::Val> {
        let (value, _) = self.read(query, hash)?;
        Counters::add(&self.counters.hits, 1);
        Some(value)
    }

    #[inline]
    fn read(&self, query: &impl Query<Owned = K>, hash: u64) -> Option<(Kd::Val, u64)> {
        let _locked = UnderLock::enter();
        let found = self.store.get(
            hash,
            |key| query.matches(key),
            |stored| (Kd::copy(stored.value), stored.stamp.expires()),
        );
        match found {
            Found::Live(found) => Some(found),
            Found::Absent | Found::Expired => None,
        }
    }

    /// Times a lookup like the one that was just made.
    #[cold]
    fn time_lookup(&self, counters: &ThreadCounters, query: &impl Query<Owned = K>, hash: u64) {
        let start = std::time::Instant::now();
        let _locked = UnderLock::enter();
        let _ = self.store.peek(hash, |key| query.matches(key), |stored| drop(Kd::copy(stored.value)));
        counters.lookup_took(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    /// The entry of a key with all that is known of it; counts as a use only if `touch`.
    pub(crate) fn entry(&self, query: &impl Query<Owned = K>, hash: u64, touch: bool) -> Found<Entry<Kd::Val>> {
        let _locked = UnderLock::enter();
        let matches = |key: &K| query.matches(key);
        let literal = self.site.options.tags;
        let read = |stored: crate::memory::Stored<'_, Kd::Val>| {
            Entry::new(Kd::copy(stored.value), stored.stamp, literal, stored.tags)
        };
        if touch { self.store.get(hash, matches, read) } else { self.store.peek(hash, matches, read) }
    }

    /// Removes the entry of a key, and keeps running bodies from storing theirs.
    pub(crate) fn delete(&self, query: &impl Query<Owned = K>, hash: u64) -> bool {
        let _locked = UnderLock::enter();
        let removed =
            self.flights.invalidate(query, hash, || self.store.remove(hash, |key| query.matches(key)));
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
