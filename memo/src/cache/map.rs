//! A cache used like a map: everything there is, one after the other.
//!
//! There is no `entry` of a map, which holds a place while the caller makes up their mind:
//! [`get_or_compute`](Cache::get_or_compute) is what it is for, and holds up nobody but those who want the same key.
//! [`entry`](Cache::entry) gives what is there.

use std::vec::IntoIter;

use super::{Cache, Key, Value, core::Core};
use crate::{error::Error, flight::wait::block_on, space::Face};

impl<K: Key, V: Value> Cache<K, V> {
    /// The number of entries, expired ones that are still there included; of the last tier, where there are several.
    ///
    /// # Errors
    ///
    /// If a store can't count.
    pub fn len(&self) -> Result<u64, Error> {
        block_on(self.0.len(Face::Thread))
    }

    /// Are there no entries?
    ///
    /// # Errors
    ///
    /// If a store can't count.
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }

    /// All live entries, in any order, as they are at one moment or another. Cost: copies all of them.
    ///
    /// # Errors
    ///
    /// If a store can't enumerate.
    #[expect(clippy::iter_not_returning_iterator, reason = "a store may have no answer")]
    pub fn iter(&self) -> Result<impl Iterator<Item = (K, V)> + use<K, V>, Error> {
        Ok(block_on(self.0.all(Face::Thread))?.into_iter())
    }

    /// The keys of all live entries.
    ///
    /// # Errors
    ///
    /// If a store can't enumerate.
    pub fn keys(&self) -> Result<impl Iterator<Item = K> + use<K, V>, Error> {
        Ok(self.iter()?.map(|(key, _)| key))
    }

    /// The values of all live entries.
    ///
    /// # Errors
    ///
    /// If a store can't enumerate.
    pub fn values(&self) -> Result<impl Iterator<Item = V> + use<K, V>, Error> {
        Ok(self.iter()?.map(|(_, value)| value))
    }

    /// Removes the entries that a test does not keep; gives their number.
    ///
    /// # Errors
    ///
    /// If a store can't enumerate, or it is not certain that they are gone.
    pub fn retain(&self, mut keep: impl FnMut(&K, &V) -> bool) -> Result<u64, Error> {
        let mut removed = 0;
        for (key, value) in self.iter()? {
            if !keep(&key, &value) {
                removed += u64::from(self.delete(&key)?);
            }
        }
        Ok(removed)
    }
}

/// All live entries, as [`iter`](Cache::iter) gives them; none if a store can't enumerate, which is counted.
///
/// ```
/// # use memo::Cache;
/// let ages: Cache<&str, u8> = [("ada", 36), ("bob", 41)].into_iter().collect();
/// let mut sum = 0;
/// for (_, age) in &ages {
///     sum += age;
/// }
/// assert_eq!(sum, 77);
/// # Ok::<(), memo::Error>(())
/// ```
impl<K: Key, V: Value> IntoIterator for &Cache<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        block_on(self.0.all(Face::Thread)).unwrap_or_default().into_iter()
    }
}

/// As [`set_many`](Cache::set_many), which also returns errors: here they are counted.
impl<K: Key, V: Value> Extend<(K, V)> for Cache<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let _ = self.set_many(entries);
    }
}

/// A cache in memory, named `collected`, whose entries never expire. [`Builder::build_from`](crate::Builder::build_from) makes
/// one on other terms.
impl<K: Key, V: Value> FromIterator<(K, V)> for Cache<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let core = Core::in_memory("collected");
        for (key, value) in entries {
            core.insert(&key, value);
        }
        Self(core)
    }
}
