//! All that has entries: memoized functions and cache objects, for what acts on both.

use std::sync::Arc;

use super::{function::Function, registry, site::Options};
use crate::{
    cache::live::{self, Group},
    clock::Millis,
    error::Error,
    space::{Face, Stores},
    stats::CacheInfo,
    tags::Tag,
};

/// A function, or the cache objects of one name and store.
pub(crate) enum Owner {
    Function(&'static Function),
    Caches(Group),
}

/// Every function that was linked or has been called, and every cache object that lives.
pub(crate) fn all() -> Vec<Owner> {
    let functions = registry::all().into_iter().map(Owner::Function);
    functions.chain(live::all().into_iter().map(Owner::Caches)).collect()
}

impl Owner {
    /// For people.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Function(function) => function.display_name(),
            Self::Caches(caches) => caches.name(),
        }
    }

    pub(crate) fn options(&self) -> &Options {
        match self {
            Self::Function(function) => &function.declared.options,
            Self::Caches(caches) => caches.options(),
        }
    }

    /// A cache object belongs to none.
    pub(crate) fn crate_name(&self) -> Option<&str> {
        match self {
            Self::Function(function) => Some(function.declared.crate_name()),
            Self::Caches(_) => None,
        }
    }

    pub(crate) fn declares_ttl(&self, ttl: Option<Millis>) -> bool {
        match self {
            Self::Function(function) => function.declared.options.ttl == ttl,
            Self::Caches(caches) => caches.declares_ttl(ttl),
        }
    }

    /// A function that keeps its entries in cache objects: these own them.
    pub(crate) fn is_guest(&self) -> bool {
        match self {
            Self::Function(function) => function.is_guest(),
            Self::Caches(_) => false,
        }
    }

    fn stores(&self) -> Option<&Arc<Stores>> {
        match self {
            Self::Function(function) => function.stores.as_ref(),
            Self::Caches(caches) => caches.stores(),
        }
    }

    /// Are there entries in such a store?
    pub(crate) fn uses(&self, backend: &str) -> bool {
        self.stores().map_or(backend == "memory", |stores| stores.uses(backend))
    }

    /// The stores, for people.
    pub(crate) fn schemes(&self) -> String {
        self.stores().map_or_else(|| "memory".to_owned(), |stores| stores.describe().0)
    }

    /// Removes all entries, or those with all of these tags, which are not literal ones of a function.
    pub(crate) async fn clear(&self, face: Face, tags: Option<&Arc<[Tag]>>) -> Result<u64, Error> {
        match self {
            Self::Function(function) => function.clear(face, tags).await,
            Self::Caches(caches) => caches.clear(face, tags).await,
        }
    }

    /// Removes what has expired.
    pub(crate) async fn purge(&self, face: Face) -> Result<u64, Error> {
        match self {
            Self::Function(function) => function.purge(face).await,
            Self::Caches(caches) => caches.purge(face).await,
        }
    }

    /// Returns when everything is in all stores, and as durable as they can make it.
    pub(crate) async fn flush(&self, face: Face) -> Result<(), Error> {
        match self {
            Self::Function(function) => function.flush(face).await,
            Self::Caches(caches) => caches.flush(face).await,
        }
    }

    pub(crate) async fn info(&self, face: Face) -> CacheInfo {
        match self {
            Self::Function(function) => function.info(face).await,
            Self::Caches(caches) => caches.info(face).await,
        }
    }
}
