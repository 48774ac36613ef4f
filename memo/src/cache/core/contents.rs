//! The contents of a cache as a whole.

#[cfg(feature = "stores")]
use super::{Asking, Borrowed, Query as _};
use super::{Core, Entry, Error, Face, Key, Value, switch};
#[cfg(feature = "stores")]
use crate::{cache::whole::Whole, call::instance::Home as _, memory::Put};

impl<K: Key, V: Value> Core<K, V> {
    /// All live entries, each as it is at one moment or another. They are copied one by one, so that nobody waits long.
    pub(in crate::cache) async fn contents(&self, face: Face) -> Result<Vec<(K, Entry<V>)>, Error> {
        switch::reachable()?;
        let mut keys = Vec::new();
        if self.stores().is_none() {
            self.0.typed.store.each(|key, _| keys.push(key.clone()));
        } else {
            keys.extend(self.all(face).await?.into_iter().map(|(key, _)| key));
        }
        let mut contents = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(entry) = self.entry::<K>(face, &key).await? {
                contents.push((key, entry));
            }
        }
        Ok(contents)
    }
}

#[cfg(feature = "stores")]
impl<K: Key, V: Value> Core<K, V> {
    pub(in crate::cache) fn whole(&self) -> &Whole {
        &self.0.whole
    }

    /// What is done with the contents of memory alone.
    pub(in crate::cache) fn in_memory_alone(&self) -> Result<(), Error> {
        switch::reachable()?;
        if self.stores().is_some() {
            let name = self.name();
            let message =
                format!("the cache `{name}` has a store, which keeps its entries: snapshots are of caches in memory");
            return Err(Error::unsupported(message));
        }
        Ok(())
    }

    /// Puts an entry into memory, as old as it is.
    pub(in crate::cache) fn put(&self, key: &K, entry: Entry<V>) {
        let query = Borrowed::<K, K>::new(key);
        let weight = self.0.weigh.as_ref().map_or(0, |weigh| weigh(key, entry.value()));
        let weigh = &|_: &dyn std::any::Any, _: &dyn std::any::Any| weight;
        let (stamp, tags) = (entry.stamp(), entry.own_tags().to_vec());
        let value = &mut Some(entry.into_value());
        let put = Put { value, stamp, tags: &tags, weigh: Some(weigh), replaces: true, yields: false };
        self.0.home.instance().store.set(query.hash(), &Asking::copied(&query), put);
    }
}
