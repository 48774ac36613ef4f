//! The cache objects that live, for what reaches all of them: clears, purges, statistics.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::{
    call::{
        function::{self, Function},
        home::{Home as _, OfCache, WeakCache},
        instance::AnyInstance,
        site::Options,
    },
    clock::Millis,
    error::Error,
    space::{Face, Made, Space, Stores, Tier},
    stats::{CacheInfo, Tiers},
    tags::Tag,
};

/// In the order in which they were made.
static CACHES: Mutex<Vec<WeakCache>> = Mutex::new(Vec::new());

/// What objects of one name and store share.
static STORES: Mutex<Vec<Weak<Stores>>> = Mutex::new(Vec::new());

/// What makes the entries of two objects the same.
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) tiers: Vec<Tier>,
    pub(super) writes_back: bool,
    pub(super) timeout: Option<Millis>,
    pub(super) codec: Option<String>,
}

/// From now on the cache is reached, as long as it lives.
pub(super) fn register(cache: &OfCache) {
    let mut caches = CACHES.lock();
    if caches.len() == caches.capacity() {
        caches.retain(WeakCache::lives);
    }
    caches.push(cache.downgrade());
    drop(caches);
    if let Some(stores) = stores(cache.instance()) {
        stores.join(cache.downgrade());
    }
}

/// Removes all entries of a cache, or those with all of these tags: from all stores, also if one fails, and from the memory of
/// all objects that share them. Gives their number as far as it is known, and the largest number in memory.
pub(super) async fn clear(cache: &OfCache, face: Face, tags: Option<&Arc<[Tag]>>) -> (Result<u64, Error>, u64) {
    let wanted = tags.cloned();
    let clear = move |instance: &AnyInstance| {
        wanted.as_ref().map_or_else(|| instance.clear_all(), |tags| instance.clear_tags(tags))
    };
    let Some(stores) = stores(cache.instance()) else {
        let removed = clear(cache.instance());
        return (Ok(removed), removed);
    };
    let all = stores.clone();
    let in_memory = move || {
        let mut most = 0;
        for cache in all.caches() {
            let removed = clear(cache.instance());
            // What others have in memory may stand in other stores, too.
            if self::stores(cache.instance()).is_some_and(|stores| Arc::ptr_eq(stores, &all)) {
                most = removed.max(most);
            }
        }
        most
    };
    stores.clear(face, tags, in_memory).await
}

/// The stores of a cache: those of a live object of the same name and tiers (or of one whose values are still being written); else
/// new ones. All of one name wait for each other's changes.
pub(super) fn stores_of(spec: &Spec) -> Result<Arc<Stores>, Error> {
    // Dropped after the lock: who is the last to hold stores closes them.
    let mut live: Vec<Arc<Stores>> = Vec::new();
    let mut known = STORES.lock();
    known.retain(|stores| stores.strong_count() > 0);
    live.extend(known.iter().filter_map(Weak::upgrade));
    let Spec { name, tiers, writes_back, timeout, codec } = spec;
    let made = Made { name, tiers, writes_back: *writes_back, timeout: *timeout, codec: codec.as_deref() };
    if let Some(stores) = live.iter().find(|stores| stores.are(&made)) {
        return Ok(stores.clone());
    }
    let namesake = known.iter().filter_map(Weak::upgrade).find(|stores| stores.are_of(name));
    let stores = Stores::beside(&made, namesake.as_ref());
    stores.check()?;
    known.push(Arc::downgrade(&stores));
    Ok(stores)
}

/// The live objects of one name and store; one that is in memory alone is on its own. It holds one at least.
pub(crate) struct Group {
    first: OfCache,
    others: Vec<OfCache>,
}

/// All live objects.
pub(crate) fn all() -> Vec<Group> {
    // Not under the lock: who is dropped last here may be the last of all.
    let live: Vec<OfCache> = CACHES.lock().iter().filter_map(WeakCache::upgrade).collect();
    let mut groups: Vec<Group> = Vec::with_capacity(live.len());
    for cache in live {
        let stores = stores(cache.instance());
        let same = |group: &&mut Group| stores.zip(group.stores()).is_some_and(|(one, other)| Arc::ptr_eq(one, other));
        match groups.iter_mut().find(same) {
            Some(group) => group.others.push(cache),
            None => groups.push(Group::of(cache)),
        }
    }
    groups
}

/// The live objects that a function has used.
pub(crate) fn used_by(function: &Function) -> Vec<Group> {
    let mut groups = all();
    groups.retain(|group| group.instances().any(|instance| instance.guests.has(function)));
    groups
}

fn stores(instance: &AnyInstance) -> Option<&Arc<Stores>> {
    instance.space.as_ref().map(|space| &space.stores)
}

impl Group {
    /// One object by itself.
    pub(super) fn of(cache: OfCache) -> Self {
        Self { first: cache, others: Vec::new() }
    }

    fn instances(&self) -> impl Iterator<Item = &AnyInstance> {
        std::iter::once(&self.first).chain(&self.others).map(OfCache::instance)
    }

    pub(crate) fn stores(&self) -> Option<&Arc<Stores>> {
        stores(self.first.instance())
    }

    pub(crate) fn name(&self) -> &str {
        &self.first.instance().name
    }

    pub(crate) fn options(&self) -> &Options {
        &self.first.instance().options
    }

    /// Was one of them made with this time to live?
    pub(crate) fn declares_ttl(&self, ttl: Option<Millis>) -> bool {
        self.instances().any(|instance| instance.options.ttl == ttl)
    }

    /// Removes all entries, or those with all of these tags: from all stores, also if one fails, and from the memory of every
    /// object. Gives their number as far as it is known.
    pub(crate) async fn clear(&self, face: Face, tags: Option<&Arc<[Tag]>>) -> Result<u64, Error> {
        clear(&self.first, face, tags).await.0
    }

    /// Removes what has expired; gives the number of entries.
    pub(crate) async fn purge(&self, face: Face) -> Result<u64, Error> {
        let in_memory: u64 = self.instances().map(|instance| instance.store.purge()).sum();
        let Some(stores) = self.stores() else { return Ok(in_memory) };
        Ok(in_memory + stores.purge(face).await?)
    }

    /// Returns when everything is in all stores, and as durable as they can make it.
    pub(crate) async fn flush(&self, face: Face) -> Result<(), Error> {
        match self.stores() {
            Some(stores) => stores.flush(face).await,
            None => Ok(()),
        }
    }

    /// The number of entries.
    pub(crate) async fn len(&self, face: Face) -> Result<u64, Error> {
        match self.stores() {
            Some(stores) => stores.len(face).await,
            None => Ok(self.instances().map(|instance| instance.store.len()).sum()),
        }
    }

    /// The sum of their statistics. Entries that they share are counted once.
    pub(crate) async fn info(&self, face: Face) -> CacheInfo {
        let mut sum = function::info_of(self.name(), self.options(), self.stores());
        let mut tiers = Tiers::of(self.stores());
        for instance in self.instances() {
            sum.count(instance.counters.read());
            let asked = instance.space.as_deref().map_or_else(Vec::new, Space::asked);
            tiers = tiers.with(&asked, instance.store.len());
        }
        sum.weight = self.instances().map(|instance| instance.store.weight()).sum();
        tiers.put(face, &mut sum, (self.stores(), &[])).await;
        sum
    }
}
