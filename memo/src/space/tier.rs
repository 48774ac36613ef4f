//! The tiers of a space: byte stores one behind the other, the fastest first.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Face;
use crate::{
    backend::{self, Backend, Url},
    call::site::Outside,
    clock::{self, Millis},
    error::Error,
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
}

pub(super) struct Tiers {
    has_memory: bool,
    hashes_keys: bool,
    specs: Result<Vec<(Url, Terms)>, Error>,
    open: Mutex<Open>,
}

enum Open {
    Not,
    Failed { error: Error, until: Millis },
    Done(Arc<[Tier]>),
}

/// Typed memory as the first tier.
fn is_memory(url: &str) -> bool {
    matches!(url, "memory" | "memory://")
}

impl Tiers {
    pub(super) fn new(outside: &Outside) -> Self {
        let has_memory = outside.backends.first().is_some_and(|first| is_memory(first));
        let urls = outside.backends.iter().skip(usize::from(has_memory));
        let specs: Result<Vec<_>, Error> = urls.map(|url| spec(url, outside.codec)).collect();
        let hashes_keys = specs.as_ref().is_ok_and(|specs| specs.iter().any(|(_, terms)| terms.hashes_keys));
        Self { has_memory, hashes_keys, specs, open: Mutex::new(Open::Not) }
    }

    pub(super) fn has_memory(&self) -> bool {
        self.has_memory
    }

    pub(super) fn hashes_keys(&self) -> bool {
        self.hashes_keys
    }

    /// The tiers, opened now if they were not.
    pub(super) async fn get(&self, face: Face) -> Result<Arc<[Tier]>, Error> {
        if let Open::Done(tiers) = &*self.open.lock() {
            return Ok(tiers.clone());
        }
        self.open(face).await
    }

    #[cold]
    async fn open(&self, face: Face) -> Result<Arc<[Tier]>, Error> {
        let specs = self.specs.as_ref().map_err(Error::again)?.clone();
        if let Open::Failed { error, until } = &*self.open.lock()
            && clock::now() < *until
        {
            return Err(error.again());
        }
        let work = move || -> Result<Arc<[Tier]>, Error> {
            let tiers = specs.into_iter().map(|(url, terms)| Ok(Tier { store: backend::open(&url)?, terms }));
            tiers.collect()
        };
        let opened = if face == Face::Thread { work() } else { blocking::unblock(work).await };
        *self.open.lock() = match &opened {
            Ok(tiers) => Open::Done(tiers.clone()),
            Err(error) => Open::Failed { error: error.again(), until: clock::now().saturating_add(RETRY_AFTER) },
        };
        opened
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
            results.push(face.ask(&tier.store, work.clone()).await);
        }
        results.into_iter().rev().collect()
    }
}

fn spec(url: &str, codec: Option<&str>) -> Result<(Url, Terms), Error> {
    let url = Url::parse(url)?;
    let wire = Wire::of(&url, codec)?;
    let hashes_keys = url.param("key_style") == Some("hashed");
    let ttl = url.duration("ttl")?;
    Ok((url, Terms { wire, ttl, hashes_keys }))
}
