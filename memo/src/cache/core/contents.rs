//! The contents of a cache as a whole.

use super::{Asking, Borrowed, Entry, Key, Query as _, Tag, Typed, Value, builder::Weigh};
use crate::{
    call::instance::AnyInstance,
    memory::{Put, entries::Weigh as Weighing},
};

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

/// Puts an entry into memory, as old as it is, if its tags are still wanted: that is asked under a lock.
pub(in crate::cache) fn put<K: Key, V: Value>(
    typed: &Typed<K, V>,
    weigh: Option<&Weigh<K, V>>,
    key: &K,
    entry: Entry<V>,
    yields: bool,
    is_wanted: impl Fn(&[Tag]) -> bool,
) {
    let query = Borrowed::<K, K>::new(key);
    let weight = weigh.map_or(0, |weigh| weigh(key, entry.value()));
    let weigh = &|_: &dyn std::any::Any, _: &dyn std::any::Any| weight;
    let (stamp, tags, dependency) = (entry.stamp(), entry.own_tags().to_vec(), entry.dependency().cloned());
    let value = &mut Some(entry.into_value());
    let (dependency, weigh) = (dependency.as_ref(), Some(weigh as Weighing<'_>));
    let put = Put { value, stamp, tags: &tags, dependency, weigh, replaces: !yields, yields };
    let instance: &AnyInstance = typed;
    instance.store.set_if(query.hash(), &Asking::shared(&query), put, &|| is_wanted(&tags));
}

impl<K: Key, V: Value> super::Core<K, V> {
    /// Removes the entries that a test does not keep; gives their number. What takes the place of one meanwhile stays.
    pub(in crate::cache) async fn retain(
        &self,
        face: super::Face,
        mut keep: impl FnMut(&K, &V) -> bool,
    ) -> Result<u64, super::Error> {
        super::switch::reachable()?;
        self.ready(face).await?;
        let mut removed = 0;
        let Some((space, written)) = self.0.typed.space.as_ref().zip(self.0.written.as_ref()) else {
            let mut keys = Vec::new();
            self.0.typed.store.each(|key, _| keys.push(key.clone()));
            for key in &keys {
                let query = Borrowed::<K, K>::new(key);
                let mut keep = |value: &V| keep(key, value);
                let asking = Asking::copied(&query);
                removed += u64::from(self.instance().delete_unless(query.hash(), &asking, &mut keep));
            }
            return Ok(removed);
        };
        let stored = space.all(face).await;
        for stored in self.told(stored, Vec::new())? {
            let mut value: Option<V> = None;
            let key = (written.read)(space, &stored, &mut value);
            if let Some((key, value)) = key.zip(value)
                && !keep(&key, &value)
            {
                let query = Borrowed::<K, K>::new(&key);
                let deleted = self.place(&query)?.delete_same(face, &Asking::copied(&query), stored).await;
                removed += u64::from(self.told(deleted, false)?);
            }
        }
        Ok(removed)
    }
}

#[cfg(feature = "csv")]
impl<K: Key, V: Value> super::Core<K, V> {
    /// All live entries, each as it is at one moment or another.
    pub(in crate::cache) async fn contents(&self, face: super::Face) -> Result<Vec<(K, Entry<V>)>, super::Error> {
        super::switch::reachable()?;
        self.ready(face).await?;
        Ok(self.all_stored(face).await?.unwrap_or_else(|| contents_of(&self.0.typed)))
    }
}
