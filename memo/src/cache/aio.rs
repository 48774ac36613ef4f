//! The cache object for tasks: the same operations, none of which blocks the executor.

use std::{borrow::Borrow, time::SystemTime};

use super::{
    Builder, Key, Lookup, SetOptions, Value,
    batch::{filled, with_options},
    core::Core,
};
use crate::{
    call::{
        entry::Entry,
        extras::IntoTtl,
        kind::{Fallible, Plain},
    },
    error::Error,
    space::Face,
    stats::CacheInfo,
};

/// A cache whose operations are futures. See [`Cache`](crate::Cache) for what each of them does; one is made from the other
/// with `From`, and both share their entries.
///
/// ```
/// # async fn example() -> Result<(), memo::Error> {
/// use memo::aio::Cache;
///
/// let pages: Cache<String, u64> = Cache::builder("pages").ttl(300).build()?.into();
/// pages.set("a".to_owned(), 1).await?;
/// assert_eq!(pages.get("a").await?, Some(1));
/// assert_eq!(pages.get_or_compute("b", async { 2 }).await?, 2);
/// # Ok(())
/// # }
/// # futures_lite(example()).unwrap();
/// # fn futures_lite<T>(future: impl Future<Output = T>) -> T {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop {
/// #         if let std::task::Poll::Ready(done) = future.as_mut().poll(&mut cx) {
/// #             return done;
/// #         }
/// #     }
/// # }
/// ```
#[derive(Clone)]
pub struct Cache<K, V>(pub(super) Core<K, V>);

impl<K, V> Drop for Cache<K, V> {
    fn drop(&mut self) {
        self.0.leave(Face::Task);
    }
}

impl<K, V> From<crate::Cache<K, V>> for Cache<K, V> {
    fn from(cache: crate::Cache<K, V>) -> Self {
        Self(cache.0.clone())
    }
}

impl<K, V> From<Cache<K, V>> for crate::Cache<K, V> {
    fn from(cache: Cache<K, V>) -> Self {
        Self(cache.0.clone())
    }
}

#[expect(clippy::missing_errors_doc, reason = "the errors are those of the operations of the same names")]
impl<K: Key, V: Value> Cache<K, V> {
    /// Begins a cache.
    pub fn builder(name: impl Into<String>) -> Builder<K, V> {
        crate::Cache::builder(name)
    }

    /// Begins a cache of other types over the same stores.
    #[cfg(feature = "stores")]
    pub fn view<K2, V2>(&self, name: impl AsRef<str>) -> Builder<K2, V2>
    where
        K2: Key + serde::Serialize + serde::de::DeserializeOwned,
        V2: Value + serde::Serialize + serde::de::DeserializeOwned,
    {
        crate::Cache::from(self.clone()).view(name)
    }

    /// The value of a key.
    pub async fn get<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<Option<V>, Error>
    where
        K: Borrow<Q>,
    {
        self.0.get(Face::Task, key).await
    }

    /// The value of a key, or another.
    pub async fn get_or<Q: ?Sized + Lookup<K>>(&self, key: &Q, default: V) -> Result<V, Error>
    where
        K: Borrow<Q>,
    {
        Ok(self.get(key).await?.unwrap_or(default))
    }

    /// The entry of a key.
    pub async fn entry<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<Option<Entry<V>>, Error>
    where
        K: Borrow<Q>,
    {
        self.0.entry(Face::Task, key).await
    }

    /// The value of a key, computed and stored if there is none.
    pub async fn get_or_compute<Q: ?Sized + Lookup<K>>(
        &self,
        key: &Q,
        compute: impl Future<Output = V>,
    ) -> Result<V, Error>
    where
        K: Borrow<Q>,
    {
        self.0.computed_in_task::<Plain<V>, Q>(key, compute).await
    }

    /// The same for what can fail.
    pub async fn try_get_or_compute<Q: ?Sized + Lookup<K>, E: From<Error> + 'static>(
        &self,
        key: &Q,
        compute: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E>
    where
        K: Borrow<Q>,
    {
        self.0.computed_in_task::<Fallible<V, E>, Q>(key, compute).await?
    }

    /// The value of a key, computed by the builder's [`loader`](Builder::loader) if there is none. The loader is called on a pool
    /// of threads.
    #[cfg(feature = "stores")]
    pub async fn load<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<V, Error>
    where
        K: Borrow<Q>,
    {
        let (loader, owned) = (self.0.loader()?, key.to_owned());
        self.get_or_compute(key, super::whole::on(Face::Task, move || loader(&owned))).await
    }

    /// Stores a value.
    pub async fn set(&self, key: K, value: V) -> Result<(), Error> {
        self.set_with(key, value, SetOptions::new()).await.map(drop)
    }

    /// Stores a value on terms of its own.
    pub async fn set_with(&self, key: K, value: V, options: SetOptions) -> Result<bool, Error> {
        self.0.set_with(Face::Task, key, value, options).await
    }

    /// Is there a live entry?
    pub async fn contains<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        Ok(self.entry(key).await?.is_some())
    }

    /// Removes an entry; was there one?
    pub async fn delete<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        self.0.delete(Face::Task, key).await
    }

    /// Removes an entry and gives its value.
    pub async fn take<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<Option<V>, Error>
    where
        K: Borrow<Q>,
    {
        self.0.take(Face::Task, key).await
    }

    /// Lets an entry expire so long from now.
    pub async fn expire_in<Q: ?Sized + Lookup<K>>(&self, key: &Q, ttl: impl IntoTtl) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        self.0.expire_in(Face::Task, key, ttl.into_ttl().0).await
    }

    /// Lets an entry expire at a time of the wall clock.
    pub async fn expire_at<Q: ?Sized + Lookup<K>>(&self, key: &Q, at: SystemTime) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        self.expire_in(key, at.duration_since(crate::clock::wall()).unwrap_or_default()).await
    }

    /// Lets an entry live for ever.
    pub async fn persist<Q: ?Sized + Lookup<K>>(&self, key: &Q) -> Result<bool, Error>
    where
        K: Borrow<Q>,
    {
        self.0.expire_in(Face::Task, key, None).await
    }

    /// The values of several keys, in their order.
    pub async fn get_many<'q, Q: ?Sized + Lookup<K> + 'q>(
        &self,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> Result<Vec<Option<V>>, Error>
    where
        K: Borrow<Q>,
    {
        self.0.get_many(Face::Task, keys.into_iter().collect()).await
    }

    /// The values of several keys, in their order, and another for those that have none.
    pub async fn get_many_or<'q, Q: ?Sized + Lookup<K> + 'q>(
        &self,
        keys: impl IntoIterator<Item = &'q Q>,
        default: V,
    ) -> Result<Vec<V>, Error>
    where
        K: Borrow<Q>,
    {
        Ok(filled(self.get_many(keys).await?, &default))
    }

    /// Stores several values.
    pub async fn set_many(&self, entries: impl IntoIterator<Item = (K, V)>) -> Result<(), Error> {
        self.set_many_with(with_options(entries)).await.map(drop)
    }

    /// Stores several values, each on terms of its own.
    pub async fn set_many_with(
        &self,
        entries: impl IntoIterator<Item = (K, V, SetOptions)>,
    ) -> Result<Vec<bool>, Error> {
        self.0.set_many(Face::Task, entries.into_iter().collect()).await
    }

    /// Removes several entries; says how many were there.
    pub async fn delete_many<'q, Q: ?Sized + Lookup<K> + 'q>(
        &self,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> Result<u64, Error>
    where
        K: Borrow<Q>,
    {
        self.0.delete_many(Face::Task, keys.into_iter().collect()).await
    }

    /// Removes all entries.
    pub async fn clear(&self) -> Result<u64, Error> {
        self.0.clear(Face::Task, None).await
    }

    /// Removes the entries that carry a tag.
    pub async fn clear_tag(&self, tag: impl Into<crate::Tag>) -> Result<u64, Error> {
        self.0.clear(Face::Task, Some(tag.into())).await
    }

    /// Takes expired entries out.
    pub async fn purge_expired(&self) -> Result<u64, Error> {
        self.0.purge(Face::Task).await
    }

    /// The number of entries.
    pub async fn len(&self) -> Result<u64, Error> {
        self.0.len(Face::Task).await
    }

    /// Are there no entries?
    pub async fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len().await? == 0)
    }

    /// Copies of all live entries.
    pub async fn entries(&self) -> Result<Vec<(K, V)>, Error> {
        self.0.all(Face::Task).await
    }

    /// The keys of all live entries.
    pub async fn keys(&self) -> Result<Vec<K>, Error> {
        Ok(self.entries().await?.into_iter().map(|(key, _)| key).collect())
    }

    /// The values of all live entries.
    pub async fn values(&self) -> Result<Vec<V>, Error> {
        Ok(self.entries().await?.into_iter().map(|(_, value)| value).collect())
    }

    /// Removes the entries that a test does not keep; gives their number. What is set in the place of one meanwhile stays.
    pub async fn retain(&self, keep: impl FnMut(&K, &V) -> bool) -> Result<u64, Error> {
        self.0.retain(Face::Task, keep).await
    }

    /// Statistics of this object.
    pub async fn stats(&self) -> CacheInfo {
        self.0.stats(Face::Task).await
    }

    /// Adds a tier behind those there are.
    #[cfg(feature = "stores")]
    pub async fn add_tier(&self, tier: impl Into<crate::Tier>) -> Result<(), Error> {
        self.0.add_tier(Face::Task, tier.into()).await
    }

    /// Returns when everything that was set is in all tiers, and as durable as their stores can make it, or saved.
    pub async fn flush(&self) -> Result<(), Error> {
        self.0.flush(Face::Task).await
    }

    /// Flushes the cache and lets its stores go.
    pub async fn close(self) -> Result<(), Error> {
        self.0.flush(Face::Task).await
    }
}

impl<K, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("name", &self.0.name()).finish_non_exhaustive()
    }
}
