//! Where the entries of a function live in byte stores: under keys of its own, in one tier or several.
//!
//! This puts the layers together that know nothing of each other: values and keys become frames (`wire`), frames go into
//! stores (`backend`). All of it is written once, for threads and tasks: see [`Face`].

mod at_hand;
mod back;
mod batch;
mod carry;
mod explain;
mod face;
mod lease;
mod loaded;
mod names;
pub(crate) mod near;
mod owed;
mod read;
mod shared;
mod slide;
mod source;
mod tally;
mod tier;
mod timed;
mod values;
mod write;

use std::{
    cell::Cell,
    ops::ControlFlow,
    sync::{Arc, OnceLock, atomic::Ordering},
};

use async_lock::MutexGuardArc;

pub(crate) use face::Face;
pub(crate) use lease::{Lease, Leased, Wish};
pub(crate) use loaded::{Loaded, Stored, key_of};
pub(crate) use names::EntryKey;
pub(crate) use read::{Read, Since};
pub use source::Tier;
pub(crate) use source::is_memory;
use tier::Tiers;
pub(crate) use values::{AnyValues, Of, written};

pub(crate) use write::{About, Offer, Outcome};

pub(crate) use crate::key::text::Text;

use self::{
    back::{Back, Outlet},
    near::Near,
    owed::Removal,
    shared::{STRIPES, Shared},
    source::Source,
};
use crate::{
    backend::{self, Change, Store},
    cache::Written,
    call::{
        home::{OfCache, WeakCache},
        site::{Outside, Version},
    },
    clock::{self, Millis},
    error::Error,
    memory::locked::UnderLock,
    stats::counters::Counters,
    tags::Tag,
    within::Within,
};

/// What the stores of a function or cache are made of.
pub(crate) struct Made<'a> {
    pub(crate) name: &'a str,
    pub(crate) tiers: &'a [Tier],
    /// Only the first tier is written to at once.
    pub(crate) writes_back: bool,
    /// Of the tiers that name none.
    pub(crate) codec: Option<&'a str>,
    /// How long each store is waited for.
    pub(crate) timeout: Option<Millis>,
}

/// The stores of a function.
pub(crate) struct Stores {
    /// What the keys of all its entries begin with.
    prefix: String,
    tiers: Tiers,
    /// None where values go into all tiers at once.
    back: Option<Back>,
    shared: Arc<Shared>,
    /// What its memory hears of others.
    pub(crate) near: Near,
    /// The cache objects that were made of this: what changes an entry tells the memory of all of them.
    caches: parking_lot::Mutex<Vec<WeakCache>>,
    /// Their last tier can't have leases, and that has been said.
    is_known_to_lease_nothing: OnceLock<()>,
    /// Of what failed in the stores.
    pub(crate) counters: Counters,
}

/// The right to change the entries of a stripe. Who has one may not be left alone by its executor: see [`Face::finish`].
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] MutexGuardArc<()>);

impl Stores {
    /// Opens nothing yet: that is done when they are first used, so that a store that is down does not keep a function
    /// from running.
    fn new(made: &Made<'_>, shared: Arc<Shared>) -> Self {
        let tiers = Tiers::new(made.tiers, made.codec, made.timeout);
        Self {
            prefix: names::function(made.name),
            back: made.writes_back.then(|| Back::new(tiers.has_memory())),
            tiers,
            shared,
            near: Near::default(),
            caches: parking_lot::Mutex::default(),
            is_known_to_lease_nothing: OnceLock::new(),
            counters: Counters::default(),
        }
    }

    /// Those of a cache object, beside those of another object of the same name.
    pub(crate) fn beside(made: &Made<'_>, namesake: Option<&Arc<Self>>) -> Arc<Self> {
        let shared = namesake.map_or_else(Shared::new, |namesake| namesake.shared.clone());
        let stores = Arc::new(Self::new(made, shared));
        stores.shared.join(&stores);
        stores
    }

    /// Are they of objects of this name?
    pub(crate) fn are_of(&self, name: &str) -> bool {
        self.prefix == names::function(name)
    }

    /// From now on the cache object is one of [`caches`](Self::caches).
    pub(crate) fn join(&self, cache: WeakCache) {
        let mut caches = self.caches.lock();
        caches.retain(WeakCache::lives);
        caches.push(cache);
    }

    fn own_caches(&self) -> Vec<OfCache> {
        self.caches.lock().iter().filter_map(WeakCache::upgrade).collect()
    }

    /// Those that an attribute names.
    pub(crate) fn declared(outside: &Outside, function: &str) -> Self {
        let tiers: Vec<Tier> = outside.backends.iter().copied().map(Tier::from).collect();
        let Outside { codec, writes_back, timeout, .. } = *outside;
        Self::new(&Made { name: function, tiers: &tiers, writes_back, codec, timeout }, Shared::new())
    }

    /// Were they made of this?
    pub(crate) fn are(&self, made: &Made<'_>) -> bool {
        self.are_of(made.name) && self.back.is_some() == made.writes_back && self.tiers.are(made)
    }

    /// What the keys of all entries begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Is there a tier of typed memory in front?
    pub(crate) fn has_memory(&self) -> bool {
        self.tiers.has_memory()
    }

    /// How often the entry of the key has changed, or one of those that are counted with it.
    pub(crate) fn epoch(&self, key: &EntryKey) -> u64 {
        self.shared.epoch(key.hash()).load(Ordering::Acquire)
    }

    /// Waits for the right to change a key's entries.
    pub(crate) async fn turn(&self, face: Face, key: &EntryKey) -> Turn {
        self.turn_of(face, key.hash()).await
    }

    /// The same by the hash of the key.
    async fn turn_of(&self, face: Face, hash: u64) -> Turn {
        face.lock(self.shared.stripe(hash)).await
    }

    /// The right to put into memory what was found in the stores under a key, if nobody else has its turn, and its epoch is what it
    /// was `seen` to be before.
    pub(crate) fn right_to_copy(&self, key: &EntryKey, seen: u64) -> Option<(UnderLock, Turn)> {
        let turn = self.shared.stripe(key.hash()).try_lock_arc().map(Turn)?;
        (self.epoch(key) == seen).then(|| (UnderLock::enter(), turn))
    }

    /// Waits for the right to change any entry.
    async fn all_turns(&self, face: Face) -> Vec<Turn> {
        let mut turns = Vec::with_capacity(STRIPES);
        for stripe in &self.shared.stripes {
            turns.push(face.lock(stripe).await);
        }
        turns
    }

    /// Notes a change, in the turn of whoever made it.
    fn changed(&self, key: &EntryKey) {
        self.shared.changed(key.hash());
    }

    /// A store failed: that is counted, and the call goes on without it.
    pub(crate) fn failed(&self, error: &Error) {
        Counters::add(&self.counters.errors, 1);
        backend::hook::report(&self.prefix, error);
    }

    /// The right to write to the tiers that the queue is for, where there is one.
    async fn outlet(&self) -> Option<Outlet> {
        match &self.back {
            Some(back) => Some(back.outlet().await),
            None => None,
        }
    }

    /// Adds a tier behind the others.
    ///
    /// # Errors
    ///
    /// If it can't be opened, or is said to be what it can't be.
    pub(crate) async fn add(self: &Arc<Self>, face: Face, (tier, codec): (&Tier, Option<&str>)) -> Result<(), Error> {
        if tier.is_memory() {
            return Err(Error::config("typed memory can only be the first tier"));
        }
        let stores = self.clone();
        let added = self.tiers.open(face, Source::new(tier, codec)?).await?;
        let change = async move {
            let turns = stores.all_turns(face).await;
            stores.tiers.add(&turns, added)
        };
        face.finish(change).await
    }

    /// Removes the entry of a key, of all versions, from all tiers, in the caller's turn; was there one?
    pub(crate) async fn remove(self: &Arc<Self>, face: Face, turn: &Turn, key: &EntryKey) -> Result<bool, Error> {
        let removed = self.remove_many(face, std::slice::from_ref(turn), &[key]).await;
        removed.map(|were_there| were_there == [true])
    }

    /// Removes all entries of the function (of all instantiations and versions), or those that carry all of some tags, from
    /// the stores and then from memory, in the turns of all keys. Gives their number in the tier that held most, and the
    /// number in memory.
    pub(crate) async fn clear(
        self: &Arc<Self>,
        face: Face,
        tags: Option<&Arc<[Tag]>>,
        from_memory: impl FnOnce() -> u64 + Send + 'static,
    ) -> (Result<u64, Error>, u64) {
        let (stores, tags) = (self.clone(), tags.map(|tags| tags.iter().map(Tag::to_string).collect()));
        let change = async move {
            let turns = stores.all_turns(face).await;
            let removed = stores.clear_tiers(face, &turns, tags).await.inspect_err(|error| stores.failed(error));
            let _under = UnderLock::enter();
            // Last: until here, what runs may still have been reading what is gone now.
            let in_memory = from_memory();
            (removed.map(|removed| removed.max(in_memory)), in_memory)
        };
        face.finish(change).await
    }

    async fn clear_tiers(
        self: &Arc<Self>,
        face: Face,
        _turns: &[Turn],
        tags: Option<Arc<[String]>>,
    ) -> Result<u64, Error> {
        let settled = self.settle_all_others(face).await;
        let prefix: Arc<str> = self.prefix.as_str().into();
        let forget = |back: &Back| back.forget_under(prefix.as_bytes(), tags.as_deref());
        let forgotten = self.back.as_ref().map(forget).unwrap_or_default();
        // What they were to take the place of may carry other tags.
        let replaced: Arc<[Vec<u8>]> = forgotten.iter().map(|offer| offer.key().all_versions()).collect();
        let _outlet = self.outlet().await;
        let removals = match &tags {
            None => vec![Removal::Under(prefix.as_bytes().to_vec())],
            Some(tags) => {
                let tagged = Removal::Tagged(prefix.as_bytes().to_vec(), tags.to_vec());
                [tagged].into_iter().chain(replaced.iter().cloned().map(Removal::Under)).collect()
            }
        };
        let work = |store: Store| async move {
            let Some(tags) = &tags else { return store.remove_prefix(prefix.as_bytes()).await };
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            let tagged = store.remove_tagged(prefix.as_bytes(), &tags).await?;
            if replaced.is_empty() {
                return Ok(tagged);
            }
            let replaced: Vec<&[u8]> = replaced.iter().map(Vec::as_slice).collect();
            Ok(tagged + store.remove_prefixes(&replaced).await?.into_iter().sum::<u64>())
        };
        let removed = self.remove_from_each(face, &removals, work).await;
        self.shared.all_changed();
        settled.and(removed).map(|counts| counts.into_iter().max().unwrap_or(0))
    }

    /// The number of entries of the function in the last tier. What is queued is written first.
    pub(crate) async fn len(self: &Arc<Self>, face: Face) -> Result<u64, Error> {
        self.write_out(face).await?;
        self.count(face).await
    }

    async fn count(&self, face: Face) -> Result<u64, Error> {
        let prefix = self.prefix.clone().into_bytes();
        self.tiers.last(face, move |store| async move { store.count(&prefix).await }).await
    }

    /// The number of entries of the function in each store, without what is queued; `None` where it can't be told. What fails
    /// is counted here.
    pub(crate) async fn sizes(&self, face: Face) -> Vec<Option<u64>> {
        let tiers = self.tiers.all().inspect_err(|error| self.failed(error)).unwrap_or_default();
        let mut sizes = Vec::with_capacity(tiers.len());
        for tier in tiers {
            let prefix = self.prefix.clone().into_bytes();
            let work = move |store: Store| async move {
                match store.count(&prefix).await {
                    Err(error) if error.is_unsupported() => Ok(None),
                    count => count.map(Some),
                }
            };
            let size = tier.ask(face, work).await.inspect_err(|error| self.failed(error));
            sizes.push(size.ok().flatten());
        }
        sizes
    }

    /// The names of all tiers, typed memory included, and what failed in each.
    pub(crate) fn failures(&self) -> Vec<(String, u64)> {
        self.tiers.failures()
    }

    /// Removes what has expired, from all tiers, whosever it is; gives the number of entries.
    pub(crate) async fn purge(&self, face: Face) -> Result<u64, Error> {
        let now = clock::unix_now();
        let purged = self.tiers.each(face, move |store| async move { store.purge(now).await }).await?;
        Ok(purged.into_iter().sum())
    }

    /// Everything that was acknowledged is in all tiers, and as durable as it can be.
    pub(crate) async fn flush(self: &Arc<Self>, face: Face) -> Result<(), Error> {
        if self.tiers.known().iter().all(|tier| tier.opened().is_none()) && self.queued() == 0 {
            return Ok(());
        }
        let written = self.pay_now(face).await.and(self.write_out(face).await);
        let flushed = self.tiers.each(face, |store| async move { store.flush().await }).await;
        written.and(flushed.map(drop))
    }

    /// What is wrong with the URLs or the codec, if anything.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.tiers.all().map(drop)
    }

    /// Gives an entry another end without decoding it, in the caller's turn; was there one?
    pub(crate) async fn retime(
        self: &Arc<Self>,
        face: Face,
        _turn: &Turn,
        key: &EntryKey,
        expires: Option<backend::UnixMillis>,
    ) -> Result<bool, Error> {
        self.settle_others(face, &[key]).await?;
        let _outlet = self.outlet().await;
        if let Some(back) = &self.back {
            self.settle(back, face, key).await?;
        }
        let mut found = Ok(false);
        // As in all changes, what is read later is changed first.
        for tier in self.tiers.all()?.iter().rev() {
            self.pay(face, tier).await?;
            let (at, expires) = (key.clone(), tier.terms().end(expires, clock::unix_now()));
            let work = move |store: Store| async move { retime_in(&store, &at, expires).await };
            let retimed = tier.change(face, work).await;
            found = found.and_then(|before: bool| Ok(retimed? | before));
        }
        self.changed(key);
        found
    }

    /// Is one of the tiers in such a store?
    pub(crate) fn uses(&self, scheme: &str) -> bool {
        self.tiers.uses(scheme)
    }

    /// What statistics call them.
    pub(crate) fn describe(&self) -> (String, Option<String>) {
        self.tiers.describe()
    }
}

/// Gives an entry another end in one store; was there one?
async fn retime_in(store: &Store, key: &EntryKey, expires: Option<backend::UnixMillis>) -> Result<bool, Error> {
    let mut found = false;
    let mut retime = |bytes: Option<&[u8]>| {
        let change = bytes.and_then(|bytes| write::retimed(bytes, key.full(), expires));
        found = change.is_some();
        change.unwrap_or(Change::Keep)
    };
    store.update(key.flat(), &mut retime).await?;
    Ok(found)
}

thread_local! {
    /// Does this thread trace the shape of a type?
    static TRACES: Cell<bool> = const { Cell::new(false) };
}

/// The entries of one instantiation of a function in its stores.
pub(crate) struct Space {
    pub(crate) stores: Arc<Stores>,
    /// What the instantiation is called, nothing if it is the only one.
    name: String,
    version: Version,
    /// Made when the first key is.
    names: OnceLock<names::Names>,
    values: AnyValues,
    tally: tally::Tally,
}

impl Space {
    /// `name` is the function's path with all generics.
    pub(crate) fn new(stores: Arc<Stores>, (path, name): (&str, &str), version: Version, values: AnyValues) -> Self {
        let name = if name == path { "" } else { name };
        let tally = tally::Tally::new(stores.has_memory());
        Self { stores, name: name.to_owned(), version, names: OnceLock::new(), values, tally }
    }

    /// What keys are made of. The first time, the shape of the values is traced.
    ///
    /// # Errors
    ///
    /// If it is asked for while this thread traces a shape: no key can be told then.
    fn names(&self) -> Result<&names::Names, Error> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        // Nobody waits for it: tracing runs the user's code.
        let names = self.traced()?;
        Ok(self.names.get_or_init(|| names))
    }

    /// Tracing runs the user's `Deserialize` and `Drop`, so what they call goes past the cache.
    #[cold]
    fn traced(&self) -> Result<names::Names, Error> {
        let Some(_tracing) = Within::enter(&TRACES) else {
            let message = "the `Deserialize` of a value whose type is looked at for the first time can't use its cache";
            return Err(Error::unavailable(message));
        };
        let _under = UnderLock::enter();
        let version = match self.version {
            Version::Tokens(hash) => names::version(&hash.to_le_bytes(), self.values.shape()),
            Version::Given(number) => names::version(number.as_bytes(), self.values.shape()),
        };
        Ok(names::Names::new(&self.stores.prefix, &self.name, version))
    }

    /// All live entries of this version in the last tier. What is queued is written first.
    pub(crate) async fn all(&self, face: Face) -> Result<Vec<Stored>, Error> {
        self.stores.write_out(face).await?;
        let names = self.names()?.clone();
        let work = move |store: Store| async move {
            let mut all = Vec::new();
            let mut show = |key: &[u8], bytes: &[u8]| {
                all.extend(names.have(key).then(|| loaded::alive(bytes)).flatten());
                ControlFlow::Continue(())
            };
            store.scan(names.prefix().as_bytes(), &mut show).await?;
            Ok(all)
        };
        self.stores.tiers.last(face, work).await
    }

    /// The key of an entry of a cache, which is to be read again.
    pub(crate) fn key_of<K>(&self, written: &Written<K>, key: &K, hash: u64) -> Result<EntryKey, Error> {
        Ok(self.key(hash, |to| (written.text)(key, to))?.with_data((written.data)(key)?))
    }

    /// The key of an entry, from what writes the arguments, and their hash in this process.
    pub(crate) fn key(&self, hash: u64, write: impl FnOnce(&mut Text) -> Result<(), Error>) -> Result<EntryKey, Error> {
        self.names()?.key(hash, self.stores.tiers.hashes_keys(), write)
    }
}
