//! One instantiation of a memoized function: its store, its counters, and the hit path.

use std::{
    any::Any,
    borrow::Cow,
    cell::RefCell,
    num::NonZeroU64,
    sync::{Arc, OnceLock, Weak},
    time::Instant,
};

use super::{
    entry::Entry,
    guest::Guests,
    home::Contents,
    site::{Options, Policy, Scope},
    typed::TypedBox,
};
use crate::{
    clock::{self, Millis},
    freshness::{State, claims::Claims, state},
    key::{Ask, Asking, Query},
    memory::{
        Cells, Found, Settings, Shards, Store, Stored,
        entries::Weigh,
        front::Front,
        locked::UnderLock,
        policy,
        stamp::{Stamp, is_over},
    },
    space::Space,
    stats::counters::{Counters, ThreadCounters},
    sync::per_thread,
    tags::Tag,
};

/// `C` is [`Shards`] for those who know the types of key and value, `dyn Cells` for all others: what works on the latter
/// is compiled once.
pub struct Instance<C: ?Sized> {
    pub(crate) id: usize,
    /// Of the function or cache, for people.
    pub(crate) name: Cow<'static, str>,
    pub(crate) options: Options,
    pub(crate) counters: Arc<Counters>,
    /// Its entries outside of memory.
    pub(crate) space: Option<Arc<Space>>,
    /// What its entries weigh, where no function says it with every call.
    pub(crate) weigh: Option<AnyWeigh>,
    /// What was saved of a cache, to come in at its first use.
    pub(crate) contents: Option<Weak<dyn Contents>>,
    /// The functions that have used it, other than its owner.
    pub(crate) guests: Guests,
    /// Who makes entries anew; nothing where nobody does.
    claims: OnceLock<Arc<Claims>>,
    pub(crate) store: Store<C>,
}

/// An instance whose types are known.
pub(crate) type Typed<K, V> = Instance<Shards<K, V>>;
/// An instance of any types.
pub(crate) type AnyInstance = Instance<dyn Cells>;

/// Weighs keys and values that are given as `dyn Any`.
pub(crate) type AnyWeigh = Box<dyn Fn(&dyn Any, &dyn Any) -> u64 + Send + Sync>;

/// What a thread keeps of an instance.
struct Local {
    counters: Arc<ThreadCounters>,
    /// A `Front` of the instance's types.
    front: Option<TypedBox>,
}

per_thread! {
    /// By the instances' ids.
    static LOCALS: RefCell<Vec<Option<Local>>> = RefCell::new(Vec::new());
}

impl Options {
    /// Before stores, memory has copies, and it is the entries there that slide.
    pub(crate) fn settings(&self, has_stores: bool) -> Settings {
        Settings {
            max_entries: self.max_entries,
            max_weight: self.max_weight,
            policy: match self.policy {
                Policy::S3Fifo => policy::Kind::S3Fifo,
                Policy::Lru => policy::Kind::Lru,
                Policy::Lfu => policy::Kind::Lfu,
                Policy::Fifo => policy::Kind::Fifo,
            },
            sliding: self.sliding && !has_stores,
            single_thread: self.scope == Scope::Thread,
        }
    }
}

/// Copies a value.
type CopyOf<V> = fn(&V) -> V;

impl<K: 'static, V: 'static> Typed<K, V> {
    pub(crate) fn new(
        id: usize,
        (name, options): (Cow<'static, str>, Options),
        counters: Arc<Counters>,
        same: fn(&K, &K) -> bool,
        space: Option<Space>,
    ) -> Self {
        let store = Store::new(options.settings(space.is_some()), counters.clone(), same);
        #[cfg(feature = "stores")]
        let store = match &space {
            Some(space) => store.deaf_with(space.stores.near.deaf().clone()),
            None => store,
        };
        let space = space.map(Arc::new);
        Self {
            id,
            name,
            options,
            counters,
            space,
            weigh: None,
            contents: None,
            guests: Guests::default(),
            claims: OnceLock::new(),
            store,
        }
    }

    /// What `give` makes of a key's value, counted as a hit. `None` may also mean that this thread can't ask: it is
    /// ending, or comes from the user's code that this very path runs.
    ///
    /// `give` makes the result in its final form under the lock, so that a value is not moved on its way out.
    #[inline]
    pub(crate) fn hit<Q: Query<Owned = K>, R>(
        &self,
        query: &Q,
        hash: u64,
        copy: CopyOf<V>,
        give: impl FnOnce(V) -> R,
    ) -> Option<R> {
        if UnderLock::is_here() {
            return None;
        }
        let on = |locals: &RefCell<Vec<_>>| {
            let locals = &mut *locals.try_borrow_mut().ok()?;
            let local = match locals.get_mut(self.id) {
                Some(Some(local)) => local,
                _ => self.new_local(locals),
            };
            let Local { counters, front } = local;
            if Front::<K, V>::POSSIBLE {
                self.hit_in_front(counters, front.as_mut()?.get_mut()?, query, hash, copy).map(give)
            } else {
                self.shared_hit(counters, query, hash, |value, _| give(copy(value)))
            }
        };
        LOCALS.try_with(on).ok().flatten()
    }

    /// A hit on a copy that this thread keeps, or on the entry itself.
    #[inline]
    fn hit_in_front<Q: Query<Owned = K>>(
        &self,
        counters: &ThreadCounters,
        front: &mut Front<K, V>,
        query: &Q,
        hash: u64,
        copy: CopyOf<V>,
    ) -> Option<V> {
        let generation = self.store.generation(hash);
        if let Some(value) = front.get(query, hash, generation, copy) {
            if counters.hit() {
                self.time_front(counters, front, query, hash, copy);
            }
            return Some(value);
        }
        self.hit_behind_front(counters, front, query, (hash, generation), copy)
    }

    /// A hit on the entry itself, of which the front may keep a copy. Out of line, so that what stands before it is small.
    #[inline(never)]
    fn hit_behind_front<Q: Query<Owned = K>>(
        &self,
        counters: &ThreadCounters,
        front: &mut Front<K, V>,
        query: &Q,
        (hash, generation): (u64, NonZeroU64),
        copy: CopyOf<V>,
    ) -> Option<V> {
        let (value, expires) = self.shared_hit(counters, query, hash, |value, expires| (copy(value), expires))?;
        if !front.is_resting() {
            let entries = self.store.len();
            front.keep(entries, counters.hits(), query, (hash, generation, expires), || copy(&value));
        }
        Some(value)
    }

    /// Times a hit in the front like the one that was just made.
    #[cold]
    #[inline(never)]
    fn time_front<Q: Query<Owned = K>>(
        &self,
        counters: &ThreadCounters,
        front: &mut Front<K, V>,
        query: &Q,
        hash: u64,
        copy: CopyOf<V>,
    ) {
        let start = Instant::now();
        // Nothing is dropped: the front holds only what needs no dropping.
        let _ = front.get(query, hash, self.store.generation(hash), copy);
        counters.lookup_took(start);
    }

    #[cold]
    #[inline(never)]
    fn new_local<'a>(&self, locals: &'a mut Vec<Option<Local>>) -> &'a mut Local {
        let front =
            Front::<K, V>::POSSIBLE.then(|| TypedBox::new(Front::<K, V>::new(self.store.settings(), self.store.len())));
        insert_local(locals, self.id, Local { counters: self.counters.thread(), front })
    }

    #[inline]
    fn shared_hit<Q: Query<Owned = K>, R>(
        &self,
        counters: &ThreadCounters,
        query: &Q,
        hash: u64,
        give: impl FnOnce(&V, Millis) -> R,
    ) -> Option<R> {
        let found = if self.store.is_exclusive() {
            self.exclusive_hit(query, hash, give)
        } else {
            let _under = UnderLock::enter();
            self.store.get(hash, |key| query.matches(key), give)
        };
        match found {
            Ok(found) => {
                self.counted(counters, query, hash);
                Some(found)
            }
            Err(found) => {
                if found == Found::Expired {
                    expired(self, hash, &Asking::local(query));
                }
                None
            }
        }
    }

    #[inline]
    fn counted<Q: Query<Owned = K>>(&self, counters: &ThreadCounters, query: &Q, hash: u64) {
        if counters.hit() {
            time_lookup(self, counters, hash, &Asking::local(query));
        }
    }

    /// A hit that changes something in the store.
    #[cold]
    #[inline(never)]
    fn exclusive_hit<Q: Query<Owned = K>, R>(
        &self,
        query: &Q,
        hash: u64,
        give: impl FnOnce(&V, Millis) -> R,
    ) -> Result<R, Found> {
        let (erased, mut give, mut given): (&AnyInstance, _, _) = (self, Some(give), None);
        let found = erased.store.visit(hash, &Asking::local(query), true, &mut |stored| {
            let (value, plain_until) = (stored.value().downcast_ref(), stored.stamp().plain_until());
            if !is_over(plain_until, clock::now) {
                given = value.zip(give.take()).map(|(value, give)| give(value, plain_until));
            }
        });
        given.ok_or(found)
    }
}

/// Counts a hit on the calling thread's cells of these counters, which are known by their id.
pub(super) fn count_hit(id: usize, counters: &Arc<Counters>) {
    let on = |locals: &RefCell<Vec<_>>| {
        let locals = &mut *locals.try_borrow_mut().ok()?;
        let local = match locals.get_mut(id) {
            Some(Some(local)) => local,
            _ => insert_local(locals, id, Local { counters: counters.thread(), front: None }),
        };
        local.counters.hit();
        Some(())
    };
    if LOCALS.try_with(on).ok().flatten().is_none() {
        Counters::add(&counters.hits, 1);
    }
}

/// Where the table has to grow, it first lets go of caches that are gone: nobody else has their counters any more.
fn insert_local(locals: &mut Vec<Option<Local>>, id: usize, local: Local) -> &mut Local {
    if locals.capacity() <= id {
        for dead in locals.iter_mut() {
            drop(dead.take_if(|local| Arc::strong_count(&local.counters) == 1));
        }
    }
    if locals.len() <= id {
        locals.resize_with(id + 1, || None);
    }
    locals[id].insert(local)
}

#[cold]
#[inline(never)]
fn expired(instance: &AnyInstance, hash: u64, key: &dyn Ask) {
    instance.store.remove_expired(hash, key);
}

/// Times a lookup like the one that was just made, without the value's clone.
#[cold]
#[inline(never)]
fn time_lookup(instance: &AnyInstance, counters: &ThreadCounters, hash: u64, key: &dyn Ask) {
    let start = Instant::now();
    instance.store.contains(hash, key);
    counters.lookup_took(start);
}

impl AnyInstance {
    pub(crate) fn claims(&self) -> &Arc<Claims> {
        self.claims.get_or_init(Arc::default)
    }

    /// A new value was stored under a key with this hash.
    pub(crate) fn renewed(&self, hash: u64) {
        if let Some(claims) = self.claims.get() {
            claims.fulfilled(hash);
        }
    }

    /// What its entries weigh, where no function says it with every call.
    pub(crate) fn weigh(&self) -> Option<Weigh<'_>> {
        self.weigh.as_ref().map(|weigh| weigh as Weigh<'_>)
    }

    /// What has to come in before it is used, unless the caller can't wait here.
    pub(crate) fn contents(&self) -> Option<Arc<dyn Contents>> {
        let contents = self.contents.as_ref()?.upgrade()?;
        (!contents.are_in() && !UnderLock::is_here()).then_some(contents)
    }

    /// Would a call give an entry with these times, or run the body first?
    pub(crate) fn gives(&self, stamp: Stamp) -> bool {
        state(self.options.windows, stamp, clock::now()) != State::Spare
    }

    /// The entry of a key with all that is known of it, if its value is a `V` and a call would give it; does not count as a use.
    pub(crate) fn entry<V: 'static>(&self, hash: u64, key: &dyn Ask, copy: CopyOf<V>) -> (Found, Option<Entry<V>>) {
        let literal = self.options.tags;
        let mut entry = None;
        let found = self.store.visit(hash, key, false, &mut |stored| {
            if self.gives(stored.stamp()) {
                let value = stored.value().downcast_ref().map(copy);
                let with_value = |value| Entry::new(value, stored.stamp(), literal, stored.tags());
                entry = value.map(with_value).map(|entry| entry.depending(stored.dependency()));
            }
        });
        if found == Found::Live && entry.is_none() { (Found::Expired, None) } else { (found, entry) }
    }

    /// Removes the entry of a key, and keeps running bodies from storing theirs.
    pub(crate) fn delete(&self, hash: u64, key: &dyn Ask) -> bool {
        self.invalidated(u64::from(self.store.remove(hash, key))) > 0
    }

    /// Removes an entry and gives a copy of its value.
    pub(crate) fn take<V: 'static>(&self, hash: u64, key: &dyn Ask, copy: CopyOf<V>) -> Option<V> {
        let mut value = None;
        let taken = self.store.take(hash, key, &mut |stored| {
            if self.gives(stored.stamp()) {
                value = stored.value().downcast_ref().map(copy);
            }
        });
        self.invalidated(u64::from(taken));
        value
    }

    /// Removes an entry unless its value is to be kept; was it removed?
    pub(crate) fn delete_unless<V: 'static>(&self, hash: u64, key: &dyn Ask, keep: &mut dyn FnMut(&V) -> bool) -> bool {
        let mut test = |stored: Stored<'_>| stored.value().downcast_ref().is_none_or(&mut *keep);
        self.invalidated(u64::from(self.store.remove_unless(hash, key, &mut test))) > 0
    }

    pub(crate) fn delete_hash(&self, hash: u64) -> u64 {
        self.invalidated(self.store.remove_hash(hash))
    }

    pub(crate) fn clear_all(&self) -> u64 {
        self.invalidated(self.store.clear())
    }

    pub(crate) fn clear_tags(&self, tags: &Arc<[Tag]>) -> u64 {
        self.invalidated(self.store.remove_tagged(tags))
    }

    fn invalidated(&self, count: u64) -> u64 {
        if count > 0 {
            Counters::add(&self.counters.invalidations, count);
        }
        count
    }
}
