//! Where an entry stands: in memory, in stores, or both; and what is done to it there.

pub(crate) mod batch;

use std::{any::Any, sync::Arc};

use super::{
    entry::Entry,
    explanation::Explanation,
    home::{Contents, Home, OfCache},
    site::Options,
    terms::Terms,
};
use crate::{
    clock::{self, Millis},
    error::Error,
    key::{Ask, Held},
    memory::{Found, Put, entries::Weigh, locked::UnderLock, stamp::Stamp},
    space::{About, EntryKey, Face, Loaded, Offer, Outcome, Space, Stored},
};

/// Where an entry stands.
#[derive(Clone)]
pub(crate) struct Place<H> {
    home: H,
    hash: u64,
    /// None: in memory only.
    outside: Option<Beyond>,
    /// What has to come in before the entry is looked for: the contents that were saved, at their first use.
    contents: Option<Arc<dyn Contents>>,
}

/// The stores beyond memory, and the key of the entry there.
pub(crate) type Beyond = (Arc<Space>, EntryKey);

/// A value on its way to its place.
pub(crate) struct Setting<H, V> {
    place: Place<H>,
    /// None: in memory only.
    offer: Option<Offer>,
    terms: Terms,
    stamp: Stamp,
    /// None: not in memory.
    copy: Option<V>,
    weight: u64,
    /// It does not take the place of a live entry.
    yields: bool,
}

/// A key that comes along.
type Key<'a> = &'a (dyn Ask + Send + Sync);

/// The key, to be asked with when the arguments are gone.
fn held(key: Key<'_>) -> Result<Held, Error> {
    key.hold().ok_or_else(|| Error::encoding("the key can't leave its thread"))
}

impl<H: Home + Send + Sync + 'static> Place<H> {
    pub(crate) fn new(home: H, hash: u64, outside: Option<Beyond>) -> Self {
        Self { home, hash, outside, contents: None }
    }

    /// The same for one who has not waited for what was saved.
    pub(crate) fn with_contents(self) -> Self {
        Self { contents: self.home.instance().contents(), ..self }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.home.instance().options
    }

    fn has_memory(&self) -> bool {
        self.outside.as_ref().is_none_or(|(space, _)| space.stores.has_memory())
    }

    /// What an entry here weighs, where no function says it with every call.
    pub(crate) fn weigh(&self) -> Option<Weigh<'_>> {
        self.home.instance().weigh()
    }

    /// Is something still to come in?
    pub(crate) fn awaits_contents(&self) -> bool {
        self.contents.is_some()
    }

    /// Waits for what was saved.
    pub(crate) async fn ready(&self, face: Face) -> Result<(), Error> {
        match &self.contents {
            Some(contents) => contents.clone().bring_in(face).await,
            None => Ok(()),
        }
    }

    /// Other cache objects that share the stores: what changes there must not stay as it was in their memory.
    fn others(&self) -> Vec<OfCache> {
        let stores = self.outside.as_ref().map(|(space, _)| &space.stores);
        let others = stores.into_iter().flat_map(|stores| stores.caches());
        others.filter(|cache| cache.instance().id != self.home.instance().id).collect()
    }

    /// The entry in memory, unless it is a copy that does not know its end: see [`Stamp::of_copy`].
    pub(crate) fn read_memory<V: 'static>(&self, key: &dyn Ask, copy: fn(&V) -> V) -> Option<Entry<V>> {
        let ends_sooner = self.outside.is_some() && self.options().sliding;
        if ends_sooner { None } else { self.read_copy(key, copy) }
    }

    /// The entry in the stores.
    pub(crate) async fn read_outside<V: 'static>(&self, face: Face) -> Result<Option<Entry<V>>, Error> {
        let Some((space, key)) = &self.outside else { return Ok(None) };
        let Some(loaded) = space.stores.read(face, key).await? else { return Ok(None) };
        Ok(self.opened(space, &loaded))
    }

    /// The entry that a call would find in the stores, and the name of its tier.
    pub(crate) async fn explain_outside<V: 'static>(
        &self,
        face: Face,
    ) -> Result<(Entry<V>, &'static str), Explanation> {
        let (space, key) = self.outside.as_ref().ok_or(Explanation::Absent)?;
        let (loaded, tier) = space.stores.explain(face, key).await?;
        let mut value: Option<V> = None;
        space.decode_to_explain((&loaded, tier), &mut value)?;
        let literal = self.options().tags;
        let (stamp, own) = loaded.about(literal);
        if !self.home.instance().gives(stamp) {
            return Err(Explanation::Expired);
        }
        let value = value.ok_or(Explanation::Absent)?;
        Ok((Entry::new(value, stamp, literal, &own).depending(loaded.dependency()), tier))
    }

    /// What memory has, with the end that it has there.
    pub(crate) fn read_copy<V: 'static>(&self, key: &dyn Ask, copy: fn(&V) -> V) -> Option<Entry<V>> {
        if self.has_memory() { self.home.instance().entry(self.hash, key, copy).1 } else { None }
    }

    /// Is there an entry in memory, and nowhere else, whose time to live has passed?
    pub(crate) fn is_over<V: 'static>(&self, key: &dyn Ask, copy: fn(&V) -> V) -> bool {
        self.outside.is_none() && self.home.instance().entry(self.hash, key, copy).0 == Found::Expired
    }

    /// An entry as it was read, if a call would give it. One that can't be decoded is as good as absent, and counted.
    fn opened<V: 'static>(&self, space: &Space, loaded: &Loaded) -> Option<Entry<V>> {
        if !self.home.instance().gives(loaded.stamp()) {
            return None;
        }
        let mut value: Option<V> = None;
        space.decode(loaded, &mut value);
        let literal = self.options().tags;
        let (stamp, own) = loaded.about(literal);
        Some(Entry::new(value?, stamp, literal, &own).depending(loaded.dependency()))
    }

    /// The entry in the stores, of which memory gets a copy.
    pub(crate) async fn read_through<V: Send + Sync + 'static>(
        &self,
        face: Face,
        key: Key<'_>,
        copy: fn(&V) -> V,
    ) -> Result<Option<Entry<V>>, Error> {
        let Some((space, entry)) = &self.outside else { return Ok(None) };
        let seen = space.stores.epoch(entry);
        let Some(loaded) = space.read_for_use(face, entry).await.found? else { return Ok(None) };
        let found = self.opened(space, &loaded);
        space.used(&loaded, found.is_some());
        if let Some(found) = &found {
            self.fill_memory(key, seen, found, copy);
        }
        Ok(found)
    }

    /// Copies what was found in the stores into memory, unless the stripe's epoch is no longer what it was `seen` to be before.
    fn fill_memory<V: Send + Sync + 'static>(&self, key: Key<'_>, seen: u64, found: &Entry<V>, copy: fn(&V) -> V) {
        if self.has_memory()
            && let Some((space, entry)) = &self.outside
            && let Some(_right) = space.stores.right_to_copy(entry, seen)
        {
            let mut copy = Some(copy(found.value()));
            let (stamp, tags) = (found.stamp().of_copy(clock::now()), found.own_tags());
            let (dependency, weigh) = (found.dependency(), self.weigh());
            let put = Put { value: &mut copy, stamp, tags, dependency, weigh, replaces: false, yields: true };
            self.home.instance().store.fill(self.hash, key, put);
        }
    }

    /// Gives an entry another end; was there one?
    pub(crate) async fn retime(&self, face: Face, key: Key<'_>, expires: Millis) -> Result<bool, Error> {
        match &self.outside {
            None => Ok(self.home.instance().store.retime(self.hash, key, expires)),
            Some(beyond) => face.finish(self.clone().retimed(face, beyond.clone(), held(key)?, expires)).await,
        }
    }

    async fn retimed(self, face: Face, (space, entry): Beyond, key: Held, expires: Millis) -> Result<bool, Error> {
        let turn = space.stores.turn(face, &entry).await;
        let at = clock::unix(expires, (clock::now(), clock::unix_now()));
        let found = space.stores.retime(face, &turn, &entry, at).await;
        let _under = UnderLock::enter();
        self.home.instance().store.retime(self.hash, &*key, expires);
        for other in self.others() {
            let (stores, memory) =
                (other.instance().space.as_ref().map(|space| &space.stores), &other.instance().store);
            if stores.is_some_and(|stores| Arc::ptr_eq(stores, &space.stores)) {
                memory.retime(self.hash, &*key, expires);
            } else {
                // It may end sooner in its tiers.
                memory.remove(self.hash, &*key);
            }
        }
        found
    }

    /// Removes the entry everywhere, and keeps running bodies from storing theirs.
    pub(crate) async fn delete(&self, face: Face, key: Key<'_>) -> Result<bool, Error> {
        match &self.outside {
            None => Ok(self.home.instance().delete(self.hash, key)),
            Some(beyond) => face.finish(self.clone().deleted(face, beyond.clone(), held(key)?)).await,
        }
    }

    async fn deleted(self, face: Face, (space, entry): Beyond, key: Held) -> Result<bool, Error> {
        let turn = space.stores.turn(face, &entry).await;
        let removed = space.stores.remove(face, &turn, &entry).await.inspect_err(|error| space.stores.failed(error));
        let existed = self.delete_from_memory(&*key);
        Ok(removed? || existed)
    }

    /// Removes the entry everywhere, as [`delete`](Self::delete) does, and gives its value.
    pub(crate) async fn take<V: Send + Sync + 'static>(
        &self,
        face: Face,
        key: Key<'_>,
        copy: fn(&V) -> V,
    ) -> Result<Option<V>, Error> {
        match &self.outside {
            None => Ok(self.home.instance().take(self.hash, key, copy)),
            Some(beyond) => face.finish(self.clone().taken(face, beyond.clone(), held(key)?, copy)).await,
        }
    }

    async fn taken<V: Send + Sync + 'static>(
        self,
        face: Face,
        (space, entry): Beyond,
        key: Held,
        copy: fn(&V) -> V,
    ) -> Result<Option<V>, Error> {
        let turn = space.stores.turn(face, &entry).await;
        let loaded = space.stores.read_in_turn(face, &turn, &entry).await?;
        let removed = space.stores.remove(face, &turn, &entry).await.inspect_err(|error| space.stores.failed(error));
        let in_memory = {
            let _under = UnderLock::enter();
            let in_memory = self.home.instance().take(self.hash, &*key, copy);
            self.delete_from_memory(&*key);
            in_memory
        };
        // The user's `Deserialize` and `Drop` keep nobody waiting.
        drop(turn);
        removed?;
        let stored = || Some(self.opened::<V>(&space, &loaded?)?.into_value());
        Ok(in_memory.or_else(stored))
    }

    /// Removes the entry everywhere if it is still the one that a scan found; was it?
    pub(crate) async fn delete_same(&self, face: Face, key: Key<'_>, seen: Stored) -> Result<bool, Error> {
        let Some((space, entry)) = self.outside.clone() else { return Ok(false) };
        let (place, key) = (self.clone(), held(key)?);
        let change = async move {
            let turn = space.stores.turn(face, &entry).await;
            let loaded = space.stores.read_in_turn(face, &turn, &entry).await?;
            if !loaded.is_some_and(|loaded| loaded.is(&seen)) {
                return Ok(false);
            }
            let removed = space.stores.remove(face, &turn, &entry).await;
            place.delete_from_memory(&*key);
            removed.inspect_err(|error| space.stores.failed(error))
        };
        face.finish(change).await
    }

    /// The same as [`delete`](Self::delete), also of an entry that was saved.
    pub(crate) async fn delete_from_contents(&self, face: Face, key: Key<'_>) -> Result<bool, Error> {
        self.ready(face).await?;
        self.delete(face, key).await
    }

    /// Removes the entry from the memory of all who share its stores, in the caller's turn; was there one?
    fn delete_from_memory(&self, key: Key<'_>) -> bool {
        let _under = UnderLock::enter();
        for other in self.others() {
            other.instance().delete(self.hash, key);
        }
        self.home.instance().delete(self.hash, key)
    }

    /// A value on its way here.
    ///
    /// # Errors
    ///
    /// If it can't be encoded.
    pub(crate) fn setting<V: Send + Sync + 'static>(
        &self,
        (value, copy): (&V, fn(&V) -> V),
        terms: Terms,
        weight: u64,
        yields: bool,
    ) -> Result<Setting<H, V>, Error>
    where
        H: Clone,
    {
        let options = self.options();
        let stamp = terms.stamp(options);
        let offer = match &self.outside {
            Some((space, key)) => {
                let present = (stamp.created(), clock::unix_now());
                let about = About {
                    expires: clock::unix(stamp.expires(), present),
                    fresh_until: clock::unix(stamp.fresh_until(), present).filter(|_| stamp.grace() > 0),
                    window: stamp.window(),
                    cost: 0,
                    tags: terms.all_tags(options),
                    dependency: terms.dependency.clone(),
                    yields,
                };
                Some(space.offer(key.clone(), value, about)?)
            }
            None => None,
        };
        let copy = self.has_memory().then(|| copy(value));
        let stamp = if self.outside.is_some() { stamp.of_copy(stamp.created()) } else { stamp };
        Ok(Setting { place: self.clone(), offer, terms, stamp, copy, weight, yields })
    }
}

impl<H: Home + Send + Sync + 'static, V: Send + Sync + 'static> Setting<H, V> {
    /// Puts the value in its place after what was saved; false if it yielded to another.
    pub(crate) async fn set_in_contents(self, face: Face, key: Key<'_>) -> Result<bool, Error> {
        self.place.ready(face).await?;
        self.set(face, key).await
    }

    /// Puts the value in its place; false if it yielded to another.
    pub(crate) async fn set(mut self, face: Face, key: Key<'_>) -> Result<bool, Error> {
        let Some(((space, _), offer)) = self.place.outside.as_ref().zip(self.offer.take()) else {
            return self.finish(Ok(Outcome::Stored), key);
        };
        let (space, key) = (space.clone(), held(key)?);
        let change = async move {
            let turn = space.stores.turn(face, offer.key()).await;
            if self.yields_to_memory(&*key) {
                return Ok(false);
            }
            let written = space.stores.write(face, &turn, offer).await;
            self.finish(written, &*key)
        };
        face.finish(change).await
    }

    /// Does it yield to an entry in memory? The stores may have lost that one.
    fn yields_to_memory(&self, key: Key<'_>) -> bool {
        let instance = self.place.home.instance();
        self.yields
            && self.copy.is_some()
            && instance.store.visit(self.place.hash, key, false, &mut |_| {}) == Found::Live
    }

    /// Puts the value into memory, in the caller's turn, after it was `written` to the stores.
    fn finish(self, written: Result<Outcome, Error>, key: Key<'_>) -> Result<bool, Error> {
        // First, so that it outlives what is dropped here.
        let _under = UnderLock::enter();
        let Self { place, terms, stamp, mut copy, weight, yields, .. } = self;
        let instance = place.home.instance();
        if !matches!(written, Ok(Outcome::Yielded)) {
            for other in place.others() {
                other.instance().store.remove(place.hash, key);
            }
        }
        match written {
            Ok(Outcome::Stored) if copy.is_some() => {
                let weigh = &|_: &dyn Any, _: &dyn Any| weight;
                let put = terms.put(&instance.options, stamp, &mut copy, Some(weigh), true);
                Ok(instance.store.set(place.hash, key, Put { yields, replaces: !yields, ..put }))
            }
            // In memory too, perhaps.
            Ok(Outcome::Yielded) => Ok(false),
            Err(error) if yields => Err(error),
            written => {
                // Memory must not have an older value, nor get one from a body that runs.
                instance.store.remove(place.hash, key);
                written.map(|_| true)
            }
        }
    }
}
