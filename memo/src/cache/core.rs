//! What the operations of a cache do, once for threads and tasks.

mod asked;
mod batch;
mod computed;
mod contents;
mod upkeep;

use std::{
    borrow::{Borrow, Cow},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

#[cfg(feature = "stores")]
pub(super) use self::contents::contents_of;
pub(super) use self::contents::put;
#[cfg(feature = "stores")]
use super::whole::{Flush, SNAPSHOTS, Whole, has_entries_of_its_own};
use super::{
    Key, Lookup, SetOptions, Value,
    builder::{self, Plan, Weigh, Written},
    key::Borrowed,
    live::{self, Group, Spec},
};
use crate::{
    call::{entry::Entry, function, home::OfCache, instance::Typed, place::Place, site::Version, switch, terms::Terms},
    clock::{self, Millis, NEVER},
    error::Error,
    key::{Asking, Query},
    memory::locked::UnderLock,
    space::{Face, Space},
    stats::{CacheInfo, counters::Counters},
    tags::Tag,
};

/// What all clones of a cache share.
pub struct Core<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    /// How many cache objects share it.
    objects: AtomicUsize,
    typed: Arc<Typed<K, V>>,
    home: OfCache,
    spec: Spec,
    /// The hash of a key, as its lookups have it.
    hash: fn(&K) -> u64,
    copy: fn(&K) -> K,
    /// How keys are written, where there are stores.
    written: Option<Written<K>>,
    weigh: Option<Weigh<K, V>>,
    loader: Option<Loader<K, V>>,
    silent: bool,
    /// None: it has stores.
    #[cfg(feature = "stores")]
    whole: Option<Arc<Whole<K, V>>>,
    #[cfg(feature = "stores")]
    flush: Option<Flush>,
}

/// Computes the value of a key.
pub(super) type Loader<K, V> = Arc<dyn Fn(&K) -> V + Send + Sync>;

impl<K, V> Clone for Core<K, V> {
    fn clone(&self) -> Self {
        self.0.objects.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl<K, V> Core<K, V> {
    /// An object is about to go. The last one saves what is unsaved and writes what waits to be written; in tasks that goes on in
    /// the background.
    pub(super) fn leave(&self, face: Face) {
        if self.0.objects.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        #[cfg(feature = "stores")]
        if let Some(flush) = &self.0.flush {
            flush.run(face);
        }
        if face == Face::Thread {
            // Else there is somebody who works on the queue.
            self.write_out();
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.0.spec.name
    }
}

impl<K: Key, V: Value> Core<K, V> {
    pub(super) fn new(name: String, plan: Plan<K, V>) -> Result<Self, Error> {
        let spec = Spec {
            name,
            tiers: plan.tiers.clone(),
            writes_back: plan.writes_back,
            timeout: plan.backend_timeout,
            codec: plan.codec.clone(),
        };
        let name = &*spec.name;
        let stores = if plan.written.is_some() { Some(live::stores_of(&spec)?) } else { None };
        let space = stores.zip(plan.written.as_ref());
        let space = space.map(|(stores, written)| Space::new(stores, (name, name), Version::Given(""), written.values));
        Ok(Self::over(space, spec, plan))
    }

    /// One in memory, on no terms.
    pub(super) fn in_memory(name: &str) -> Self {
        Self::over(
            None,
            Spec { name: name.to_owned(), tiers: Vec::new(), writes_back: false, timeout: None, codec: None },
            Plan::default(),
        )
    }

    fn over(space: Option<Space>, spec: Spec, plan: Plan<K, V>) -> Self {
        let Plan { options, written, weigh, loader, silent, .. } = plan;
        let name = Cow::Owned(spec.name.clone());
        let mut typed = Typed::new(function::next_id(), (name, options), Arc::default(), K::eq, space);
        typed.weigh = plan.weigh_any;
        #[cfg(feature = "stores")]
        let (typed, whole) = if typed.space.is_some() {
            (Arc::new(typed), None)
        } else {
            let whole = Whole::new(typed, weigh.clone(), plan.keeping);
            (whole.typed().clone(), Some(whole))
        };
        #[cfg(not(feature = "stores"))]
        let typed = Arc::new(typed);
        let home = OfCache(typed.clone());
        live::register(&home);
        Self(Arc::new(Inner {
            objects: AtomicUsize::new(1),
            typed,
            home,
            spec,
            hash: |key| Borrowed::<K, K>::new(key).hash(),
            copy: K::clone,
            written,
            weigh,
            loader,
            silent,
            #[cfg(feature = "stores")]
            flush: whole.as_ref().and_then(Whole::flush_at_the_end),
            #[cfg(feature = "stores")]
            whole,
        }))
    }

    /// Puts a value into a new cache in memory.
    pub(super) fn insert(&self, key: &K, value: V) {
        let stamp = Terms::default().stamp(&self.0.typed.options);
        self.put(key, Entry::new(value, stamp, &[], &[]));
    }

    /// Puts an entry into memory, as old as it is.
    pub(super) fn put(&self, key: &K, entry: Entry<V>) {
        put(&self.0.typed, self.0.weigh.as_ref(), key, entry, false, |_| true);
    }

    /// Brings the saved contents of a cache in memory in, at its first use.
    #[cfg(feature = "stores")]
    pub(super) async fn ready(&self, face: Face) -> Result<(), Error> {
        match &self.0.whole {
            Some(whole) if !whole.is_loaded() && !UnderLock::is_here() => match whole.first_use(face).await {
                // It was counted.
                Err(_) if self.0.silent => Ok(()),
                loaded => loaded,
            },
            _ => Ok(()),
        }
    }

    #[cfg(not(feature = "stores"))]
    #[expect(clippy::unused_async, reason = "only a cache that is saved has something to bring in")]
    async fn ready(&self, _: Face) -> Result<(), Error> {
        Ok(())
    }

    /// The contents as a whole, of memory alone.
    #[cfg(feature = "stores")]
    pub(super) fn whole(&self) -> Result<&Arc<Whole<K, V>>, Error> {
        let error = || has_entries_of_its_own(self.name(), SNAPSHOTS);
        self.0.whole.as_ref().ok_or_else(error)
    }

    /// A builder that is told what this cache was, but for what depends on its types.
    #[cfg(feature = "stores")]
    pub(super) fn inherited<K2, V2>(&self, mut view: super::Builder<K2, V2>) -> super::Builder<K2, V2>
    where
        K2: Key + serde::Serialize + serde::de::DeserializeOwned,
        V2: Value + serde::Serialize + serde::de::DeserializeOwned,
    {
        view = view.tiers(self.0.spec.tiers.clone());
        view.plan.writes_back = self.0.spec.writes_back;
        view.plan.backend_timeout = self.0.spec.timeout;
        view.plan.options = self.0.typed.options;
        view.plan.options.max_weight = None;
        view.plan.codec.clone_from(&self.0.spec.codec);
        view.plan.silent = self.0.silent;
        view.plan.is_view = true;
        view
    }

    fn counters(&self) -> &Counters {
        &self.0.typed.counters
    }

    pub(super) fn loader(&self) -> Result<Loader<K, V>, Error> {
        let message = || format!("the cache `{}` has no loader: give the builder one", self.name());
        self.0.loader.clone().ok_or_else(|| Error::config(message()))
    }

    fn place<Q: ?Sized + Lookup<K>>(&self, query: &Borrowed<'_, K, Q>) -> Result<Place<OfCache>, Error>
    where
        K: Borrow<Q>,
    {
        let hash = query.hash();
        let outside = if self.stores().is_some() { self.outside(&query.to_owned(), hash)? } else { None };
        Ok(Place::new(self.0.home.clone(), hash, outside))
    }

    /// An error, or what stands for it in a cache that is silent.
    fn told<T>(&self, result: Result<T, Error>, otherwise: T) -> Result<T, Error> {
        result.or_else(|error| {
            Counters::add(&self.counters().errors, 1);
            if self.0.silent { Ok(otherwise) } else { Err(error) }
        })
    }

    pub(super) async fn get<Q: ?Sized + Lookup<K>>(&self, face: Face, key: &Q) -> Result<Option<V>, Error>
    where
        K: Borrow<Q>,
    {
        self.ready(face).await?;
        let query = Borrowed::new(key);
        if self.has_memory()
            && let Some(value) = self.0.typed.hit(&query, query.hash(), V::clone, |value| value)
        {
            return Ok(Some(value));
        }
        let found = match self.stores() {
            Some(_) if !UnderLock::is_here() => {
                let place = self.place(&query)?;
                place.read_through(face, &Asking::copied(&query), V::clone).await
            }
            _ => Ok(None),
        };
        let found = self.told(found, None)?;
        Counters::add(if found.is_some() { &self.counters().hits } else { &self.counters().misses }, 1);
        Ok(found.map(Entry::into_value))
    }

    pub(super) async fn entry<Q: ?Sized + Lookup<K>>(&self, face: Face, key: &Q) -> Result<Option<Entry<V>>, Error>
    where
        K: Borrow<Q>,
    {
        if UnderLock::is_here() {
            return Ok(None);
        }
        self.ready(face).await?;
        let query = Borrowed::new(key);
        let place = self.place(&query)?;
        if let Some(entry) = place.read_memory(&Asking::copied(&query), V::clone) {
            return Ok(Some(entry));
        }
        let found = place.read_outside::<V>(face).await;
        self.told(found, None)
    }

    pub(super) async fn set_with(&self, face: Face, key: K, value: V, options: SetOptions) -> Result<bool, Error> {
        switch::reachable()?;
        self.ready(face).await?;
        let if_absent = options.if_absent;
        let query = Borrowed::<K, K>::new(&key);
        let place = self.place(&query)?;
        let weight = self.0.weigh.as_ref().map_or(0, |weigh| weigh(&key, &value));
        let setting = place.setting((&value, V::clone), options.terms(), weight, if_absent)?;
        let set = setting.set(face, &Asking::copied(&query)).await;
        self.told(set, false)
    }

    pub(super) async fn delete<Q: ?Sized + Lookup<K>>(&self, face: Face, key: &Q) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        switch::reachable()?;
        self.ready(face).await?;
        let query = Borrowed::new(key);
        let deleted = self.place(&query)?.delete(face, &Asking::copied(&query)).await;
        self.told(deleted, false)
    }

    pub(super) async fn take<Q: ?Sized + Lookup<K>>(&self, face: Face, key: &Q) -> Result<Option<V>, Error>
    where
        K: Borrow<Q>,
    {
        switch::reachable()?;
        self.ready(face).await?;
        let query = Borrowed::new(key);
        let taken = self.place(&query)?.take(face, &Asking::copied(&query), V::clone).await;
        self.told(taken, None)
    }

    pub(super) async fn expire_in<Q: ?Sized + Lookup<K>>(
        &self,
        face: Face,
        key: &Q,
        ttl: Option<Millis>,
    ) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        switch::reachable()?;
        self.ready(face).await?;
        let expires = ttl.map_or(NEVER, |ttl| clock::now().saturating_add(ttl).min(NEVER - 1));
        let query = Borrowed::new(key);
        let retimed = self.place(&query)?.retime(face, &Asking::copied(&query), expires).await;
        self.told(retimed, false)
    }

    pub(super) async fn clear(&self, face: Face, tag: Option<Tag>) -> Result<u64, Error> {
        switch::reachable()?;
        if tag.is_some() {
            // Without a tag, what was saved need not even come in.
            self.ready(face).await?;
        }
        let tags: Option<Arc<[Tag]>> = tag.map(|tag| Arc::from([tag]));
        let (removed, in_memory) = live::clear(&self.0.home, face, tags.as_ref()).await;
        self.told(removed, in_memory)
    }

    pub(super) async fn all(&self, face: Face) -> Result<Vec<(K, V)>, Error> {
        self.ready(face).await?;
        if let Some(all) = self.all_stored(face).await? {
            return Ok(all.into_iter().map(|(key, entry)| (key, entry.into_value())).collect());
        }
        let mut all = Vec::new();
        self.0.typed.store.each(|key, value| all.push((key.clone(), value.clone())));
        Ok(all)
    }

    /// All live entries in the last store; `None`: there is none.
    async fn all_stored(&self, face: Face) -> Result<Option<Vec<(K, Entry<V>)>>, Error> {
        let Some((space, written)) = self.0.typed.space.as_ref().zip(self.0.written.as_ref()) else { return Ok(None) };
        let frames = space.all(face).await;
        let literal = self.0.typed.options.tags;
        let mut all = Vec::new();
        for frame in self.told(frames, Vec::new())? {
            let mut value: Option<V> = None;
            if let Some(key) = (written.read)(space, &frame, &mut value) {
                let (stamp, own) = frame.about(literal);
                all.extend(value.map(|value| (key, Entry::new(value, stamp, literal, &own))));
            }
        }
        Ok(Some(all))
    }

    pub(super) async fn stats(&self, face: Face) -> CacheInfo {
        Group::of(self.0.home.clone()).info(face).await
    }
}
