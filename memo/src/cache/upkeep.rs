//! What is done to the stores of a cache, and at its end.

use super::{Cache, Key, Value};
use crate::{error::Error, flight::wait::block_on, space::Face};

impl<K: Key, V: Value> Cache<K, V> {
    /// Adds a tier behind those there are, while the cache is used; other live objects of the same name and stores have it too. Nothing is
    /// copied into it: it gets what is stored from now on, and what it has already is read from now on.
    ///
    /// ```
    /// # use memo::Cache;
    /// let ages: Cache<String, u8> = Cache::open("ages", "memory://near")?;
    /// ages.add_tier("memory://far?ttl=1d")?;
    /// ages.set("ada".to_owned(), 36)?;
    /// assert_eq!(memo::backend("memory://far")?.count(b"ages|")?, 1);
    /// # Ok::<(), memo::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the URL is wrong or the store can't be opened; then nothing has changed. If the cache was built without a store: then its
    /// entries are in memory alone.
    #[cfg(feature = "stores")]
    pub fn add_tier(&self, tier: impl Into<crate::Tier>) -> Result<(), Error> {
        block_on(self.0.add_tier(Face::Thread, tier.into()))
    }

    /// Returns when everything that was set is in all tiers, and as durable as their stores can make it.
    ///
    /// # Errors
    ///
    /// If a store can't say so. What could not be written yet waits on, if there is a queue.
    pub fn flush(&self) -> Result<(), Error> {
        block_on(self.0.flush(Face::Thread))
    }

    /// Flushes the cache and lets its stores go.
    ///
    /// # Errors
    ///
    /// As for [`flush`](Self::flush).
    pub fn close(self) -> Result<(), Error> {
        block_on(self.0.flush(Face::Thread))
    }
}

impl<K, V> Drop for Cache<K, V> {
    fn drop(&mut self) {
        self.0.leave(Face::Thread);
    }
}
