//! Where the entries of a function live in byte stores: under keys of its own, in one tier or several.
//!
//! This puts the layers together that know nothing of each other: values and keys become frames (`wire`), frames go into
//! stores (`backend`). All of it is written once, for threads and tasks: see [`Face`].

mod batch;
mod explain;
mod face;
mod names;
mod read;
mod slide;
mod tally;
mod tier;
mod values;
mod write;

use std::{
    ops::ControlFlow,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use async_lock::{Mutex, MutexGuardArc};

pub(crate) use face::Face;
pub(crate) use names::EntryKey;
pub(crate) use read::{Loaded, Stored, key_of};
use tier::Tiers;
pub(crate) use tier::is_memory;
pub(crate) use values::{AnyValues, Of, written};

pub(crate) use write::{About, Offer, Outcome};

use crate::{
    backend::{self, Backend, Change},
    call::{
        instance::{OfCache, WeakCache},
        site::Version,
    },
    clock,
    error::Error,
    key::text::Text,
    memory::locked::UnderLock,
    stats::counters::Counters,
    tags::Tag,
};

/// Keys are spread over so many locks, under which their entries change.
const STRIPES: usize = 32;

/// Where something is written, expired entries are swept out this often, in milliseconds.
const SWEEP_EVERY: clock::Millis = 60_000;

/// The stores of a function.
pub(crate) struct Stores {
    /// What the keys of all its entries begin with.
    prefix: String,
    tiers: Tiers,
    stripes: [Stripe; STRIPES],
    /// When a write has expired entries swept out next.
    sweep_at: AtomicU64,
    /// The cache objects whose entries stand here: what changes an entry tells the memory of all of them.
    caches: parking_lot::Mutex<Vec<WeakCache>>,
    /// Of what failed in the stores.
    pub(crate) counters: Counters,
}

/// What changes the entries of some of the keys does so under this lock.
struct Stripe {
    lock: Arc<Mutex<()>>,
    /// Rises with every change: what was read before is not carried on after it.
    epoch: AtomicU64,
}

/// The right to change the entries of a stripe. It ends with the last copy: work on the pool of threads has one, since it
/// goes on when the future that asked for it is dropped.
#[derive(Clone)]
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] Arc<MutexGuardArc<()>>);

impl Stores {
    /// Opens nothing yet: that is done when they are first used, so that a store that is down does not keep a function
    /// from running.
    pub(crate) fn new(urls: &[&str], codec: Option<&str>, function: &str) -> Self {
        Self {
            prefix: names::function(function),
            tiers: Tiers::new(urls, codec),
            stripes: std::array::from_fn(|_| Stripe { lock: Arc::default(), epoch: AtomicU64::new(0) }),
            sweep_at: AtomicU64::new(clock::now().saturating_add(SWEEP_EVERY)),
            caches: parking_lot::Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// From now on the cache object is one of [`caches`](Self::caches).
    pub(crate) fn join(&self, cache: WeakCache) {
        let mut caches = self.caches.lock();
        caches.retain(WeakCache::lives);
        caches.push(cache);
    }

    /// The live cache objects whose entries stand here.
    pub(crate) fn caches(&self) -> Vec<OfCache> {
        self.caches.lock().iter().filter_map(WeakCache::upgrade).collect()
    }

    /// What the keys of all entries begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Is there a tier of typed memory in front?
    pub(crate) fn has_memory(&self) -> bool {
        self.tiers.has_memory()
    }

    fn stripe(&self, key: &EntryKey) -> &Stripe {
        &self.stripes[key.stripe() % STRIPES]
    }

    /// How often the entries of the key's stripe have changed.
    pub(crate) fn epoch(&self, key: &EntryKey) -> u64 {
        self.stripe(key).epoch.load(Ordering::Acquire)
    }

    /// Waits for the right to change a key's entries.
    pub(crate) async fn turn(&self, face: Face, key: &EntryKey) -> Turn {
        face.lock(&self.stripe(key).lock).await
    }

    /// The right to change a key's entries, if nobody else has it.
    pub(crate) fn try_turn(&self, key: &EntryKey) -> Option<Turn> {
        self.stripe(key).lock.try_lock_arc().map(|guard| Turn(Arc::new(guard)))
    }

    /// Waits for the right to change any entry.
    async fn all_turns(&self, face: Face) -> Vec<Turn> {
        let mut turns = Vec::with_capacity(STRIPES);
        for stripe in &self.stripes {
            turns.push(face.lock(&stripe.lock).await);
        }
        turns
    }

    /// Notes a change, in the turn of whoever made it.
    fn changed(&self, key: &EntryKey) {
        self.stripe(key).epoch.fetch_add(1, Ordering::Release);
    }

    /// A store failed: that is counted, and the call goes on without it.
    pub(crate) fn failed(&self, error: &Error) {
        Counters::add(&self.counters.errors, 1);
        backend::hook::report(&self.prefix, error);
    }

    /// Removes the entry of a key, of all versions, from all tiers, in the caller's turn; was there one?
    pub(crate) async fn remove(&self, face: Face, turn: &Turn, key: &EntryKey) -> Result<bool, Error> {
        let (turn, prefix) = (turn.clone(), key.all_versions());
        let work = move |store: &dyn Backend| {
            let _turn = &turn;
            store.remove_prefix(&prefix)
        };
        let removed = self.tiers.each(face, work).await;
        self.changed(key);
        removed.map(|counts| counts.into_iter().any(|count| count > 0))
    }

    /// Removes all entries of the function (of all instantiations and versions), or those that carry all of some tags, from
    /// the stores and then from memory, in the turns of all keys. Gives their number in the tier that held most, and the
    /// number in memory.
    pub(crate) async fn clear(
        &self,
        face: Face,
        tags: Option<&Arc<[Tag]>>,
        from_memory: impl FnOnce() -> u64,
    ) -> (Result<u64, Error>, u64) {
        let turns = self.all_turns(face).await;
        let names = tags.map(|tags| tags.iter().map(Tag::to_string).collect());
        let removed = self.clear_tiers(face, &turns, names).await.inspect_err(|error| self.failed(error));
        let _under = UnderLock::enter();
        // Last: until here, what runs may still have been reading what is gone now.
        let in_memory = from_memory();
        (removed.map(|removed| removed.max(in_memory)), in_memory)
    }

    async fn clear_tiers(&self, face: Face, turns: &[Turn], tags: Option<Vec<String>>) -> Result<u64, Error> {
        let (turns, prefix) = (turns.to_vec(), self.prefix.clone().into_bytes());
        let work = move |store: &dyn Backend| {
            let _turns = &turns;
            match &tags {
                None => store.remove_prefix(&prefix),
                Some(tags) => store.remove_tagged(&prefix, &tags.iter().map(String::as_str).collect::<Vec<_>>()),
            }
        };
        let removed = self.tiers.each(face, work).await;
        for stripe in &self.stripes {
            stripe.epoch.fetch_add(1, Ordering::Release);
        }
        removed.map(|counts| counts.into_iter().max().unwrap_or(0))
    }

    /// The number of entries of the function in the last tier.
    pub(crate) async fn len(&self, face: Face) -> Result<u64, Error> {
        let prefix = self.prefix.clone().into_bytes();
        self.tiers.last(face, move |store| store.count(&prefix)).await
    }

    /// The number of entries of the function in each store; `None` where it can't be told. What fails is counted here.
    pub(crate) async fn sizes(&self, face: Face) -> Vec<Option<u64>> {
        let tiers = match self.tiers.get(face).await {
            Ok(tiers) => tiers,
            Err(error) => {
                self.failed(&error);
                return vec![None; self.tiers.number()];
            }
        };
        let mut sizes = Vec::with_capacity(tiers.len());
        for tier in tiers {
            let prefix = self.prefix.clone().into_bytes();
            let count = face.ask(&tier.store, move |store| store.count(&prefix)).await;
            if let Err(error) = &count
                && !error.is_unsupported()
            {
                tier.terms.failed();
                self.failed(error);
            }
            sizes.push(count.ok());
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
        let purged = self.tiers.each(face, move |store| store.purge(now)).await?;
        Ok(purged.into_iter().sum())
    }

    /// Everything that was acknowledged is as durable as it can be.
    pub(crate) async fn flush(&self, face: Face) -> Result<(), Error> {
        self.tiers.each(face, Backend::flush).await.map(drop)
    }

    /// What is wrong with the URLs or the codec, if anything.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.tiers.terms().map(drop)
    }

    /// All live entries in the last tier.
    pub(crate) async fn all(&self, face: Face) -> Result<Vec<Stored>, Error> {
        let prefix = self.prefix.clone().into_bytes();
        let work = move |store: &dyn Backend| {
            let mut all = Vec::new();
            store.scan(&prefix, &mut |_, bytes| {
                all.extend(read::alive(bytes));
                ControlFlow::Continue(())
            })?;
            Ok(all)
        };
        self.tiers.last(face, work).await
    }

    /// Gives an entry another end without decoding it, in the caller's turn; was there one?
    pub(crate) async fn retime(
        &self,
        face: Face,
        turn: &Turn,
        key: &EntryKey,
        expires: Option<backend::UnixMillis>,
    ) -> Result<bool, Error> {
        let (turn, full, flat) = (turn.clone(), key.full().to_owned(), key.flat().to_vec());
        let work = move |store: &dyn Backend| {
            let _turn = &turn;
            let mut found = false;
            store.update(&flat, &mut |bytes| {
                let change = bytes.and_then(|bytes| write::retimed(bytes, &full, expires));
                found = change.is_some();
                change.unwrap_or(Change::Keep)
            })?;
            Ok(found)
        };
        let found = self.tiers.each(face, work).await;
        self.changed(key);
        found.map(|found| found.contains(&true))
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
        let tally = tally::Tally::new(stores.has_memory(), stores.tiers.number());
        Self { stores, name: name.to_owned(), version, names: OnceLock::new(), values, tally }
    }

    /// What keys are made of. The first time, the shape of the values is traced: that runs the user's `Deserialize` and `Drop`,
    /// so what they call goes past the cache.
    fn names(&self) -> &names::Names {
        self.names.get_or_init(|| {
            let _under = UnderLock::enter();
            let version = match self.version {
                Version::Tokens(hash) => names::version(&hash.to_le_bytes(), self.values.shape()),
                Version::Given(number) => names::version(number.as_bytes(), self.values.shape()),
            };
            names::Names::new(&self.stores.prefix, &self.name, version)
        })
    }

    /// The key of an entry that is to be read again, from its text and bytes.
    pub(crate) fn key_with_data(&self, text: &str, hash: u64, data: Vec<u8>) -> Result<EntryKey, Error> {
        let write = |to: &mut Text| {
            to.put(text);
            Ok(())
        };
        Ok(self.key(hash, write)?.with_data(data))
    }

    /// The key of an entry, from what writes the arguments, and their hash in this process.
    pub(crate) fn key(&self, hash: u64, write: impl FnOnce(&mut Text) -> Result<(), Error>) -> Result<EntryKey, Error> {
        self.names().key(hash, self.stores.tiers.hashes_keys(), write)
    }
}
