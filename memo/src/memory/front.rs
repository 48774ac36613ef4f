//! The front: a small table per thread of entries that the thread hit lately, so that hot keys are read without
//! touching anything that threads share.
//!
//! A copy is used only as long as the generation of its shard, which every removal and replacement raises, is the
//! one under which it was read. So an invalidation reaches all fronts the moment it returns, and none has to be told.
//! Eviction does not raise the generation: a copy may outlive it until its time is up.
//!
//! Only types without drop glue are copied: nothing that anybody can observe outlives its invalidation, the size of an
//! entry is all the memory it takes, and copying allocates nothing. Where the front does not profit, it switches itself
//! off for a while.

use std::{cell::Cell, mem, num::NonZeroU64};

use super::{Settings, policy::Kind};
use crate::{
    clock::{self, Millis, NEVER},
    key::Query,
    sync::per_thread,
};

/// Bytes that all fronts of a thread may take.
const THREAD_BUDGET: usize = 4 << 20;
/// Bytes that the front of one store may take.
const STORE_BUDGET: usize = 1 << 20;
/// The largest entry worth a place.
const LARGEST: usize = 128;
/// Entries are looked for in this many neighbouring places.
const WAYS: usize = 2;
/// Copies made, after which the front asks whether it profits; in a larger table, twice as many as it has places.
const WINDOW: usize = 512;
/// Lookups that pass an unprofitable front by before it gets another chance; twice as many each time that it fails again.
const PAUSE: u32 = 16 * 1024;
const LONGEST_PAUSE: u32 = 16 * 1024 * 1024;
/// In a bounded store, every so many uses of a copy count as one of the entry itself.
const PASS_ON: u32 = 64;

per_thread! {
    static BYTES: Cell<usize> = Cell::new(0);
}

struct Copied<K, V> {
    generation: NonZeroU64,
    expires: Millis,
    /// Uses until one counts as a use of the entry itself.
    uses_left: u32,
    key: K,
    value: V,
}

/// Where an entry's copy may stand.
type Set<K, V> = [Option<Copied<K, V>>; WAYS];

/// The front of one store on one thread.
pub(crate) struct Front<K, V> {
    /// A power of two, or none.
    sets: Box<[Set<K, V>]>,
    /// Copies made in this window: lookups that found none.
    misses: u32,
    /// The thread's hits at the start of the window.
    hits_before: u64,
    /// Lookups that still pass the front by.
    pause: u32,
    /// How long the next pause is.
    next_pause: u32,
    off: bool,
    /// What this front counts for in the thread's budget.
    bytes: usize,
    passes_on_after: u32,
}

impl<K, V> Front<K, V> {
    /// May keys and values be copied at all?
    pub(crate) const POSSIBLE: bool =
        !mem::needs_drop::<K>() && !mem::needs_drop::<V>() && size_of::<(K, V)>() <= LARGEST;

    /// A front for a store that holds so many entries; it stays empty where a hit changes something in the store.
    pub(crate) fn new(settings: &Settings, entries: u64) -> Self {
        let exact = settings.is_bounded() && settings.policy != Kind::S3Fifo;
        let off = !Self::POSSIBLE || exact || settings.sliding || settings.single_thread;
        let passes_on_after = if settings.is_bounded() { PASS_ON } else { u32::MAX };
        let mut front = Self {
            sets: Box::new([]),
            misses: 0,
            hits_before: 0,
            pause: u32::from(off),
            next_pause: PAUSE,
            off,
            bytes: 0,
            passes_on_after,
        };
        if !off {
            // Now, on the way to a miss, so that the first hits need not allocate.
            front.grow(entries);
        }
        front
    }

    /// A copy of the key's value, if there is one that is still good.
    #[inline]
    pub(crate) fn get(
        &mut self,
        query: &impl Query<Owned = K>,
        hash: u64,
        generation: NonZeroU64,
        clone: impl FnOnce(&V) -> V,
    ) -> Option<V> {
        let at = self.at(hash);
        let set = self.sets.get_mut(at)?;
        let good = |copy: &&mut Copied<K, V>| copy.generation == generation && query.matches(&copy.key);
        let copy = set.iter_mut().flatten().find(good)?;
        if copy.expires != NEVER && copy.expires <= clock::now() {
            return None;
        }
        if copy.uses_left == 0 {
            return None;
        }
        copy.uses_left -= 1;
        Some(clone(&copy.value))
    }

    /// Does the front let this lookup's value pass?
    #[inline]
    pub(crate) fn is_resting(&mut self) -> bool {
        if self.pause == 0 {
            return false;
        }
        // A front that is off rests for ever.
        self.pause -= u32::from(!self.off);
        true
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash do")]
    fn at(&self, hash: u64) -> usize {
        hash as usize & self.sets.len().wrapping_sub(1)
    }

    /// Keeps a copy of what a lookup found. `entries`: how many the store holds; `hits`: the thread's hits so far.
    #[inline(never)]
    pub(crate) fn keep(
        &mut self,
        entries: u64,
        hits: u64,
        query: &impl Query<Owned = K>,
        copy: (u64, NonZeroU64, Millis),
        value: impl FnOnce() -> V,
    ) {
        if self.misses as usize >= WINDOW.max(2 * WAYS * self.sets.len()) || self.sets.is_empty() {
            self.judge(entries, hits);
        }
        let (hash, generation, expires) = copy;
        let at = self.at(hash);
        let Some(set) = self.sets.get_mut(at) else { return };
        let stale = |place: &Option<Copied<K, V>>| {
            place.as_ref().is_none_or(|old| old.generation != generation || query.matches(&old.key))
        };
        let at = set.iter().position(stale).unwrap_or_else(|| {
            // A good copy gives way, the older of the two.
            set.rotate_right(1);
            0
        });
        self.misses += 1;
        let (key, value) = (query.to_owned(), value());
        set[at] = Some(Copied { generation, expires, uses_left: self.passes_on_after, key, value });
    }

    /// A window is over: a front that does not answer half of the lookups grows or, where it can't, rests.
    #[cold]
    fn judge(&mut self, entries: u64, hits: u64) {
        let all = hits - self.hits_before;
        let poor = all < 2 * u64::from(self.misses);
        let is_new = self.sets.is_empty();
        if (is_new || poor) && !self.grow(entries) {
            self.sets = Box::new([]);
            self.give_back();
            self.pause = self.next_pause;
            self.next_pause = (2 * self.pause).min(LONGEST_PAUSE);
        } else if !poor && !is_new {
            self.next_pause = PAUSE;
        }
        (self.misses, self.hits_before) = (0, hits);
    }

    /// Makes the front as large as the store needs, within the budgets; says whether it grew.
    fn grow(&mut self, entries: u64) -> bool {
        let place = size_of::<Set<K, V>>();
        let now = self.sets.len();
        let free = THREAD_BUDGET.saturating_sub(BYTES.with(Cell::get)) + self.bytes;
        let most = previous_power_of_two(STORE_BUDGET.min(free) / place);
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        let wanted = entries.saturating_mul(2).clamp(32, 1 << 20).next_power_of_two().min(most);
        if wanted <= now {
            return false;
        }
        let mut sets = Vec::with_capacity(wanted);
        while sets.len() < wanted {
            sets.push([const { None }; WAYS]);
        }
        self.sets = sets.into();
        self.give_back();
        self.bytes = wanted * place;
        BYTES.with(|all| all.set(all.get() + self.bytes));
        true
    }
}

impl<K, V> Front<K, V> {
    fn give_back(&mut self) {
        // While the thread ends, the count may be gone before the front.
        let _ = BYTES.try_with(|all| all.set(all.get() - self.bytes));
        self.bytes = 0;
    }
}

impl<K, V> Drop for Front<K, V> {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn previous_power_of_two(n: usize) -> usize {
    if n == 0 { 0 } else { 1 << n.ilog2() }
}
