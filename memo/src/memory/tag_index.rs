//! Which entries of a shard carry which tag, for tags that differ from entry to entry.

use std::collections::{HashMap, HashSet};

use super::policy::SlotId;
use crate::tags::Tag;

/// Costs nothing for entries without tags of their own.
#[derive(Debug, Default)]
pub(crate) struct TagIndex {
    /// By slot, as far as there are any.
    of: Vec<Box<[Tag]>>,
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
        let at = id as usize;
        if self.of.len() <= at {
            self.of.resize_with(at + 1, Box::default);
        }
        self.of[at] = tags.into();
    }

    pub(crate) fn remove(&mut self, id: SlotId) {
        let Some(tags) = self.of.get_mut(id as usize) else { return };
        for tag in std::mem::take(tags) {
            if let Some(entries) = self.entries.get_mut(&tag) {
                entries.remove(&id);
                if entries.is_empty() {
                    self.entries.remove(&tag);
                }
            }
        }
    }

    pub(crate) fn tags(&self, id: SlotId) -> &[Tag] {
        self.of.get(id as usize).map_or(&[], |tags| tags)
    }

    /// The entries that carry all of these tags. Cost: the size of the smallest tag's group.
    pub(crate) fn with_all(&self, tags: &[Tag]) -> Vec<SlotId> {
        let groups: Option<Vec<_>> = tags.iter().map(|tag| self.entries.get(tag)).collect();
        let Some(groups) = groups else { return Vec::new() };
        let Some(smallest) = groups.iter().min_by_key(|group| group.len()) else { return Vec::new() };
        smallest.iter().filter(|id| groups.iter().all(|group| group.contains(id))).copied().collect()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
