//! The tiers of a space: byte stores one behind the other, the fastest first.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::{
    Face, Made, Tier, Turn,
    near::Hub,
    source::{Source, Terms},
    timed::{Does, Timed},
};
use crate::{
    backend::{Capabilities, Store, Sweep},
    clock::{self, Millis},
    error::Error,
    stats::counters::Counters,
};

/// After a store could not be opened, calls go past it for so long before it is tried again.
const RETRY_AFTER: Millis = 1000;

/// A tier whose store is opened when it is first used: one that is down keeps nobody from the others.
pub(super) struct LiveTier {
    source: Source,
    /// If it is waited for only so long.
    timed: Option<Timed>,
    store: OnceLock<Opened>,
    /// Why it could not be opened, and until when that is not tried again.
    closed: Mutex<Option<(Error, Millis)>>,
    /// What failed in the store.
    failures: AtomicU64,
    /// Who hears what others change in the store.
    hub: OnceLock<Arc<Hub>>,
}

/// A store that is open.
struct Opened {
    store: Store,
    /// As threads and as tasks ask it.
    faces: [Store; 2],
    has_fences: bool,
    tells: bool,
    can_lease: bool,
    sweep: Arc<Sweep>,
}

impl Opened {
    fn new(store: Store) -> Self {
        let faces = [Face::Thread, Face::Task].map(|face| store.facing(face));
        let Capabilities { fences: has_fences, notify: tells, atomic_update: can_lease, .. } = store.capabilities();
        Self { faces, has_fences, tells, can_lease, sweep: Sweep::of(&store), store }
    }

    fn facing(&self, face: Face) -> &Store {
        &self.faces[usize::from(face == Face::Task)]
    }
}

impl LiveTier {
    fn new(source: Source, timeout: Option<Millis>) -> Arc<Self> {
        Arc::new(Self {
            source,
            timed: timeout.map(Timed::new),
            store: OnceLock::new(),
            closed: Mutex::default(),
            failures: AtomicU64::new(0),
            hub: OnceLock::new(),
        })
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.source.terms
    }

    /// Is it, or is its store, the same?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.opened().is_some_and(|store| other.opened() == Some(store))
    }

    /// What its store is called, if it is open.
    pub(super) fn name(&self) -> &'static str {
        self.opened().map_or("", Store::name)
    }

    /// What statistics call it.
    pub(super) fn scheme(&self) -> &str {
        self.source.scheme()
    }

    pub(super) fn opened(&self) -> Option<&Store> {
        self.store.get().map(|opened| &opened.store)
    }

    /// Does its store keep an account of what is removed, as far as is known?
    pub(super) fn has_fences(&self) -> bool {
        self.store.get().is_some_and(|opened| opened.has_fences)
    }

    /// Its store, if it is open and tells of changes.
    pub(super) fn telling(&self) -> Option<&Store> {
        self.store.get().filter(|opened| opened.tells).map(|opened| &opened.store)
    }

    /// Who hears its store; made if there is none.
    pub(super) fn hub(&self, make: impl FnOnce() -> Arc<Hub>) {
        self.hub.get_or_init(make);
    }

    /// May others change its store without being heard?
    pub(super) fn is_unheard(&self) -> bool {
        self.telling().is_some() && self.hub.get().is_none()
    }

    /// Can processes agree in its store on who does something, as far as is known?
    pub(super) fn can_lease(&self) -> bool {
        self.store.get().is_some_and(|opened| opened.can_lease)
    }

    /// Its store, if it is open and due to be swept: by the caller.
    pub(super) fn to_sweep(&self) -> Option<&Store> {
        self.store.get().and_then(|opened| opened.sweep.is_due().then_some(&opened.store))
    }

    /// The store, opened now if it was not; what fails is counted.
    pub(super) async fn store(&self, face: Face) -> Result<&Store, Error> {
        match self.store.get() {
            Some(opened) => Ok(opened.facing(face)),
            None => self.open(face).await.inspect_err(|_| self.failed()),
        }
    }

    /// Opens the store if it is not open.
    #[cold]
    pub(super) async fn open(&self, face: Face) -> Result<&Store, Error> {
        if let Some((error, until)) = &*self.closed.lock()
            && clock::now() < *until
        {
            return Err(error.again());
        }
        if let Some(opened) = self.store.get() {
            return Ok(opened.facing(face));
        }
        let source = self.source.clone();
        let opened = if face == Face::Thread { source.open() } else { blocking::unblock(move || source.open()).await };
        match opened {
            Ok(store) => Ok(self.store.get_or_init(|| Opened::new(store)).facing(face)),
            Err(error) => {
                *self.closed.lock() = Some((error.again(), clock::now().saturating_add(RETRY_AFTER)));
                Err(error)
            }
        }
    }

    /// Is it waited for only so long?
    pub(super) fn is_timed(&self) -> bool {
        self.timed.is_some()
    }

    /// Asks the store something that changes nothing, in one go; what fails is counted.
    pub(super) async fn ask<R, F>(&self, face: Face, work: impl FnOnce(Store) -> F + Send + 'static) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send,
    {
        self.request(face, Does::Read, work).await
    }

    /// Has the store change something, in one go; what fails is counted. What was given up before comes to its end first.
    pub(super) async fn change<R, F>(
        &self,
        face: Face,
        work: impl FnOnce(Store) -> F + Send + 'static,
    ) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send,
    {
        self.request(face, Does::Change, work).await
    }

    async fn request<R, F>(
        &self,
        face: Face,
        does: Does,
        work: impl FnOnce(Store) -> F + Send + 'static,
    ) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send,
    {
        let answer = match &self.timed {
            None => face.ask(self.store(face).await?, work).await,
            Some(timed) => timed.ask((self.store(Face::Task).await?.clone(), self.scheme()), does, work).await,
        };
        answer.inspect_err(|_| self.failed())
    }

    /// Something failed in the store.
    pub(super) fn failed(&self) {
        Counters::add(&self.failures, 1);
    }
}

pub(super) struct Tiers {
    /// What they were made of.
    given: (Vec<Tier>, Option<String>),
    timeout: Option<Millis>,
    has_memory: bool,
    hashes_keys: bool,
    first: Result<Version, Error>,
}

/// The tiers as they were from some time on. One that is added makes another version, which has all before it, so whoever works
/// with an older one still may.
struct Version {
    tiers: Vec<Arc<LiveTier>>,
    next: OnceLock<Box<Self>>,
}

impl Tiers {
    /// `codec`: of the tiers that name none. `timeout`: how long each is waited for.
    pub(super) fn new(tiers: &[Tier], codec: Option<&str>, timeout: Option<Millis>) -> Self {
        let has_memory = tiers.first().is_some_and(Tier::is_memory);
        let behind = &tiers[usize::from(has_memory)..];
        let live: Result<Vec<_>, Error> =
            behind.iter().map(|tier| Ok(LiveTier::new(Source::new(tier, codec)?, timeout))).collect();
        let hashes_keys = live.as_ref().is_ok_and(|live| live.iter().any(|tier| tier.terms().hashes_keys));
        let first = live.map(|tiers| Version { tiers, next: OnceLock::new() });
        let given = (tiers.to_vec(), codec.map(str::to_owned));
        Self { given, timeout, has_memory, hashes_keys, first }
    }

    /// Were they made of this?
    pub(super) fn are(&self, made: &Made<'_>) -> bool {
        let (tiers, codec) = &self.given;
        tiers == made.tiers && codec.as_deref() == made.codec && self.timeout == made.timeout
    }

    /// Opens a store that is to become a tier behind the others.
    pub(super) async fn open(&self, face: Face, source: Source) -> Result<Arc<LiveTier>, Error> {
        if source.terms.hashes_keys && !self.hashes_keys {
            return Err(Error::config(
                "`key_style=hashed` in a tier that is added: the other tiers have readable keys",
            ));
        }
        let added = LiveTier::new(source, self.timeout);
        added.store(face).await?;
        Ok(added)
    }

    /// May one of the stores be one of those? That is known of those that are open.
    pub(super) fn meet(&self, others: &Self) -> bool {
        let same = |one: &LiveTier, other: &LiveTier| match (one.opened(), other.opened()) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.known().iter().any(|one| others.known().iter().any(|other| same(one, other)))
    }

    /// Adds a tier behind the others, in the turns of all keys, so that no value is on its way.
    pub(super) fn add(&self, _turns: &[Turn], added: Arc<LiveTier>) -> Result<(), Error> {
        let version = self.version()?;
        let tiers = version.tiers.iter().cloned().chain([added]).collect();
        version.next.get_or_init(|| Box::new(Version { tiers, next: OnceLock::new() }));
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

    /// All stores.
    ///
    /// # Errors
    ///
    /// If one of the URLs is wrong.
    pub(super) fn all(&self) -> Result<&[Arc<LiveTier>], Error> {
        Ok(&self.version()?.tiers)
    }

    /// The same, none if one of the URLs is wrong.
    pub(super) fn known(&self) -> &[Arc<LiveTier>] {
        self.all().unwrap_or_default()
    }

    pub(super) fn has_memory(&self) -> bool {
        self.has_memory
    }

    pub(super) fn hashes_keys(&self) -> bool {
        self.hashes_keys
    }

    /// The largest value that is believed to stand in a tier, in bytes.
    pub(super) fn max_value(&self, tier: usize) -> usize {
        let tiers = self.known();
        tiers.get(tier).or(tiers.last()).map_or(0, |tier| tier.terms().wire.max_value())
    }

    /// Is one of the tiers of this scheme?
    pub(super) fn uses(&self, scheme: &str) -> bool {
        (self.has_memory && scheme == "memory") || self.known().iter().any(|tier| tier.scheme() == scheme)
    }

    /// The names of all tiers, and what failed in each.
    pub(super) fn failures(&self) -> Vec<(String, u64)> {
        let memory = self.has_memory.then(|| ("memory".to_owned(), 0));
        let failures = |tier: &Arc<LiveTier>| (tier.scheme().to_owned(), tier.failures.load(Ordering::Relaxed));
        memory.into_iter().chain(self.known().iter().map(failures)).collect()
    }

    /// The schemes of the tiers, and how values become bytes in the last.
    pub(super) fn describe(&self) -> (String, Option<String>) {
        let tiers = self.known();
        let memory = self.has_memory.then_some("memory");
        let schemes: Vec<&str> = memory.into_iter().chain(tiers.iter().map(|tier| tier.scheme())).collect();
        (schemes.join("+"), tiers.last().map(|tier| tier.terms().codec.clone()))
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
        let tier = self.all()?.last().ok_or_else(|| Error::config("there is no store"))?;
        tier.ask(face, work).await
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
        self.try_each(face, work).await?.into_iter().collect()
    }

    /// The same, with what became of each.
    pub(super) async fn try_each<R, F>(
        &self,
        face: Face,
        work: impl FnOnce(Store) -> F + Clone + Send + 'static,
    ) -> Result<Vec<Result<R, Error>>, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send,
    {
        let tiers = self.all()?;
        let mut results = Vec::with_capacity(tiers.len());
        // What is read later is changed first: else it would fill the tiers before it again.
        for tier in tiers.iter().rev() {
            results.push(tier.change(face, work.clone()).await);
        }
        results.reverse();
        Ok(results)
    }
}
