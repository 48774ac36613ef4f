//! The contents of a cache as a whole.

use super::{Asking, Borrowed, Entry, Key, Query as _, Typed, Value, builder::Weigh};
use crate::{call::instance::AnyInstance, memory::Put};

#[cfg(any(feature = "stores", feature = "csv"))]
/// All live entries of a cache in memory. They are copied one by one, so that nobody waits long.
pub(in crate::cache) fn contents_of<K: Key, V: Value>(typed: &Typed<K, V>) -> Vec<(K, Entry<V>)> {
    let mut keys = Vec::new();
    typed.store.each(|key, _| keys.push(key.clone()));
    let instance: &AnyInstance = typed;
    let entry = |key: K| {
        let query = Borrowed::<K, K>::new(&key);
        let entry = instance.entry(query.hash(), &Asking::shared(&query), V::clone).1;
        entry.map(|entry| (key, entry))
    };
    keys.into_iter().filter_map(entry).collect()
}

/// Puts an entry into memory, as old as it is.
pub(in crate::cache) fn put<K: Key, V: Value>(
    typed: &Typed<K, V>,
    weigh: Option<&Weigh<K, V>>,
    key: &K,
    entry: Entry<V>,
    yields: bool,
) {
    let query = Borrowed::<K, K>::new(key);
    let weight = weigh.map_or(0, |weigh| weigh(key, entry.value()));
    let weigh = &|_: &dyn std::any::Any, _: &dyn std::any::Any| weight;
    let (stamp, tags) = (entry.stamp(), entry.own_tags().to_vec());
    let value = &mut Some(entry.into_value());
    let put = Put { value, stamp, tags: &tags, weigh: Some(weigh), replaces: !yields, yields };
    let instance: &AnyInstance = typed;
    instance.store.set(query.hash(), &Asking::shared(&query), put);
}

#[cfg(feature = "csv")]
impl<K: Key, V: Value> super::Core<K, V> {
    /// All live entries, each as it is at one moment or another.
    pub(in crate::cache) async fn contents(&self, face: super::Face) -> Result<Vec<(K, Entry<V>)>, super::Error> {
        super::switch::reachable()?;
        self.ready(face).await?;
        if self.stores().is_none() {
            return Ok(contents_of(&self.0.typed));
        }
        let mut contents = Vec::new();
        for (key, _) in self.all(face).await? {
            if let Some(entry) = self.entry::<K>(face, &key).await? {
                contents.push((key, entry));
            }
        }
        Ok(contents)
    }
}
