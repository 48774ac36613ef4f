//! Operations on several keys at once.

use std::borrow::Borrow;

use super::{Borrowed, Core, Key, Lookup, SetOptions, Value};
use crate::{
    call::{entry::Entry, place::batch, switch},
    error::Error,
    key::{Ask, Asking, Query},
    memory::locked::UnderLock,
    space::Face,
    stats::counters::Counters,
};

/// Keys as the layers below ask with them.
fn asked<'a, Q: Query<Owned: Send + Sync> + Sync>(keys: &'a [Asking<'_, Q>]) -> Vec<&'a (dyn Ask + Send + Sync)> {
    keys.iter().map(|key| key as _).collect()
}

impl<K: Key, V: Value> Core<K, V> {
    /// The values of several keys, in their order: from memory what is there, the rest from the stores in one question.
    pub(in crate::cache) async fn get_many<Q: ?Sized + Lookup<K>>(
        &self,
        face: Face,
        keys: Vec<&Q>,
    ) -> Result<Vec<Option<V>>, Error>
    where
        K: Borrow<Q>,
    {
        self.ready(face).await?;
        let queries: Vec<Borrowed<'_, K, Q>> = keys.into_iter().map(Borrowed::new).collect();
        let has_memory = self.has_memory();
        let from_memory = |query: &Borrowed<'_, K, Q>| {
            if has_memory { self.0.typed.hit(query, query.hash(), V::clone, |value| value) } else { None }
        };
        let mut found: Vec<Option<V>> = queries.iter().map(from_memory).collect();
        let missing: Vec<usize> = (0..found.len()).filter(|&at| found[at].is_none()).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let stored = match self.stores() {
            Some(_) if !UnderLock::is_here() => self.stored(face, missing.iter().map(|&at| &queries[at])).await,
            _ => Ok(Vec::new()),
        };
        let mut hits = 0;
        for (at, entry) in missing.iter().zip(self.told(stored, Vec::new())?) {
            hits += u64::from(entry.is_some());
            found[*at] = entry.map(Entry::into_value);
        }
        Counters::add(&self.counters().hits, hits);
        Counters::add(&self.counters().misses, missing.len() as u64 - hits);
        Ok(found)
    }

    /// The entries of several keys in the stores.
    async fn stored<'a, Q: ?Sized + Lookup<K> + 'a>(
        &self,
        face: Face,
        queries: impl Iterator<Item = &'a Borrowed<'a, K, Q>>,
    ) -> Result<Vec<Option<Entry<V>>>, Error>
    where
        K: Borrow<Q>,
    {
        let queries: Vec<_> = queries.collect();
        let places = queries.iter().map(|query| self.place(query)).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<_> = queries.into_iter().map(Asking::copied).collect();
        batch::read_through(&places, face, &asked(&keys), V::clone).await
    }

    /// Stores several values; says for each whether anything changed.
    pub(in crate::cache) async fn set_many(
        &self,
        face: Face,
        entries: Vec<(K, V, SetOptions)>,
    ) -> Result<Vec<bool>, Error> {
        switch::reachable()?;
        self.ready(face).await?;
        let mut settings = Vec::with_capacity(entries.len());
        let mut owned = Vec::with_capacity(entries.len());
        for (key, value, options) in entries {
            let place = self.place(&Borrowed::<K, K>::new(&key))?;
            let weight = self.0.weigh.as_ref().map_or(0, |weigh| weigh(&key, &value));
            let if_absent = options.if_absent;
            settings.push(place.setting((&value, V::clone), options.terms(), weight, if_absent)?);
            owned.push(key);
        }
        let queries: Vec<Borrowed<'_, K, K>> = owned.iter().map(Borrowed::new).collect();
        let keys: Vec<_> = queries.iter().map(Asking::copied).collect();
        let set = batch::set(settings, face, &asked(&keys)).await;
        self.told(set, vec![false; owned.len()])
    }

    /// Removes several entries; gives the number of those that were there.
    pub(in crate::cache) async fn delete_many<Q: ?Sized + Lookup<K>>(
        &self,
        face: Face,
        keys: Vec<&Q>,
    ) -> Result<u64, Error>
    where
        K: Borrow<Q>,
    {
        switch::reachable()?;
        self.ready(face).await?;
        let queries: Vec<Borrowed<'_, K, Q>> = keys.into_iter().map(Borrowed::new).collect();
        let places = queries.iter().map(|query| self.place(query)).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<_> = queries.iter().map(Asking::copied).collect();
        let deleted = batch::delete(&places, face, &asked(&keys)).await;
        let deleted = deleted.map(|deleted| deleted.into_iter().map(u64::from).sum());
        self.told(deleted, 0)
    }
}
