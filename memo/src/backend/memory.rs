//! `memory://name`: bytes in this process, copied in and out.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, ControlFlow},
};

use parking_lot::RwLock;

use super::{Backend, Capabilities, Change, Edit, Item, UnixMillis, Visit, is_under};
use crate::error::Error;

/// A store of bytes in memory: for tests, and where values must not be shared but copied.
///
/// Nothing in it survives the end of the process.
#[derive(Debug, Default)]
pub struct Memory {
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: BTreeMap<Vec<u8>, Entry>,
    /// Pairs of a tag and a key.
    by_tag: BTreeSet<(String, Vec<u8>)>,
}

#[derive(Debug)]
struct Entry {
    bytes: Vec<u8>,
    expires: Option<UnixMillis>,
    tags: Vec<String>,
}

impl Entries {
    fn set(&mut self, key: &[u8], item: Item<'_>) {
        self.remove(key);
        let tags: Vec<String> = item.tags.iter().map(|tag| (*tag).to_owned()).collect();
        self.by_tag.extend(tags.iter().map(|tag| (tag.clone(), key.to_vec())));
        self.by_key.insert(key.to_vec(), Entry { bytes: item.bytes.to_vec(), expires: item.expires, tags });
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let Some(old) = self.by_key.remove(key) else { return false };
        for tag in old.tags {
            self.by_tag.remove(&(tag, key.to_vec()));
        }
        true
    }

    fn remove_under(&mut self, prefix: &[u8]) -> u64 {
        let keys: Vec<_> = self.under(prefix).map(|(key, _)| key.clone()).collect();
        self.remove_all(&keys)
    }

    /// Removes all of these; gives their number.
    fn remove_all(&mut self, keys: &[Vec<u8>]) -> u64 {
        keys.iter().map(|key| u64::from(self.remove(key))).sum()
    }

    fn under(&self, prefix: &[u8]) -> impl Iterator<Item = (&Vec<u8>, &Entry)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        self.by_key.range::<[u8], _>(from).take_while(move |(key, _)| is_under(key, prefix))
    }

    fn tagged(&self, prefix: &[u8], tag: &str) -> BTreeSet<Vec<u8>> {
        let from = (tag.to_owned(), prefix.to_vec());
        let fits = |(of, key): &&(String, Vec<u8>)| of == tag && is_under(key, prefix);
        self.by_tag.range(from..).take_while(fits).map(|(_, key)| key.clone()).collect()
    }
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Backend for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_batch: true,
            atomic_update: true,
            count: true,
            enumerate: true,
            tags: true,
            fences: false,
            notify: false,
            persistent: false,
            shared: false,
        }
    }

    fn blocks(&self) -> bool {
        false
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.entries.read().by_key.get(key).map(|entry| entry.bytes.clone()))
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        self.entries.write().set(key, item);
        Ok(())
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.entries.write().remove(key))
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        Ok(self.entries.write().remove_under(prefix))
    }

    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        let mut entries = self.entries.write();
        let sets = tags.iter().map(|tag| entries.tagged(prefix, tag));
        let keys = sets.reduce(|all, these| &all & &these).unwrap_or_default();
        Ok(entries.remove_all(&keys.into_iter().collect::<Vec<_>>()))
    }

    fn update(&self, key: &[u8], change: Edit<'_>) -> Result<(), Error> {
        let mut entries = self.entries.write();
        match change(entries.by_key.get(key).map(|entry| &*entry.bytes)) {
            Change::Keep => {}
            Change::Remove => drop(entries.remove(key)),
            Change::Set { bytes, expires, tags, .. } => {
                Item::borrowed(&bytes, expires, &tags, |item| entries.set(key, item));
            }
        }
        Ok(())
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let entries = self.entries.read();
        Ok(keys.iter().map(|key| entries.by_key.get(*key).map(|entry| entry.bytes.clone())).collect())
    }

    fn set_many(&self, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        let mut entries = self.entries.write();
        for (key, item) in items {
            entries.set(key, *item);
        }
        Ok(())
    }

    fn remove_many(&self, keys: &[&[u8]]) -> Result<Vec<bool>, Error> {
        let mut entries = self.entries.write();
        Ok(keys.iter().map(|key| entries.remove(key)).collect())
    }

    fn remove_prefixes(&self, prefixes: &[&[u8]]) -> Result<Vec<u64>, Error> {
        let mut entries = self.entries.write();
        Ok(prefixes.iter().map(|prefix| entries.remove_under(prefix)).collect())
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        let keys: Vec<_> = self.entries.read().under(prefix).map(|(key, _)| key.clone()).collect();
        for key in keys {
            // Not under the lock: `visit` may call the store.
            let Some(bytes) = self.get(&key)? else { continue };
            if visit(&key, &bytes) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn count(&self, prefix: &[u8]) -> Result<u64, Error> {
        Ok(self.entries.read().under(prefix).count() as u64)
    }

    fn purge(&self, now: UnixMillis) -> Result<u64, Error> {
        let mut entries = self.entries.write();
        let over = |entry: &Entry| entry.expires.is_some_and(|expires| expires <= now);
        let keys: Vec<_> = entries.by_key.iter().filter(|(_, e)| over(e)).map(|(key, _)| key.clone()).collect();
        Ok(entries.remove_all(&keys))
    }
}
