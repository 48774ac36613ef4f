//! The tiers of a space: byte stores one behind the other, the fastest first.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::Face;
use crate::{
    backend::{self, Backend, Url},
    clock::{self, Millis},
    error::Error,
    stats::counters::Counters,
    wire::Wire,
};

/// After a store could not be opened, calls go past it for so long before it is tried again.
const RETRY_AFTER: Millis = 1000;

/// A byte store, and how values become bytes in it.
#[derive(Clone)]
pub(super) struct Tier {
    pub(super) store: Arc<dyn Backend>,
    pub(super) terms: Terms,
}

/// What the URL of a tier says about its entries.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) wire: Wire,
    /// Entries live no longer than this here.
    pub(super) ttl: Option<Millis>,
    hashes_keys: bool,
    /// The codec, as it was named.
    codec: String,
    /// What failed in the store.
    failures: Arc<AtomicU64>,
}

impl Tier {
    /// Has the store do something that may block; what fails is counted.
    pub(super) async fn ask<R: Send + 'static>(
        &self,
        face: Face,
        work: impl FnOnce(&dyn Backend) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        face.ask(&self.store, work).await.inspect_err(|_| self.terms.failed())
    }
}

impl Terms {
    /// Something failed in the store.
    pub(super) fn failed(&self) {
        Counters::add(&self.failures, 1);
    }
}

pub(super) struct Tiers {
    has_memory: bool,
    hashes_keys: bool,
    specs: Result<Vec<(Url, Terms)>, Error>,
    open: OnceLock<Vec<Tier>>,
    failed: Mutex<Option<Failed>>,
}

/// Why the stores could not be opened, and until when that is not tried again.
struct Failed {
    error: Error,
    /// The number of the store.
    tier: usize,
    until: Millis,
}

/// Typed memory as the first tier.
pub(crate) fn is_memory(url: &str) -> bool {
    matches!(url, "memory" | "memory://")
}

impl Tiers {
    pub(super) fn new(urls: &[&str], codec: Option<&str>) -> Self {
        let has_memory = urls.first().is_some_and(|first| is_memory(first));
        let urls = urls.iter().skip(usize::from(has_memory));
        let specs: Result<Vec<_>, Error> = urls.map(|url| spec(url, codec)).collect();
        let hashes_keys = specs.as_ref().is_ok_and(|specs| specs.iter().any(|(_, terms)| terms.hashes_keys));
        Self { has_memory, hashes_keys, specs, open: OnceLock::new(), failed: Mutex::default() }
    }

    pub(super) fn has_memory(&self) -> bool {
        self.has_memory
    }

    pub(super) fn hashes_keys(&self) -> bool {
        self.hashes_keys
    }

    /// The largest value that is believed to stand in a tier, in bytes.
    pub(super) fn max_value(&self, tier: usize) -> usize {
        let specs = self.specs.as_deref().unwrap_or_default();
        specs.get(tier).or(specs.last()).map_or(0, |(_, terms)| terms.wire.max_value())
    }

    /// What a tier that was opened is called.
    pub(super) fn name(&self, tier: usize) -> &'static str {
        self.open.get().and_then(|tiers| tiers.get(tier)).map_or("", |tier| tier.store.name())
    }

    /// The terms of all tiers.
    ///
    /// # Errors
    ///
    /// If one of the URLs is wrong.
    pub(super) fn terms(&self) -> Result<impl Iterator<Item = &Terms>, Error> {
        Ok(self.specs.as_ref().map_err(Error::again)?.iter().map(|(_, terms)| terms))
    }

    /// Is one of the tiers of this scheme?
    pub(super) fn uses(&self, scheme: &str) -> bool {
        let specs = self.specs.as_deref().unwrap_or_default();
        (self.has_memory && scheme == "memory") || specs.iter().any(|(url, _)| url.scheme() == scheme)
    }

    /// How many stores there are.
    pub(super) fn number(&self) -> usize {
        self.specs.as_ref().map_or(0, Vec::len)
    }

    /// Something failed in a store.
    pub(super) fn failed(&self, tier: usize) {
        let specs = self.specs.as_deref().unwrap_or_default();
        specs.get(tier).inspect(|(_, terms)| terms.failed());
    }

    /// The names of all tiers, and what failed in each.
    pub(super) fn failures(&self) -> Vec<(String, u64)> {
        let specs = self.specs.as_deref().unwrap_or_default();
        let memory = self.has_memory.then(|| ("memory".to_owned(), 0));
        let stores = specs.iter().map(|(url, terms)| (url.scheme().to_owned(), terms.failures.load(Ordering::Relaxed)));
        memory.into_iter().chain(stores).collect()
    }

    /// The schemes of the tiers, and how values become bytes in the last.
    pub(super) fn describe(&self) -> (String, Option<String>) {
        let specs = self.specs.as_deref().unwrap_or_default();
        let memory = self.has_memory.then_some("memory");
        let schemes: Vec<&str> = memory.into_iter().chain(specs.iter().map(|(url, _)| url.scheme())).collect();
        (schemes.join("+"), specs.last().map(|(_, terms)| terms.codec.clone()))
    }

    /// The tiers, opened now if they were not.
    pub(super) async fn get(&self, face: Face) -> Result<&[Tier], Error> {
        match self.open.get() {
            Some(tiers) => Ok(tiers),
            None => self.open(face).await,
        }
    }

    #[cold]
    async fn open(&self, face: Face) -> Result<&[Tier], Error> {
        let specs = self.specs.as_ref().map_err(Error::again)?;
        if let Some(Failed { error, tier, until }) = &*self.failed.lock()
            && clock::now() < *until
        {
            self.failed(*tier);
            return Err(error.again());
        }
        let specs = specs.clone();
        let work = move || -> Result<Vec<Tier>, (usize, Error)> {
            let open = |(tier, (url, terms)): (usize, (Url, Terms))| match backend::open(&url) {
                Ok(store) => Ok(Tier { store, terms }),
                Err(error) => {
                    terms.failed();
                    Err((tier, error))
                }
            };
            specs.into_iter().enumerate().map(open).collect()
        };
        let opened = if face == Face::Thread { work() } else { blocking::unblock(work).await };
        match opened {
            Ok(tiers) => Ok(self.open.get_or_init(|| tiers)),
            Err((tier, error)) => {
                let until = clock::now().saturating_add(RETRY_AFTER);
                *self.failed.lock() = Some(Failed { error: error.again(), tier, until });
                Err(error)
            }
        }
    }

    /// Does something in the last tier.
    pub(super) async fn last<R: Send + 'static>(
        &self,
        face: Face,
        work: impl FnOnce(&dyn Backend) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let tiers = self.get(face).await?;
        let tier = tiers.last().ok_or_else(|| Error::config("there is no store"))?;
        tier.ask(face, work).await
    }

    /// Does something in every tier, the last one first, and tries all before it fails; gives the results in the order
    /// of the tiers.
    pub(super) async fn each<R: Send + 'static>(
        &self,
        face: Face,
        work: impl Fn(&dyn Backend) -> Result<R, Error> + Clone + Send + 'static,
    ) -> Result<Vec<R>, Error> {
        let tiers = self.get(face).await?;
        let mut results = Vec::with_capacity(tiers.len());
        // What is read later is changed first: else it would fill the tiers before it again.
        for tier in tiers.iter().rev() {
            results.push(tier.ask(face, work.clone()).await);
        }
        results.into_iter().rev().collect()
    }
}

/// Where the value stands in a frame, for stores that show it to people.
#[cfg(feature = "file")]
fn find_value(bytes: &[u8]) -> Option<backend::Split> {
    let frame = crate::wire::Frame::read(bytes).ok()?;
    let start = frame.value.as_ptr().addr() - bytes.as_ptr().addr();
    let extension = match (frame.codec, frame.compressors) {
        (_, "zstd") => "zst",
        (_, "zlib") => "zz",
        ("json", "") => "json",
        ("msgpack", "") => "msgpack",
        ("raw", "") => "raw",
        _ => "bin",
    };
    Some(backend::Split { value: start..start + frame.value.len(), extension })
}

fn spec(url: &str, codec: Option<&str>) -> Result<(Url, Terms), Error> {
    let url = Url::parse(url)?;
    #[cfg(feature = "file")]
    backend::find_values_by(find_value);
    let wire = Wire::of(&url, codec.unwrap_or("bincode"))?;
    let codec = wire.to_string();
    let hashes_keys = url.param("key_style") == Some("hashed");
    let ttl = url.duration("ttl")?;
    Ok((url, Terms { wire, ttl, hashes_keys, codec, failures: Arc::default() }))
}
