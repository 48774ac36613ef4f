//! What is done within one transaction: entries and their indexes, kept in step.

use std::ops::Bound;

use heed::{Database, RoTxn, RwTxn, types::Bytes};

use super::{
    layout::{CLEANED_KEY, ENTRY, EXPIRY, Entry, Index, Record, SHORT, TreeKey, VERSION, VERSION_KEY, entry_at, place},
    stop::Attempt,
};
use crate::backend::{Change, Item, UnixMillis};

/// The one tree of an environment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree(pub(super) Database<'static, Bytes, Bytes>);

/// Who made a tree.
pub(super) enum Layout {
    /// Nobody: it is empty.
    New,
    Ours,
    /// Another version of ours.
    Version(u32),
    Foreign,
}

/// A part of what was looked for.
pub(super) struct Found<T> {
    pub(super) found: Vec<T>,
    /// The last key of the tree that was looked at, if there may be more behind it.
    pub(super) more_after: Option<Vec<u8>>,
}

/// How much is looked at within one transaction.
#[derive(Clone, Copy)]
pub(super) struct Batch {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

impl Batch {
    /// What one transaction removes: with more, the others would wait for long.
    pub(super) const REMOVED: Self = Self { entries: 4096, bytes: usize::MAX };
    /// What one transaction copies, to be shown.
    pub(super) const SHOWN: Self = Self { entries: 256, bytes: 1 << 20 };
}

impl Tree {
    pub(super) fn layout(self, txn: &RoTxn<'_>) -> Attempt<Layout> {
        let version = self.0.get(txn, VERSION_KEY)?.map(<[u8; 4]>::try_from);
        Ok(match version {
            Some(Ok(version)) if u32::from_le_bytes(version) == VERSION => Layout::Ours,
            Some(Ok(version)) => Layout::Version(u32::from_le_bytes(version)),
            None if self.0.is_empty(txn)? => Layout::New,
            Some(Err(_)) | None => Layout::Foreign,
        })
    }

    pub(super) fn set_version(self, txn: &mut RwTxn<'_>) -> Attempt<()> {
        Ok(self.0.put(txn, VERSION_KEY, &VERSION.to_le_bytes())?)
    }

    #[inline]
    pub(super) fn get<'txn>(self, txn: &'txn RoTxn<'_>, key: &[u8]) -> Attempt<Option<&'txn [u8]>> {
        let mut room = [0; SHORT];
        let long;
        let at = if let Some(short) = TreeKey::entry_in(&mut room, key) {
            short
        } else {
            long = TreeKey::entry(key);
            &long
        };
        let Some(value) = self.0.get(txn, at)? else { return Ok(None) };
        let entry = Entry::parse(value)?;
        Ok(entry.is_of(key).then_some(entry.bytes))
    }

    pub(super) fn set(self, txn: &mut RwTxn<'_>, key: &[u8], item: Item<'_>) -> Attempt<()> {
        let record = Record::new(key, item)?;
        let at = TreeKey::entry(key);
        let old = self.index_keys(txn, &at)?;
        let tags = item.tags.iter().map(|tag| TreeKey::tag(tag.as_bytes(), place(&at)));
        let expiry = record.expires().map(|expires| TreeKey::expiry(expires, place(&at)));
        let new: Vec<TreeKey> = tags.chain(expiry).collect();
        // What stays is not written again.
        for gone in old.iter().filter(|key| !new.contains(key)) {
            self.0.delete(txn, gone)?;
        }
        self.0.put_reserved(txn, &at, record.len, |space| record.write_to(space))?;
        for added in new.iter().filter(|key| !old.contains(key)) {
            self.0.put(txn, added, &[])?;
        }
        Ok(())
    }

    pub(super) fn remove(self, txn: &mut RwTxn<'_>, key: &[u8]) -> Attempt<bool> {
        let at = TreeKey::entry(key);
        match self.0.get(txn, &at)? {
            // What can't be read is removed, too.
            Some(value) if Entry::parse(value).map_or(true, |entry| entry.is_of(key)) => self.remove_at(txn, &at),
            _ => Ok(false),
        }
    }

    /// Removes the entry under a key of the tree.
    pub(super) fn remove_at(self, txn: &mut RwTxn<'_>, at: &[u8]) -> Attempt<bool> {
        for index_key in self.index_keys(txn, at)? {
            self.0.delete(txn, &index_key)?;
        }
        Ok(self.0.delete(txn, at)?)
    }

    /// Removes all entries under a prefix; gives their number.
    pub(super) fn remove_under(self, txn: &mut RwTxn<'_>, prefix: &[u8]) -> Attempt<u64> {
        let (mut removed, mut after) = (0, None);
        loop {
            let found = self.find_under(txn, prefix, after.as_deref())?;
            for at in &found.found {
                removed += u64::from(self.remove_at(txn, at)?);
            }
            if found.more_after.is_none() {
                return Ok(removed);
            }
            after = found.more_after;
        }
    }

    pub(super) fn update(
        self,
        txn: &mut RwTxn<'_>,
        key: &[u8],
        change: &mut dyn FnMut(Option<&[u8]>) -> Change,
    ) -> Attempt<()> {
        let value = self.0.get(txn, &TreeKey::entry(key))?;
        // One that can't be read is as good as none, and may be replaced.
        let entry = value.and_then(|value| Entry::parse(value).ok()).filter(|entry| entry.is_of(key));
        match change(entry.map(|entry| entry.bytes)) {
            Change::Keep => Ok(()),
            Change::Remove => self.remove(txn, key).map(drop),
            Change::Set { bytes, expires, tags, .. } => {
                Item::borrowed(&bytes, expires, &tags, |item| self.set(txn, key, item))
            }
        }
    }

    /// Removes everything but what belongs to the store itself; gives the number of entries.
    pub(super) fn clear(self, txn: &mut RwTxn<'_>) -> Attempt<u64> {
        let count = self.count(txn, b"")?;
        self.0.clear(txn)?;
        self.set_version(txn)?;
        Ok(count)
    }

    pub(super) fn count(self, txn: &RoTxn<'_>, prefix: &[u8]) -> Attempt<u64> {
        let mut count = 0;
        for pair in self.0.prefix_iter(txn, &TreeKey::entries_under(prefix))? {
            let (at, value) = pair?;
            count += u64::from(is_under(at, value, prefix));
        }
        Ok(count)
    }

    /// Where entries under a prefix stand, from behind `after`.
    pub(super) fn find_under(self, txn: &RoTxn<'_>, prefix: &[u8], after: Option<&[u8]>) -> Attempt<Found<Vec<u8>>> {
        self.find(txn, &TreeKey::entries_under(prefix), after, Batch::REMOVED, |at, value| {
            Ok(is_under(at, value, prefix).then(|| at.to_vec()))
        })
    }

    /// The same of those that have all of these tags, `tag` and others.
    pub(super) fn find_tagged(
        self,
        txn: &RoTxn<'_>,
        prefix: &[u8],
        (tag, others): (&str, &[&str]),
        after: Option<&[u8]>,
    ) -> Attempt<Found<Vec<u8>>> {
        self.find(txn, &TreeKey::tagged_under(tag.as_bytes(), prefix), after, Batch::REMOVED, |index_key, _| {
            let at = entry_at(index_key, Index::Tag);
            let Some(value) = self.0.get(txn, &at)? else { return Ok(None) };
            let Ok(entry) = Entry::parse(value) else { return Ok(None) };
            let has = |tag: &str| entry.tags().any(|of_entry| of_entry == tag.as_bytes());
            let wanted = has(tag) && others.iter().all(|tag| has(tag)) && is_under(&at, value, prefix);
            Ok(wanted.then_some(at))
        })
    }

    /// Keys and bytes of entries under a prefix, from behind `after`. Those that can't be read are left out.
    pub(super) fn show_under(
        self,
        txn: &RoTxn<'_>,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> Attempt<Found<(Vec<u8>, Vec<u8>)>> {
        self.find(txn, &TreeKey::entries_under(prefix), after, Batch::SHOWN, |at, value| {
            let Ok(entry) = Entry::parse(value) else { return Ok(None) };
            Ok(is_under(at, value, prefix).then(|| (entry.key(place(at)).to_vec(), entry.bytes.to_vec())))
        })
    }

    /// Removes entries that expired at `now` or before; gives their number, and whether there may be more.
    pub(super) fn purge(self, txn: &mut RwTxn<'_>, now: UnixMillis) -> Attempt<(u64, bool)> {
        let most = Batch::REMOVED.entries;
        let mut due = Vec::new();
        // An entry without an end is in no index, so the latest time is never that of one.
        let end = TreeKey::expiry(now.saturating_add(1), b"");
        for pair in self.0.range(txn, &(Bound::Included(&[EXPIRY][..]), Bound::Excluded(&end[..])))?.take(most) {
            due.push(pair?.0.to_vec());
        }
        let mut removed = 0;
        for index_key in &due {
            let at = entry_at(index_key, Index::Expiry);
            // The entry says when it expires: an index that is out of step removes nothing.
            let is_over = match self.0.get(txn, &at)?.map(Entry::parse) {
                Some(Ok(entry)) => entry.expires().is_some_and(|expires| expires <= now),
                Some(Err(_)) => true,
                None => false,
            };
            if is_over {
                removed += u64::from(self.remove_at(txn, &at)?);
            }
            // It is gone with its entry, unless they were out of step.
            self.0.delete(txn, index_key)?;
        }
        Ok((removed, due.len() == most))
    }

    /// Changes something, so that a transaction is counted: pages that one has freed serve the one after the next.
    pub(super) fn note_cleaning(self, txn: &mut RwTxn<'_>, now: UnixMillis) -> Attempt<()> {
        Ok(self.0.put(txn, CLEANED_KEY, &now.to_le_bytes())?)
    }

    /// Where the entry at this key of the tree stands in the indexes.
    fn index_keys(self, txn: &RoTxn<'_>, at: &[u8]) -> Attempt<Vec<TreeKey>> {
        let Some(value) = self.0.get(txn, at)? else { return Ok(Vec::new()) };
        // One that can't be read stands in no index that would lead to it.
        let Ok(entry) = Entry::parse(value) else { return Ok(Vec::new()) };
        let tags = entry.tags().map(|tag| TreeKey::tag(tag, place(at)));
        let expiry = entry.expires().map(|expires| TreeKey::expiry(expires, place(at)));
        Ok(tags.chain(expiry).collect())
    }

    /// Looks at keys of the tree under a prefix of it, from behind `after`, and collects what `wanted` makes of them.
    fn find<'txn, T>(
        self,
        txn: &'txn RoTxn<'_>,
        under: &[u8],
        after: Option<&[u8]>,
        most: Batch,
        wanted: impl Fn(&'txn [u8], &'txn [u8]) -> Attempt<Option<T>>,
    ) -> Attempt<Found<T>> {
        let from = after.map_or(Bound::Included(under), Bound::Excluded);
        let (mut found, mut last, mut bytes) = (Vec::new(), None, 0);
        let pairs = self.0.range(txn, &(from, Bound::Unbounded))?;
        for (looked_at, pair) in pairs.enumerate() {
            let (at, value) = pair?;
            if !at.starts_with(under) {
                break;
            }
            if looked_at == most.entries || bytes >= most.bytes {
                return Ok(Found { found, more_after: last.map(<[u8]>::to_vec) });
            }
            bytes += value.len();
            found.extend(wanted(at, value)?);
            last = Some(at);
        }
        Ok(Found { found, more_after: None })
    }
}

/// Is the entry at this key of the tree under a prefix? One that can't be read is, where its place says so.
fn is_under(at: &[u8], value: &[u8], prefix: &[u8]) -> bool {
    debug_assert_eq!(at.first(), Some(&ENTRY), "only entries are asked for");
    let place = place(at);
    match Entry::parse(value) {
        Ok(entry) => crate::backend::is_under(entry.key(place), prefix),
        Err(_) => crate::backend::is_under(place, prefix),
    }
}
