//! The snapshot that users read.

use std::{borrow::Cow, time::Duration};

use super::{TierInfo, counters::Counts, tiers};

/// Statistics of one memoized function, summed over its instantiations, at the moment they were read.
///
/// They survive clearing; [`reset_stats`](crate::reset_stats) starts them anew.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CacheInfo {
    /// The function's path, or the name given with `name = …`.
    pub name: String,
    /// Calls answered without running the body in them; followers of a running body are among them.
    pub hits: u64,
    /// Calls that ran the body, overwrites included.
    pub misses: u64,
    /// Entries there are now.
    pub size: u64,
    /// Values stored.
    pub stores: u64,
    /// Values that are in the first tier, and wait to be written to the others (`write = "back"`).
    pub queued: u64,
    /// Entries that left because the bound was reached.
    pub evictions: u64,
    /// Entries that left because their time to live had passed.
    pub expirations: u64,
    /// Entries that were deleted or cleared.
    pub invalidations: u64,
    /// Hits that waited for another caller's run of the body.
    pub coalesced: u64,
    /// Calls that went past the cache with `skip_cache!`; they count nowhere else.
    pub skipped: u64,
    /// Failures of the store or of waiting.
    pub errors: u64,
    /// Hits on a value past its time to live.
    pub stale_hits: u64,
    /// Values renewed in the background.
    pub refreshes: u64,
    /// Where entries live: the schemes of the tiers, joined by `+`.
    pub backend: Cow<'static, str>,
    /// What each tier did, the fastest first; one, typed memory, where there are no stores. Those of a function whose entries live
    /// in cache objects are the objects', which are asked by others, too.
    pub tiers: Vec<TierInfo>,
    /// Who leaves first when the bound is reached; `None` without a bound.
    pub policy: Option<&'static str>,
    /// The bound by entries, for each instantiation (with `scope = "thread"`: for each of its threads).
    pub max_entries: Option<u64>,
    /// The bound by weight, likewise.
    pub max_weight: Option<u64>,
    /// The sum of the weights of the entries there are now.
    pub weight: u64,
    /// What precedes the keys of this function in a shared store; empty in memory.
    pub prefix: String,
    /// How values are turned into bytes; `None` in memory.
    pub codec: Option<String>,
    pub(crate) measured: Counts,
    pub(crate) instantiations: Vec<Instantiation>,
}

/// The statistics of one instantiation of a generic function.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Instantiation {
    /// The full path with the types.
    pub name: String,
    /// Its numbers.
    pub info: CacheInfo,
}

impl CacheInfo {
    /// Calls through the cache: hits and misses.
    pub fn calls(&self) -> u64 {
        self.hits + self.misses
    }

    /// The share of hits among all calls, between 0 and 1; 0 if there were none.
    pub fn hit_rate(&self) -> f64 {
        tiers::share(self.hits, self.calls())
    }

    /// The mean time that a run of the body took.
    pub fn mean_cost(&self) -> Duration {
        Duration::from_nanos(self.measured.cost_ns.checked_div(self.measured.runs).unwrap_or(0))
    }

    /// The time that the hits would have taken at the mean cost, less the time spent looking up (measured on a sample).
    pub fn time_saved(&self) -> Duration {
        let saved = u128::from(self.hits) * self.mean_cost().as_nanos();
        let spent = u128::from(self.measured.lookup_ns);
        Duration::from_nanos(u64::try_from(saved.saturating_sub(spent)).unwrap_or(u64::MAX))
    }

    /// One for every instantiation that was used; a function that is not generic has one.
    pub fn instantiations(&self) -> &[Instantiation] {
        &self.instantiations
    }

    /// The sum of two functions of one path.
    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.count(other.measured);
        self.size += other.size;
        self.queued += other.queued;
        self.weight += other.weight;
        tiers::add(&mut self.tiers, other.tiers);
        self.instantiations.extend(other.instantiations);
        self
    }

    /// What there is, for one who counts its own calls, and has entries in a cache with these statistics.
    pub(crate) fn is_in(&mut self, cache: Self) {
        self.size += cache.size;
        self.weight += cache.weight;
        if self.tiers.is_empty() {
            self.tiers = cache.tiers;
        } else {
            tiers::add(&mut self.tiers, cache.tiers);
        }
    }

    pub(crate) fn count(&mut self, counts: Counts) {
        self.measured = self.measured.plus(counts);
        self.hits += counts.hits;
        self.misses += counts.misses;
        self.stores += counts.stores;
        self.evictions += counts.evictions;
        self.expirations += counts.expirations;
        self.invalidations += counts.invalidations;
        self.coalesced += counts.coalesced;
        self.skipped += counts.skipped;
        self.errors += counts.errors;
        self.stale_hits += counts.stale_hits;
        self.refreshes += counts.refreshes;
    }
}
