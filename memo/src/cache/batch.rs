//! Several keys at once.

use std::borrow::Borrow;

use super::{Cache, Key, Lookup, SetOptions, Value};
use crate::{error::Error, flight::wait::block_on, space::Face};

impl<K: Key, V: Value> Cache<K, V> {
    /// The values of several keys, in their order; `None` for those that have none, which `flatten` leaves out.
    ///
    /// What memory does not have is asked of the store in one question.
    ///
    /// ```
    /// # use memo::Cache;
    /// let ages = Cache::<String, u8>::builder("ages").build()?;
    /// ages.set_many([("ada".to_owned(), 36), ("bob".to_owned(), 41)])?;
    /// assert_eq!(ages.get_many(["bob", "eve", "ada"])?, [Some(41), None, Some(36)]);
    /// assert_eq!(ages.get_many_or(["bob", "eve"], 0)?, [41, 0]);
    /// assert_eq!(ages.delete_many(["bob", "eve"])?, 1);
    /// # Ok::<(), memo::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a store can't be asked.
    pub fn get_many<'q, Q: ?Sized + Lookup<K> + 'q>(
        &self,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> Result<Vec<Option<V>>, Error>
    where
        K: Borrow<Q>,
    {
        block_on(self.0.get_many(Face::Thread, keys.into_iter().collect()))
    }

    /// The values of several keys, in their order, and another for those that have none.
    ///
    /// # Errors
    ///
    /// If a store can't be asked.
    pub fn get_many_or<'q, Q: ?Sized + Lookup<K> + 'q>(
        &self,
        keys: impl IntoIterator<Item = &'q Q>,
        default: V,
    ) -> Result<Vec<V>, Error>
    where
        K: Borrow<Q>,
    {
        Ok(filled(self.get_many(keys)?, &default))
    }

    /// Stores several values. Of two with one key the later counts. None is stored if one of them can't be encoded.
    ///
    /// SQLite and LMDB store all or none of them. In memory, in files and in stores that say so of themselves, the first ones may
    /// be stored when it fails; so may those of one store where there are several.
    ///
    /// # Errors
    ///
    /// If a store does not take one of them; then no older values are in memory.
    pub fn set_many(&self, entries: impl IntoIterator<Item = (K, V)>) -> Result<(), Error> {
        self.set_many_with(with_options(entries)).map(drop)
    }

    /// Stores several values, each on terms of its own; says for each whether anything changed.
    ///
    /// Values that are set with [`SetOptions::if_absent`], or with a time to live of zero, are stored one by one, and part the
    /// others into batches.
    ///
    /// # Errors
    ///
    /// As for [`set_many`](Self::set_many).
    pub fn set_many_with(&self, entries: impl IntoIterator<Item = (K, V, SetOptions)>) -> Result<Vec<bool>, Error> {
        block_on(self.0.set_many(Face::Thread, entries.into_iter().collect()))
    }

    /// Removes several entries; says how many were there. Computations of them that are running are not stored.
    ///
    /// SQLite and LMDB remove all or none of them.
    ///
    /// # Errors
    ///
    /// If it is not certain that all of them are gone.
    pub fn delete_many<'q, Q: ?Sized + Lookup<K> + 'q>(
        &self,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> Result<u64, Error>
    where
        K: Borrow<Q>,
    {
        block_on(self.0.delete_many(Face::Thread, keys.into_iter().collect()))
    }
}

/// Values, with a default in the gaps.
pub(super) fn filled<V: Clone>(found: Vec<Option<V>>, default: &V) -> Vec<V> {
    found.into_iter().map(|value| value.unwrap_or_else(|| default.clone())).collect()
}

/// Entries on the terms of the cache.
pub(super) fn with_options<K, V>(
    entries: impl IntoIterator<Item = (K, V)>,
) -> impl Iterator<Item = (K, V, SetOptions)> {
    entries.into_iter().map(|(key, value)| (key, value, SetOptions::new()))
}
