//! A space: where the entries of one function live in byte stores, under keys of its own.
//!
//! It puts the layers together that know nothing of each other: values and keys become frames (`wire`), frames go into
//! stores (`backend`), through as many tiers as there are. All of it is written once, for threads and tasks: see [`Face`].

mod face;
mod names;
mod read;
mod tier;
mod values;
mod write;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_lock::{Mutex, MutexGuardArc};

pub(crate) use face::{Face, block_on};
pub(crate) use names::EntryKey;
pub(crate) use read::Loaded;
use tier::Tiers;
pub(crate) use values::{Of, Values};
pub(crate) use write::Offer;

use crate::{
    backend::Change,
    call::site::{Outside, Version},
    error::Error,
    stats::counters::Counters,
};

/// Keys are spread over so many locks, under which their entries change.
const STRIPES: usize = 32;

/// The entries of one function in byte stores.
pub(crate) struct Space {
    names: names::Names,
    tiers: Tiers,
    stripes: [Stripe; STRIPES],
    values: &'static dyn Values,
    counters: Arc<Counters>,
}

/// What changes the entries of some of the keys does so under this lock.
struct Stripe {
    lock: Arc<Mutex<()>>,
    /// Rises with every change: what was read before is not carried on after it.
    epoch: AtomicU64,
}

/// The right to change the entries of a stripe, which others wait for.
pub(crate) struct Turn(MutexGuardArc<()>);

impl Space {
    /// Opens nothing yet: that is done when it is first used, so that a store that is down does not keep a function from
    /// running.
    pub(crate) fn new(
        outside: &'static Outside,
        (path, name): (&str, &str),
        values: &'static dyn Values,
        counters: Arc<Counters>,
    ) -> Self {
        let shape = || values.shape();
        let version = match outside.version {
            Version::Tokens(hash) => names::version(&hash.to_le_bytes(), shape),
            Version::Given(number) => names::version(number.as_bytes(), shape),
        };
        Self {
            names: names::Names::new(path, name, version),
            tiers: Tiers::new(outside),
            stripes: std::array::from_fn(|_| Stripe { lock: Arc::default(), epoch: AtomicU64::new(0) }),
            values,
            counters,
        }
    }

    pub(crate) fn values(&self) -> &'static dyn Values {
        self.values
    }

    /// Is there a tier of typed memory in front?
    pub(crate) fn has_memory(&self) -> bool {
        self.tiers.has_memory()
    }

    /// What precedes all keys of the function.
    pub(crate) fn prefix(&self) -> &str {
        self.names.function()
    }

    /// The key of an entry, from the text of the arguments.
    pub(crate) fn key(&self, text: &str) -> EntryKey {
        self.names.key(text, self.tiers.hashes_keys())
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

    /// Waits for the right to change any entry.
    pub(crate) async fn all_turns(&self, face: Face) -> Vec<Turn> {
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

    fn all_changed(&self) {
        for stripe in &self.stripes {
            stripe.epoch.fetch_add(1, Ordering::Release);
        }
    }

    /// A store failed: that is counted, and the call goes on without it.
    fn failed(&self, error: &Error) {
        Counters::add(&self.counters.errors, 1);
        crate::backend::hook::report(self.names.function(), error);
    }

    /// Removes the entry of a key, of all versions, from all tiers; was there one?
    pub(crate) async fn remove(&self, face: Face, key: &EntryKey) -> Result<bool, Error> {
        let prefix = key.all_versions();
        let removed = self.tiers.each(face, move |store| store.remove_prefix(&prefix)).await;
        self.changed(key);
        removed.map(|counts| counts.into_iter().any(|count| count > 0))
    }

    /// Removes all entries of the function, of all instantiations and versions; gives their number, of the tier that
    /// holds most.
    pub(crate) async fn clear(&self, face: Face) -> Result<u64, Error> {
        let prefix = self.names.function().as_bytes().to_vec();
        let removed = self.tiers.each(face, move |store| store.remove_prefix(&prefix)).await;
        self.all_changed();
        removed.map(|counts| counts.into_iter().max().unwrap_or(0))
    }

    /// Removes the entries of the function that carry all of these tags.
    pub(crate) async fn clear_tagged(&self, face: Face, tags: Vec<String>) -> Result<u64, Error> {
        let prefix = self.names.function().as_bytes().to_vec();
        let work = move |store: &dyn crate::backend::Backend| {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            store.remove_tagged(&prefix, &tags)
        };
        let removed = self.tiers.each(face, work).await;
        self.all_changed();
        removed.map(|counts| counts.into_iter().max().unwrap_or(0))
    }

    /// The number of entries of this instantiation, in the last tier.
    pub(crate) async fn len(&self, face: Face) -> Result<u64, Error> {
        let prefix = self.names.instantiation().as_bytes().to_vec();
        let counts = self.tiers.each(face, move |store| store.count(&prefix)).await?;
        Ok(counts.last().copied().unwrap_or(0))
    }

    /// Gives an entry another end without decoding it; was there one?
    pub(crate) async fn retime(&self, face: Face, key: &EntryKey, expires: Option<u64>) -> Result<bool, Error> {
        let (full, flat) = (key.full().to_owned(), key.flat().to_vec());
        let work = move |store: &dyn crate::backend::Backend| {
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
}
