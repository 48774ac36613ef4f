//! Where an entry stands: in memory, in stores, or both; and what is done to it there.

pub(crate) mod batch;

use std::{any::Any, sync::Arc};

use super::{entry::Entry, instance::Home, site::Options, terms::Terms};
use crate::{
    clock::{self, Millis},
    error::Error,
    key::Ask,
    memory::{Found, Put, entries::Weigh, stamp::Stamp},
    space::{About, EntryKey, Face, Loaded, Offer, Space},
};

/// Where an entry stands.
#[derive(Clone)]
pub(crate) struct Place<H> {
    home: H,
    hash: u64,
    /// None: in memory only.
    outside: Option<Beyond>,
}

/// The stores beyond memory, and the key of the entry there.
pub(crate) type Beyond = (Arc<Space>, Box<EntryKey>);

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

impl<H: Home> Place<H> {
    pub(crate) fn new(home: H, hash: u64, outside: Option<Beyond>) -> Self {
        Self { home, hash, outside }
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

    /// The entry in memory.
    pub(crate) fn read_memory<V: 'static>(&self, key: &dyn Ask, copy: fn(&V) -> V) -> Option<Entry<V>> {
        self.look_in_memory(key, copy).1
    }

    /// The same, and whether there is one at all.
    pub(crate) fn look_in_memory<V: 'static>(&self, key: &dyn Ask, copy: fn(&V) -> V) -> (Found, Option<Entry<V>>) {
        if self.has_memory() { self.home.instance().entry(self.hash, key, copy) } else { (Found::Absent, None) }
    }

    /// The entry in the stores, and the name of its tier.
    pub(crate) async fn read_outside<V: 'static>(&self, face: Face) -> Result<Option<(Entry<V>, &'static str)>, Error> {
        let Some((space, key)) = &self.outside else { return Ok(None) };
        let Some(loaded) = space.stores.read(face, key).await? else { return Ok(None) };
        Ok(self.opened(space, &loaded)?.map(|entry| (entry, space.stores.tier_name(&loaded))))
    }

    /// An entry as it was read.
    fn opened<V: 'static>(&self, space: &Space, loaded: &Loaded) -> Result<Option<Entry<V>>, Error> {
        let mut value: Option<V> = None;
        space.try_decode(loaded, &mut value)?;
        let literal = self.options().tags;
        let (stamp, own) = loaded.about(literal);
        Ok(value.map(|value| Entry::new(value, stamp, literal, &own)))
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
        let Some((found, _)) = self.read_outside::<V>(face).await? else { return Ok(None) };
        self.fill_memory(key, seen, &found, copy);
        Ok(Some(found))
    }

    /// Copies what was found in the stores into memory, unless the stripe's epoch is no longer what it was `seen` to be before.
    fn fill_memory<V: Send + Sync + 'static>(&self, key: Key<'_>, seen: u64, found: &Entry<V>, copy: fn(&V) -> V) {
        if self.has_memory()
            && let Some((space, entry)) = &self.outside
            && let Some(_turn) = space.stores.try_turn(entry)
            && space.stores.epoch(entry) == seen
        {
            let mut copy = Some(copy(found.value()));
            let (stamp, tags) = (found.stamp(), found.own_tags());
            let put = Put { value: &mut copy, stamp, tags, weigh: None, slides: true, replaces: false, yields: true };
            self.home.instance().store.fill(self.hash, key, put);
        }
    }

    /// Gives an entry another end; was there one?
    pub(crate) async fn retime(&self, face: Face, key: Key<'_>, expires: Millis) -> Result<bool, Error> {
        let Some((space, entry)) = &self.outside else {
            return Ok(self.home.instance().store.retime(self.hash, key, expires));
        };
        let turn = space.stores.turn(face, entry).await;
        let at = clock::unix(expires, (clock::now(), clock::unix_now()));
        let found = space.stores.retime(face, &turn, entry, at).await;
        self.home.instance().store.retime(self.hash, key, expires);
        found
    }

    /// Removes the entry everywhere, and keeps running bodies from storing theirs.
    pub(crate) async fn delete(&self, face: Face, key: Key<'_>) -> Result<bool, Error> {
        let Some((space, entry)) = &self.outside else {
            return Ok(self.home.instance().delete(self.hash, key));
        };
        let turn = space.stores.turn(face, entry).await;
        let removed = space.stores.remove(face, &turn, entry).await;
        let existed = self.home.instance().delete(self.hash, key);
        Ok(removed? || existed)
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
                let about = About {
                    expires: clock::unix(stamp.expires(), (stamp.created(), clock::unix_now())),
                    cost: 0,
                    tags: terms.all_tags(options),
                    yields,
                };
                Some(space.offer((**key).clone(), value, about)?)
            }
            None => None,
        };
        let copy = self.has_memory().then(|| copy(value));
        Ok(Setting { place: self.clone(), offer, terms, stamp, copy, weight, yields })
    }
}

impl<H: Home, V: Send + Sync + 'static> Setting<H, V> {
    /// Puts the value in its place; false if it yielded to another.
    pub(crate) async fn set(mut self, face: Face, key: Key<'_>) -> Result<bool, Error> {
        let mut turn = None;
        let mut written = Ok(true);
        if let Some(((space, entry), offer)) = self.place.outside.as_ref().zip(self.offer.take()) {
            let held = turn.insert(space.stores.turn(face, entry).await);
            written = space.stores.write(face, held, offer).await;
        }
        let set = self.finish(written, key);
        drop(turn);
        set
    }

    /// Puts the value into memory, in the caller's turn, after it was `written` to the stores.
    fn finish(self, written: Result<bool, Error>, key: Key<'_>) -> Result<bool, Error> {
        let Self { place, terms, stamp, mut copy, weight, yields, .. } = self;
        let instance = place.home.instance();
        match written {
            Ok(true) if copy.is_some() => {
                let weigh = &|_: &dyn Any, _: &dyn Any| weight;
                let put = terms.put(&instance.options, stamp, &mut copy, Some(weigh), true);
                Ok(instance.store.set(place.hash, key, Put { yields, replaces: !yields, ..put }))
            }
            // Another stands there, in memory too, perhaps.
            Ok(false) if yields => Ok(false),
            written => {
                // Memory must not have an older value, nor get one from a body that runs.
                instance.store.remove(place.hash, key);
                written.map(|_| true)
            }
        }
    }
}
