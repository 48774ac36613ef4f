//! The tiers of a space: byte stores one behind the other, the fastest first.

use std::sync::OnceLock;

use parking_lot::Mutex;

use super::{
    Face, Tier, Turn,
    source::{Source, Terms},
};
use crate::{
    backend::Store,
    clock::{self, Millis},
    error::Error,
};

/// After a store could not be opened, calls go past it for so long before it is tried again.
const RETRY_AFTER: Millis = 1000;

/// A tier that is open.
#[derive(Clone)]
pub(super) struct OpenTier {
    pub(super) store: Store,
    pub(super) terms: Terms,
}

pub(super) struct Tiers {
    /// What they were made of.
    given: (Vec<Tier>, Option<String>),
    has_memory: bool,
    hashes_keys: bool,
    first: Result<Version, Error>,
    failed: Mutex<Option<Failed>>,
}

/// The tiers as they were from some time on. One that is added makes another version, which has all before it, so whoever works
/// with an older one still may.
struct Version {
    sources: Vec<Source>,
    open: OnceLock<Vec<OpenTier>>,
    next: OnceLock<Box<Self>>,
}

/// Why the stores could not be opened, and until when that is not tried again.
struct Failed {
    error: Error,
    until: Millis,
}

impl Tiers {
    /// `codec`: of the tiers that name none.
    pub(super) fn new(tiers: &[Tier], codec: Option<&str>) -> Self {
        let has_memory = tiers.first().is_some_and(Tier::is_memory);
        let behind = &tiers[usize::from(has_memory)..];
        let sources: Result<Vec<_>, Error> = behind.iter().map(|tier| Source::new(tier, codec)).collect();
        let first = sources.map(|sources| Version { sources, open: OnceLock::new(), next: OnceLock::new() });
        let hashes_keys = first.as_ref().is_ok_and(|first| first.sources.iter().any(|source| source.terms.hashes_keys));
        let given = (tiers.to_vec(), codec.map(str::to_owned));
        Self { given, has_memory, hashes_keys, first, failed: Mutex::default() }
    }

    /// Were they made of this?
    pub(super) fn are(&self, tiers: &[Tier], codec: Option<&str>) -> bool {
        self.given.0 == tiers && self.given.1.as_deref() == codec
    }

    /// Adds a tier behind the others, in the turns of all keys, so that no value is on its way.
    pub(super) async fn add(&self, face: Face, _turns: &[Turn], source: Source) -> Result<(), Error> {
        if source.terms.hashes_keys && !self.hashes_keys {
            return Err(Error::config(
                "`key_style=hashed` in a tier that is added: the other tiers have readable keys",
            ));
        }
        let version = self.version()?;
        let mut open = self.get(face).await?.to_vec();
        let (store, terms) = (source.clone(), source.terms.clone());
        let store = if face == Face::Thread { store.open() } else { blocking::unblock(move || store.open()).await }?;
        open.push(OpenTier { store, terms });
        let sources = version.sources.iter().cloned().chain([source]).collect();
        version.next.get_or_init(|| Box::new(Version { sources, open: open.into(), next: OnceLock::new() }));
        Ok(())
    }

    /// The newest version.
    fn version(&self) -> Result<&Version, Error> {
        let mut version = self.first.as_ref().map_err(Error::again)?;
        while let Some(next) = version.next.get() {
            version = next;
        }
        Ok(version)
    }

    fn sources(&self) -> &[Source] {
        self.version().map_or(&[], |version| &version.sources)
    }

    pub(super) fn has_memory(&self) -> bool {
        self.has_memory
    }

    pub(super) fn hashes_keys(&self) -> bool {
        self.hashes_keys
    }

    /// The largest value that is believed to stand in a tier, in bytes.
    pub(super) fn max_value(&self, tier: usize) -> usize {
        let sources = self.sources();
        sources.get(tier).or(sources.last()).map_or(0, |source| source.terms.wire.max_value())
    }

    /// What a tier that was opened is called.
    pub(super) fn name(&self, tier: usize) -> &'static str {
        self.opened().and_then(|tiers| tiers.get(tier)).map_or("", |tier| tier.store.name())
    }

    /// The terms of all tiers.
    ///
    /// # Errors
    ///
    /// If one of the URLs is wrong.
    pub(super) fn terms(&self) -> Result<impl Iterator<Item = &Terms>, Error> {
        Ok(self.version()?.sources.iter().map(|source| &source.terms))
    }

    /// Is one of the tiers of this scheme?
    pub(super) fn uses(&self, scheme: &str) -> bool {
        (self.has_memory && scheme == "memory") || self.sources().iter().any(|source| source.scheme() == scheme)
    }

    /// The schemes of the tiers, and how values become bytes in the last.
    pub(super) fn describe(&self) -> (String, Option<String>) {
        let sources = self.sources();
        let memory = self.has_memory.then_some("memory");
        let schemes: Vec<&str> = memory.into_iter().chain(sources.iter().map(Source::scheme)).collect();
        (schemes.join("+"), sources.last().map(|source| source.terms.codec.clone()))
    }

    /// The tiers, if they are open.
    pub(super) fn opened(&self) -> Option<&[OpenTier]> {
        self.version().ok()?.open.get().map(Vec::as_slice)
    }

    /// The tiers, opened now if they were not.
    pub(super) async fn get(&self, face: Face) -> Result<&[OpenTier], Error> {
        let version = self.version()?;
        match version.open.get() {
            Some(tiers) => Ok(tiers),
            None => self.open(face, version).await,
        }
    }

    #[cold]
    async fn open<'a>(&self, face: Face, version: &'a Version) -> Result<&'a [OpenTier], Error> {
        if let Some(Failed { error, until }) = &*self.failed.lock()
            && clock::now() < *until
        {
            return Err(error.again());
        }
        let sources = version.sources.clone();
        let work = move || -> Result<Vec<OpenTier>, Error> {
            let tiers = sources.into_iter().map(|source| Ok(OpenTier { store: source.open()?, terms: source.terms }));
            tiers.collect()
        };
        let opened = if face == Face::Thread { work() } else { blocking::unblock(work).await };
        match opened {
            Ok(tiers) => Ok(version.open.get_or_init(|| tiers)),
            Err(error) => {
                let until = clock::now().saturating_add(RETRY_AFTER);
                *self.failed.lock() = Some(Failed { error: error.again(), until });
                Err(error)
            }
        }
    }

    /// Does something in the last tier.
    pub(super) async fn last<R, F>(
        &self,
        face: Face,
        work: impl FnOnce(Store) -> F + Send + 'static,
    ) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send,
    {
        let tiers = self.get(face).await?;
        let tier = tiers.last().ok_or_else(|| Error::config("there is no store"))?;
        face.ask(&tier.store, work).await
    }

    /// Does something in every tier, the last one first, and tries all before it fails; gives the results in the order
    /// of the tiers.
    pub(super) async fn each<R, F>(
        &self,
        face: Face,
        work: impl FnOnce(Store) -> F + Clone + Send + 'static,
    ) -> Result<Vec<R>, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send,
    {
        let tiers = self.get(face).await?;
        let mut results = Vec::with_capacity(tiers.len());
        // What is read later is changed first: else it would fill the tiers before it again.
        for tier in tiers.iter().rev() {
            results.push(face.ask(&tier.store, work.clone()).await);
        }
        results.into_iter().rev().collect()
    }
}
