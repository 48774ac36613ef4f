//! What the operations of a cache do, once for threads and tasks.

mod asked;
mod batch;
#[cfg(any(feature = "stores", feature = "csv"))]
mod contents;

use std::{
    borrow::{Borrow, Cow},
    sync::Arc,
};

use super::{
    Key, Lookup, SetOptions, Value,
    builder::{Plan, Weigh, Written},
    key::Borrowed,
    live::{self, Spec},
    whole::Whole,
};
use crate::{
    call::{
        answer::Reported,
        begin::{self as steps, Outside, Started, Step, Waits, Wanted},
        entry::Entry,
        extras::{Extras, untyped},
        instance::{Home as _, OfCache, Typed},
        kind::Kind,
        place::Place,
        registry,
        site::Version,
        switch,
    },
    clock::{self, Millis, NEVER},
    error::Error,
    flight::wait::block_on,
    key::{Asking, Query},
    memory::locked::UnderLock,
    space::{Face, Space},
    stats::{CacheInfo, counters::Counters},
    tags::Tag,
};

/// What all clones of a cache share.
pub struct Core<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    typed: Arc<Typed<K, V>>,
    home: OfCache,
    spec: Spec,
    /// The hash of a key, as its lookups have it.
    hash: fn(&K) -> u64,
    /// How keys are written, where there are stores.
    written: Option<Written<K>>,
    weigh: Option<Weigh<K, V>>,
    loader: Option<Loader<K, V>>,
    silent: bool,
    #[cfg_attr(not(feature = "stores"), expect(dead_code, reason = "there are no snapshots"))]
    whole: Whole,
}

/// Computes the value of a key.
pub(super) type Loader<K, V> = Arc<dyn Fn(&K) -> V + Send + Sync>;

impl<K, V> Clone for Core<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Core<K, V> {
    pub(super) fn name(&self) -> &str {
        &self.0.spec.name
    }
}

impl<K: Key, V: Value> Core<K, V> {
    pub(super) fn new(name: String, plan: Plan<K, V>) -> Result<Self, Error> {
        let Plan { options, urls, codec, written, weigh, loader, silent, whole, .. } = plan;
        let spec = Spec { name, urls, codec };
        let name = &*spec.name;
        let space = match &written {
            Some(written) => {
                Some(Space::new(live::stores_of(&spec)?, (name, name), Version::Given(""), written.values))
            }
            None => None,
        };
        let id = registry::next_id();
        let mut typed = Typed::new(id, (Cow::Owned(name.to_owned()), options), Arc::default(), K::eq, space);
        typed.weigh = weigh.clone().map(|weigh| Box::new(untyped(move |key, value| weigh(key, value))) as _);
        let typed = Arc::new(typed);
        let home = OfCache(typed.clone());
        live::register(&home);
        let hash = |key: &K| Borrowed::<K, K>::new(key).hash();
        Ok(Self(Arc::new(Inner { typed, home, spec, hash, written, weigh, loader, silent, whole })))
    }

    /// A builder that is told what this cache was, but for what depends on its types.
    #[cfg(feature = "stores")]
    pub(super) fn inherited<K2, V2>(&self, mut view: super::Builder<K2, V2>) -> super::Builder<K2, V2>
    where
        K2: Key + serde::Serialize + serde::de::DeserializeOwned,
        V2: Value + serde::Serialize + serde::de::DeserializeOwned,
    {
        view = view.backends(&self.0.spec.urls);
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
        let query = Borrowed::new(key);
        if self.has_memory()
            && let Some(value) = self.0.typed.hit(&query, query.hash(), V::clone, |value| value)
        {
            return Ok(Some(value));
        }
        let found = match self.stores() {
            Some(_) if !UnderLock::is_here() => {
                let place = self.place(&query)?;
                place.read_through(face, &Asking::shared(&query), V::clone).await
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
        let query = Borrowed::new(key);
        let place = self.place(&query)?;
        if let Some(entry) = place.read_memory(&Asking::shared(&query), V::clone) {
            return Ok(Some(entry));
        }
        let found = place.read_outside::<V>(face).await;
        Ok(self.told(found, None)?.map(|(entry, _)| entry))
    }

    pub(super) async fn set_with(&self, face: Face, key: K, value: V, options: SetOptions) -> Result<bool, Error> {
        switch::reachable()?;
        let if_absent = options.if_absent;
        let query = Borrowed::<K, K>::new(&key);
        let place = self.place(&query)?;
        let weight = self.0.weigh.as_ref().map_or(0, |weigh| weigh(&key, &value));
        let setting = place.setting((&value, V::clone), options.terms(), weight, if_absent)?;
        let set = setting.set(face, &Asking::shared(&query)).await;
        self.told(set, false)
    }

    pub(super) async fn delete<Q: ?Sized + Lookup<K>>(&self, face: Face, key: &Q) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        switch::reachable()?;
        let query = Borrowed::new(key);
        let deleted = self.place(&query)?.delete(face, &Asking::shared(&query)).await;
        self.told(deleted, false)
    }

    pub(super) async fn take<Q: ?Sized + Lookup<K>>(&self, face: Face, key: &Q) -> Result<Option<V>, Error>
    where
        K: Borrow<Q>,
    {
        let entry = self.entry(face, key).await?;
        // Of several who take, one has it.
        let was_there = self.delete(face, key).await?;
        Ok(entry.filter(|_| was_there).map(Entry::into_value))
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
        let expires = ttl.map_or(NEVER, |ttl| clock::now().saturating_add(ttl).min(NEVER - 1));
        let query = Borrowed::new(key);
        let retimed = self.place(&query)?.retime(face, &Asking::shared(&query), expires).await;
        self.told(retimed, false)
    }

    pub(super) async fn clear(&self, face: Face, tag: Option<Tag>) -> Result<u64, Error> {
        switch::reachable()?;
        let tags: Option<Arc<[Tag]>> = tag.map(|tag| Arc::from([tag]));
        let in_memory = || match &tags {
            None => self.instance().clear_all(),
            Some(tags) => self.instance().clear_tags(tags),
        };
        let Some(stores) = self.stores() else { return Ok(in_memory()) };
        let turns = stores.all_turns(face).await;
        let names = tags.as_ref().map(|tags| tags.iter().map(Tag::to_string).collect());
        let removed = stores.clear(face, &turns, names).await;
        let in_memory = in_memory();
        self.told(removed.map(|removed| removed.max(in_memory)), in_memory)
    }

    pub(super) async fn purge(&self, face: Face) -> Result<u64, Error> {
        switch::reachable()?;
        let in_memory = self.instance().store.purge();
        let Some(stores) = self.stores() else { return Ok(in_memory) };
        let purged = stores.purge(face).await;
        Ok(in_memory + self.told(purged, 0)?)
    }

    pub(super) async fn len(&self, face: Face) -> Result<u64, Error> {
        match self.stores() {
            None => Ok(self.0.typed.store.len()),
            Some(stores) => {
                let len = stores.len(face).await;
                self.told(len, 0)
            }
        }
    }

    pub(super) async fn flush(&self, face: Face) -> Result<(), Error> {
        let Some(stores) = self.stores() else { return Ok(()) };
        let flushed = stores.flush(face).await;
        self.told(flushed, ())
    }

    pub(super) async fn all(&self, face: Face) -> Result<Vec<(K, V)>, Error> {
        let Some((space, written)) = self.0.typed.space.as_ref().zip(self.0.written.as_ref()) else {
            let mut all = Vec::new();
            self.0.typed.store.each(|key, value| all.push((key.clone(), value.clone())));
            return Ok(all);
        };
        let frames = space.stores.all(face).await;
        let mut all = Vec::new();
        for frame in self.told(frames, Vec::new())? {
            let mut value: Option<V> = None;
            if let Some(key) = (written.read)(space, &frame, &mut value) {
                all.extend(value.map(|value| (key, value)));
            }
        }
        Ok(all)
    }

    pub(super) fn stats(&self) -> CacheInfo {
        let mut info = registry::info_of(self.name(), &self.0.typed.options, self.stores());
        info.count(self.counters().read());
        info.size = block_on(self.len(Face::Thread)).unwrap_or(0);
        info.weight = self.0.typed.store.weight();
        info
    }

    fn begin<Kd: Kind<Val = V>, Q: ?Sized + Lookup<K>>(
        &self,
        face: Face,
        query: &Borrowed<'_, K, Q>,
    ) -> Result<Begun<Kd>, Error>
    where
        K: Borrow<Q>,
    {
        let hash = query.hash();
        if let Some(value) = self.hit(query, hash, V::clone) {
            return Ok(Begun { step: None, answer: Reported::done(Kd::join(value)) });
        }
        let outside = match self.stores() {
            Some(_) => self.outside(&query.to_owned(), hash)?.map(|(_, key)| Outside { face, key }),
            None => None,
        };
        let mut answer = Reported::new(self.0.silent);
        let wanted = Wanted { key: &Asking::shared(query), hash, outside };
        let step = steps::begin(self.0.home.used(), wanted, &mut answer, false);
        Ok(Begun { step: Some(step), answer })
    }

    pub(super) fn computed<Kd, Q: ?Sized + Lookup<K>>(
        &self,
        key: &Q,
        compute: impl FnOnce() -> Kd::Ret,
    ) -> Result<Kd::Ret, Error>
    where
        Kd: Kind<Val = V, Shared: Send + Sync>,
        K: Borrow<Q>,
    {
        let Begun { mut step, mut answer } = self.begin::<Kd, Q>(Face::Thread, &Borrowed::new(key))?;
        while let Some(Step::Wait(waits)) = step {
            step = Some(waits.block().step(self.0.home.used(), &mut answer));
        }
        match answer.end(step, &self.0.home)? {
            Started::Done(result) => Ok(result),
            Started::Run(mut run) => {
                let result = run.call(compute);
                Ok(run.keep(result, Extras::<K, V>::new()).on_thread())
            }
        }
    }

    pub(super) async fn computed_in_task<Kd, Q: ?Sized + Lookup<K>>(
        &self,
        key: &Q,
        compute: impl Future<Output = Kd::Ret>,
    ) -> Result<Kd::Ret, Error>
    where
        Kd: Kind<Val = V, Shared: Send + Sync>,
        K: Borrow<Q>,
    {
        let Begun { mut step, mut answer } = self.begin::<Kd, Q>(Face::Task, &Borrowed::new(key))?;
        while let Some(Step::Wait(waits)) = step {
            let mut waits = Some(waits);
            let waited = std::future::poll_fn(|cx| Waits::poll(&mut waits, cx)).await;
            step = Some(waited.step(self.0.home.used(), &mut answer));
        }
        match answer.end(step, &self.0.home)? {
            Started::Done(result) => Ok(result),
            Started::Run(mut run) => {
                let result = run.drive(compute).await;
                Ok(run.keep(result, Extras::<K, V>::new()).in_task().await)
            }
        }
    }
}

/// The first step of a computation; none if it is answered already.
struct Begun<Kd: Kind> {
    step: Option<Step>,
    answer: Reported<Kd>,
}
