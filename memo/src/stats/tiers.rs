//! What each tier of a function or cache did: typed memory, and the stores behind it.

use std::sync::Arc;

use super::{CacheInfo, counters::Counts};
use crate::space::{Face, Stores};

/// Statistics of one tier: of typed memory, or of a store.
///
/// ```
/// use memo::memoize;
///
/// #[memoize]
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// square(3);
/// square(3);
/// let info = memo::cache_info(square);
/// let memory = &info.tiers[0];
/// assert_eq!((&*memory.name, memory.hits, memory.misses, memory.size), ("memory", 1, 1, Some(1)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierInfo {
    /// `memory`, or the scheme of the store's URL.
    pub name: String,
    /// Calls that it answered.
    pub hits: u64,
    /// Calls that asked it, and had to go on to the next tier or to the body. One that could not be asked, or had something that
    /// does not verify, is an error instead.
    pub misses: u64,
    /// What failed here: questions, changes, and entries that do not verify or can't be decoded. Objects of one name and store
    /// share this number.
    pub errors: u64,
    /// Entries there are now, expired ones that are still there included. `None` if the store can't count or can't be asked, and
    /// for stores in the statistics of a single instantiation.
    pub size: Option<u64>,
}

impl TierInfo {
    /// The share of hits among all calls that asked it, between 0 and 1; 0 if there were none.
    pub fn hit_rate(&self) -> f64 {
        share(self.hits, self.hits + self.misses)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
pub(super) fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// How often a tier was asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

impl Asked {
    /// What was counted since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { hits: self.hits.saturating_sub(earlier.hits), misses: self.misses.saturating_sub(earlier.misses) }
    }
}

/// The tiers of a function or cache, as they are put together.
pub(crate) struct Tiers {
    all: Vec<TierInfo>,
    has_memory: bool,
    has_stores: bool,
}

impl Tiers {
    /// Before anything is counted.
    pub(crate) fn of(stores: Option<&Arc<Stores>>) -> Self {
        let names = stores.map_or_else(|| vec![("memory".to_owned(), 0)], |stores| stores.failures());
        let all = names.into_iter().map(|(name, _)| TierInfo { name, ..TierInfo::default() }).collect();
        let has_memory = stores.is_none_or(|stores| stores.has_memory());
        Self { all, has_memory, has_stores: stores.is_some() }.with(&[], 0)
    }

    /// With what an instance was asked, and the size of its memory.
    pub(crate) fn with(mut self, asked: &[Asked], in_memory: u64) -> Self {
        for (tier, asked) in self.all.iter_mut().zip(asked) {
            tier.hits += asked.hits;
            tier.misses += asked.misses;
        }
        if let Some(memory) = self.memory() {
            memory.size = Some(memory.size.unwrap_or(0) + in_memory);
        }
        self
    }

    /// With what failed in the stores since an earlier moment, and the sizes that they say they have.
    fn told_by(mut self, stores: &Stores, sizes: &[Option<u64>], failed_before: &[u64]) -> Self {
        let before = failed_before.iter().copied().chain(std::iter::repeat(0));
        for ((tier, (_, failures)), before) in self.all.iter_mut().zip(stores.failures()).zip(before) {
            tier.errors = failures.saturating_sub(before);
        }
        for (tier, size) in self.all.iter_mut().skip(usize::from(self.has_memory)).zip(sizes) {
            tier.size = *size;
        }
        self
    }

    /// The number of entries in the last one.
    fn size(&self) -> u64 {
        self.all.last().and_then(|tier| tier.size).unwrap_or(0)
    }

    /// Puts them, what their stores say, and the sizes into statistics that have their counts. `failed_before`: what had failed in
    /// the stores when those began.
    pub(crate) async fn put(
        mut self,
        face: Face,
        info: &mut CacheInfo,
        (stores, failed_before): (Option<&Arc<Stores>>, &[u64]),
    ) {
        if let Some(stores) = stores {
            self = self.told_by(stores, &stores.sizes(face).await, failed_before);
            info.queued = stores.queued();
        }
        info.size = self.size();
        info.tiers = self.counted(info.measured);
    }

    /// All that is known of them. What memory answered is not counted by itself, which would cost something: it is the hits
    /// that no store had.
    pub(crate) fn counted(mut self, calls: Counts) -> Vec<TierInfo> {
        let in_stores: u64 = self.all.iter().map(|tier| tier.hits).sum();
        let has_stores = self.has_stores;
        if let Some(memory) = self.memory() {
            memory.hits = calls.hits.saturating_sub(calls.coalesced).saturating_sub(in_stores);
            if !has_stores {
                // Who waited for another's run had found nothing.
                memory.misses = calls.misses + calls.coalesced;
            }
        }
        self.all
    }

    fn memory(&mut self) -> Option<&mut TierInfo> {
        self.all.first_mut().filter(|_| self.has_memory)
    }
}

/// Adds the tiers of another function of the same path.
pub(super) fn add(tiers: &mut Vec<TierInfo>, others: Vec<TierInfo>) {
    if !tiers.iter().map(|tier| &tier.name).eq(others.iter().map(|tier| &tier.name)) {
        tiers.extend(others);
        return;
    }
    for (tier, other) in tiers.iter_mut().zip(others) {
        tier.hits += other.hits;
        tier.misses += other.misses;
        tier.errors += other.errors;
        tier.size = tier.size.zip(other.size).map(|(one, other)| one + other);
    }
}
