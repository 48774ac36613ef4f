//! Which entries of a shard carry which tag, for tags that differ from entry to entry.

use std::collections::{HashMap, HashSet};

use super::policy::SlotId;
use crate::tags::Tag;

/// Costs nothing for entries without tags of their own.
#[derive(Debug, Default)]
pub(crate) struct TagIndex {
    of: HashMap<SlotId, Box<[Tag]>>,
    entries: HashMap<Tag, HashSet<SlotId>>,
}

impl TagIndex {
    pub(crate) fn insert(&mut self, id: SlotId, tags: &[Tag]) {
        if tags.is_empty() {
            return;
        }
        for tag in tags {
            self.entries.entry(tag.clone()).or_default().insert(id);
        }
        self.of.insert(id, tags.into());
    }

    pub(crate) fn remove(&mut self, id: SlotId) {
        if self.of.is_empty() {
            return;
        }
        for tag in self.of.remove(&id).into_iter().flatten() {
            if let Some(entries) = self.entries.get_mut(&tag) {
                entries.remove(&id);
                if entries.is_empty() {
                    self.entries.remove(&tag);
                }
            }
        }
    }

    pub(crate) fn tags(&self, id: SlotId) -> &[Tag] {
        self.of.get(&id).map_or(&[], |tags| tags)
    }

    /// The entries that carry all of these tags. Cost: the size of the smallest tag's group.
    pub(crate) fn with_all(&self, tags: &[Tag]) -> Vec<SlotId> {
        let groups: Option<Vec<_>> = tags.iter().map(|tag| self.entries.get(tag)).collect();
        let Some(mut groups) = groups else { return Vec::new() };
        groups.sort_by_key(|group| group.len());
        let Some((smallest, others)) = groups.split_first() else { return Vec::new() };
        smallest.iter().filter(|id| others.iter().all(|group| group.contains(id))).copied().collect()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
