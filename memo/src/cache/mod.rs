//! The cache object: the machinery of memoized functions without the attribute.
//!
//! The operations stand in `core`, once; the faces for threads and for tasks (`aio`) only say who waits. A cache in memory has its
//! contents kept `whole`: brought in at the first use, saved as they change.

mod batch;
mod builder;
mod core;
#[cfg(feature = "csv")]
mod csv;
pub(crate) mod guest;
mod key;
pub(crate) mod live;
mod map;
pub(crate) mod named;
mod options;
#[cfg(feature = "stores")]
mod snapshot;
mod upkeep;
#[cfg(feature = "stores")]
mod view;
#[cfg(feature = "stores")]
mod whole;
#[cfg(any(feature = "stores", feature = "csv"))]
mod whole_file;

pub(crate) mod aio;

use std::{borrow::Borrow, hash::Hash, time::SystemTime};

#[cfg(feature = "stores")]
pub use builder::Write;
pub(crate) use builder::Written;
pub use builder::{Builder, Policy};
pub use options::SetOptions;
#[cfg(feature = "stores")]
pub use whole::{Autosync, Contents, Hooks, register_hooks};
#[cfg(feature = "stores")]
pub(crate) use whole::{on, save_all};

use self::core::Core;
use crate::{
    call::{
        entry::Entry,
        extras::IntoTtl,
        kind::{Fallible, Plain},
    },
    error::Error,
    flight::wait::block_on,
    space::Face,
    stats::CacheInfo,
};

/// What can be the key of a [`Cache`].
pub trait Key: Hash + Eq + Clone + Send + Sync + 'static {}
impl<K: Hash + Eq + Clone + Send + Sync + 'static> Key for K {}

/// What can be the value of a [`Cache`]. A hit gives a clone: an `Arc` of what is costly to clone.
pub trait Value: Clone + Send + Sync + 'static {}
impl<V: Clone + Send + Sync + 'static> Value for V {}

/// How a key may be borrowed to be looked up: `&str` for `String`, `&[T]` for `Vec<T>`, a `&K` for any `K`.
pub trait Lookup<K>: Hash + Eq + Sync + ToOwned<Owned = K> {}
impl<K, Q: ?Sized + Hash + Eq + Sync + ToOwned<Owned = K>> Lookup<K> for Q {}

/// A cache of values by key, in memory, in stores, or both.
///
/// Clones share one cache. Several objects of one name and store share the entries there, not the statistics; each has a
/// memory of its own, out of which goes what another one changes, also if they have other tiers beside that store. (What one has
/// queued with [`Write::Back`](crate::Write) is seen by objects with other tiers when it is written, or when they change it.) As long as they live, [`clear_tag`](crate::clear_tag), [`clear_all`](crate::clear_all),
/// [`Clear`](crate::Clear), [`purge_expired`](crate::purge_expired) and [`report`](crate::report()) reach them.
///
/// A miss is a `None`, never an error; errors are those of stores, so a cache that is in memory alone has none. See
/// [`Builder::silent`] for a cache that counts them instead.
///
/// ```
/// use memo::Cache;
///
/// let sessions = Cache::<String, u64>::builder("sessions").max_entries(10_000).ttl(1800).build()?;
/// sessions.set("ada".to_owned(), 7)?;
/// assert_eq!(sessions.get("ada")?, Some(7));
/// assert_eq!(sessions.get_or_compute("bob", || 8)?, 8);
/// assert!(sessions.delete("ada")?);
/// # Ok::<(), memo::Error>(())
/// ```
#[derive(Clone)]
pub struct Cache<K, V>(Core<K, V>);

impl<K: Key, V: Value> Cache<K, V> {
    /// Begins a cache. The name is its namespace in stores and its name in statistics.
    pub fn builder(name: impl Into<String>) -> Builder<K, V> {
        Builder::new(name.into())
    }

    /// A cache in a store, named by its URL, on the store's terms.
    ///
    /// # Errors
    ///
    /// As for [`Builder::build`].
    #[cfg(feature = "stores")]
    pub fn open(name: impl Into<String>, url: impl Into<String>) -> Result<Self, Error>
    where
        K: serde::Serialize + serde::de::DeserializeOwned,
        V: serde::Serialize + serde::de::DeserializeOwned,
    {
        Self::builder(name).backend(url).build()
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// If a store can't be asked.
    pub fn get<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<Option<V>, Error>
    where
        K: Borrow<Q>,
    {
        block_on(self.0.get(Face::Thread, key))
    }

    /// The value of a key, or another.
    ///
    /// # Errors
    ///
    /// If a store can't be asked.
    pub fn get_or<Q: ?Sized + Lookup<K>>(&self, key: &Q, default: V) -> Result<V, Error>
    where
        K: Borrow<Q>,
    {
        Ok(self.get(key)?.unwrap_or(default))
    }

    /// The entry of a key: its value, times and tags. Does not count as a use.
    ///
    /// # Errors
    ///
    /// If a store can't be asked.
    pub fn entry<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<Option<Entry<V>>, Error>
    where
        K: Borrow<Q>,
    {
        block_on(self.0.entry(Face::Thread, key))
    }

    /// The value of a key; if there is none, it is computed and stored. Of concurrent callers one computes, and the others
    /// wait for it.
    ///
    /// # Errors
    ///
    /// If a store can't be asked. One that takes no value is counted only: the value is there.
    pub fn get_or_compute<Q: ?Sized + Lookup<K>>(&self, key: &Q, compute: impl FnOnce() -> V) -> Result<V, Error>
    where
        K: Borrow<Q>,
    {
        self.0.computed::<Plain<V>, Q>(key, compute)
    }

    /// The same for what can fail: an `Err` is not stored.
    ///
    /// # Errors
    ///
    /// Those of the computation, and of a store that can't be asked.
    pub fn try_get_or_compute<Q: ?Sized + Lookup<K>, E: From<Error> + 'static>(
        &self,
        key: &Q,
        compute: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E>
    where
        K: Borrow<Q>,
    {
        self.0.computed::<Fallible<V, E>, Q>(key, compute)?
    }

    /// The value of a key, computed by the builder's [`loader`](Builder::loader) if there is none.
    ///
    /// # Errors
    ///
    /// If there is no loader, or a store can't be asked.
    pub fn load<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<V, Error>
    where
        K: Borrow<Q>,
    {
        let loader = self.0.loader()?;
        self.get_or_compute(key, || loader(&key.to_owned()))
    }

    /// Stores a value in place of the one that is there.
    ///
    /// # Errors
    ///
    /// If a store does not take it; then no older value is in memory.
    pub fn set(&self, key: K, value: V) -> Result<(), Error> {
        self.set_with(key, value, SetOptions::new()).map(drop)
    }

    /// Stores a value on terms of its own; says whether anything changed: with [`SetOptions::if_absent`], a live entry stays.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set).
    pub fn set_with(&self, key: K, value: V, options: SetOptions) -> Result<bool, Error> {
        block_on(self.0.set_with(Face::Thread, key, value, options))
    }

    /// Is there a live entry?
    ///
    /// # Errors
    ///
    /// If a store can't be asked.
    pub fn contains<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        Ok(self.entry(key)?.is_some())
    }

    /// Removes an entry; was there one? Computations of it that are running are not stored.
    ///
    /// # Errors
    ///
    /// If it is not certain that the entry is gone.
    pub fn delete<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        block_on(self.0.delete(Face::Thread, key))
    }

    /// Removes an entry and gives its value.
    ///
    /// # Errors
    ///
    /// As for [`delete`](Self::delete).
    pub fn take<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<Option<V>, Error>
    where
        K: Borrow<Q>,
    {
        block_on(self.0.take(Face::Thread, key))
    }

    /// Lets an entry expire so long from now: seconds or a `Duration`. Zero: now. Was there an entry? Hits do not put this end
    /// off, also where entries are [`sliding`](Builder::sliding).
    ///
    /// # Errors
    ///
    /// If a store does not take it.
    pub fn expire_in<Q: ?Sized + Lookup<K>>(&self, key: &Q, ttl: impl IntoTtl) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        block_on(self.0.expire_in(Face::Thread, key, ttl.into_ttl().0))
    }

    /// Lets an entry expire at a time of the wall clock, like [`expire_in`](Self::expire_in). Was there an entry?
    ///
    /// # Errors
    ///
    /// If a store does not take it.
    pub fn expire_at<Q: ?Sized + Lookup<K>>(&self, key: &Q, at: SystemTime) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        self.expire_in(key, at.duration_since(crate::clock::wall()).unwrap_or_default())
    }

    /// Lets an entry live for ever. Was there an entry?
    ///
    /// # Errors
    ///
    /// If a store does not take it.
    pub fn persist<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        block_on(self.0.expire_in(Face::Thread, key, None))
    }

    /// Removes all entries; gives their number, as far as the stores can count.
    ///
    /// # Errors
    ///
    /// If it is not certain that they are gone.
    pub fn clear(&self) -> Result<u64, Error> {
        block_on(self.0.clear(Face::Thread, None))
    }

    /// Removes the entries that carry a tag; gives their number.
    ///
    /// # Errors
    ///
    /// If it is not certain that they are gone.
    pub fn clear_tag(&self, tag: impl Into<crate::Tag>) -> Result<u64, Error> {
        block_on(self.0.clear(Face::Thread, Some(tag.into())))
    }

    /// Takes expired entries out; gives their number.
    ///
    /// # Errors
    ///
    /// If a store can't be cleaned.
    pub fn purge_expired(&self) -> Result<u64, Error> {
        block_on(self.0.purge(Face::Thread))
    }

    /// Statistics of this object.
    pub fn stats(&self) -> CacheInfo {
        block_on(self.0.stats(Face::Thread))
    }
}

impl<K, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("name", &self.0.name()).finish_non_exhaustive()
    }
}
