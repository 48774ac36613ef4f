//! The contents of a cache, as hooks see them.

use std::{collections::HashMap, fmt};

use crate::{
    cache::{Key, SetOptions},
    call::{entry::Entry, site::Options, terms::Terms},
};

/// The contents of a cache, on their way in or out: keys and entries, in no particular order.
///
/// Of two entries with one key the later counts. Where no time to live is said, that of the cache begins when they are saved
/// or come in.
///
/// ```
/// use memo::{Contents, SetOptions};
///
/// let mut ages: Contents<&str, u8> = [("ada", 36), ("bob", 41)].into_iter().collect();
/// ages.insert_with("eve", 7, SetOptions::new().ttl(60).tag("children"));
/// ages.retain(|_, entry| *entry.value() > 30 || entry.tags().any(|tag| tag == "children"));
/// for (_, age) in ages.values_mut() {
///     *age += 1;
/// }
/// assert_eq!(ages.iter().map(|(_, entry)| entry.value()).sum::<u8>(), 37 + 42 + 8);
/// ```
#[derive(Clone)]
pub struct Contents<K, V> {
    items: Vec<Item<K, V>>,
    /// There may be several entries of a key.
    is_mixed: bool,
}

#[derive(Clone)]
struct Item<K, V> {
    key: K,
    entry: Entry<V>,
    /// Its time to live is that of the cache.
    of_cache: bool,
    /// It does not take the place of a live entry.
    yields: bool,
}

impl<K, V> Contents<K, V> {
    /// Nothing.
    pub fn new() -> Self {
        Self { items: Vec::new(), is_mixed: false }
    }

    /// Adds an entry on the terms of the cache.
    pub fn insert(&mut self, key: K, value: V) {
        self.insert_with(key, value, SetOptions::new());
    }

    /// Adds an entry on terms of its own.
    pub fn insert_with(&mut self, key: K, value: V, options: SetOptions) {
        let yields = options.if_absent;
        let terms = options.terms();
        let entry = Entry::new(value, terms.stamp(&Options::NEW), &[], &terms.tags);
        self.is_mixed = true;
        self.items.push(Item { key, entry, of_cache: terms.ttl.is_none(), yields });
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All keys and entries.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Entry<V>)> {
        self.items.iter().map(|item| (&item.key, &item.entry))
    }

    /// All values, to be changed; their times and tags stay.
    pub fn values_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.items.iter_mut().map(|item| (&item.key, item.entry.value_mut()))
    }

    /// Keeps those that a test says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &Entry<V>) -> bool) {
        self.items.retain(|item| keep(&item.key, &item.entry));
    }

    /// Entries as they are, each with a key of its own.
    pub(in crate::cache) fn of(entries: Vec<(K, Entry<V>)>) -> Self {
        let item = |(key, entry)| Item { key, entry, of_cache: false, yields: false };
        Self { items: entries.into_iter().map(item).collect(), is_mixed: false }
    }

    /// Keeps one entry of each key, and gives those that ask for it the time to live of a cache, from now on.
    pub(super) fn settle(&mut self, options: &Options)
    where
        K: Key,
    {
        self.dedup();
        for item in self.items.iter_mut().filter(|item| item.of_cache) {
            item.entry.set_stamp(Terms::default().stamp(options));
            item.of_cache = false;
        }
    }

    /// Keeps the last entry of each key, of those that do not yield.
    fn dedup(&mut self)
    where
        K: Key,
    {
        if !std::mem::take(&mut self.is_mixed) {
            return;
        }
        let mut places = HashMap::with_capacity(self.items.len());
        let mut kept: Vec<Item<K, V>> = Vec::with_capacity(self.items.len());
        for item in self.items.drain(..) {
            match places.get(&item.key) {
                Some(_) if item.yields => {}
                Some(&place) => kept[place] = item,
                None => {
                    places.insert(item.key.clone(), kept.len());
                    kept.push(item);
                }
            }
        }
        self.items = kept;
    }

    /// All keys and entries; with each, whether it yields to one that is there.
    pub(super) fn into_items(self) -> impl Iterator<Item = (K, Entry<V>, bool)> {
        self.items.into_iter().map(|item| (item.key, item.entry, item.yields))
    }
}

impl<K, V> Extend<(K, V)> for Contents<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| self.insert(key, value));
    }
}

impl<K, V> FromIterator<(K, V)> for Contents<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut contents = Self::new();
        contents.extend(entries);
        contents
    }
}

impl<K, V> Default for Contents<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Contents<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
