//! The front: a small table per thread of entries that the thread hit lately, so that hot keys are read without
//! touching anything that threads share.
//!
//! A copy is used only as long as the generation of its shard, which every removal and replacement raises, is the
//! one under which it was read. So an invalidation reaches all fronts the moment it returns, and none has to be told.
//! Eviction does not raise the generation: a copy may outlive it until its time is up.
//!
//! Only types without drop glue are copied: nothing that the user can observe outlives its invalidation, and the size
//! of an entry is all the memory it takes. Where the front does not profit, it switches itself off for a while.

use std::{cell::Cell, mem};

use super::Store;
use crate::{
    clock::{self, Millis, NEVER},
    key::Query,
};

/// Bytes that all fronts of a thread may take.
const THREAD_BUDGET: usize = 1 << 20;
/// Bytes that the front of one store may take.
const STORE_BUDGET: usize = 256 << 10;
/// The largest entry worth a place.
const LARGEST: usize = 128;
/// Entries are looked for in this many neighbouring places.
const WAYS: usize = 2;
/// Misses after which the front asks whether it profits.
const WINDOW: u32 = 512;
/// Lookups that pass an unprofitable front by before it gets another chance.
const PAUSE: u32 = 16 * 1024;
/// In a bounded store, every so many uses of a copy count as one of the entry itself.
const PASS_ON: u32 = 64;

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

struct Copy<K, V> {
    hash: u64,
    generation: u64,
    expires: Millis,
    uses: u32,
    key: K,
    value: V,
}

/// The front of one store on one thread.
pub(crate) struct Front<K, V> {
    copies: Box<[Option<Copy<K, V>>]>,
    misses: u32,
    /// The thread's hits at the start of the window.
    hits_before: u32,
    /// Lookups that still pass the front by.
    pause: u32,
    /// What this front counts for in the thread's budget.
    bytes: usize,
    pass_on: bool,
}

impl<K, V> Front<K, V> {
    /// A front for a store, if the store's values are simple enough and a hit changes nothing in it.
    pub(crate) fn new(store: &Store<K, V>) -> Option<Self> {
        use super::policy::Kind;
        let simple = !mem::needs_drop::<K>() && !mem::needs_drop::<V>() && size_of::<(K, V)>() <= LARGEST;
        let settings = store.settings();
        let bounded = settings.is_bounded();
        let exact = bounded && settings.policy != Kind::S3Fifo;
        let front = Self { copies: Box::new([]), misses: 0, hits_before: 0, bytes: 0, pause: 0, pass_on: bounded };
        (simple && !exact && !settings.sliding && !settings.single_thread).then_some(front)
    }

    /// A copy of the key's value, if there is one that is still good.
    #[inline]
    pub(crate) fn get(
        &mut self,
        query: &impl Query<Owned = K>,
        hash: u64,
        generation: u64,
        clone: impl FnOnce(&V) -> V,
    ) -> Option<V> {
        if self.copies.is_empty() {
            return None;
        }
        let set = self.set(hash);
        for copy in self.copies.get_mut(set..set + WAYS)?.iter_mut().flatten() {
            if copy.hash == hash && copy.generation == generation && query.matches(&copy.key) {
                if copy.expires != NEVER && copy.expires <= clock::now() {
                    return None;
                }
                copy.uses += 1;
                if self.pass_on && copy.uses.is_multiple_of(PASS_ON) {
                    return None;
                }
                return Some(clone(&copy.value));
            }
        }
        None
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash do")]
    fn set(&self, hash: u64) -> usize {
        // The length is a power of two.
        (hash as usize).wrapping_mul(WAYS) & self.copies.len().wrapping_sub(1)
    }

    /// Keeps a copy of what a lookup found, `hits` being the thread's hits so far.
    pub(crate) fn keep(
        &mut self,
        store: &Store<K, V>,
        hits: u32,
        copy: (u64, u64, Millis),
        pair: impl FnOnce() -> (K, V),
    ) {
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        self.misses += 1;
        if self.misses >= WINDOW || self.copies.is_empty() {
            self.judge(store, hits);
        }
        let (hash, generation, expires) = copy;
        if self.copies.is_empty() {
            return;
        }
        let set = self.set(hash);
        let Some(places) = self.copies.get_mut(set..set + WAYS) else { return };
        let stale = |place: &Option<Copy<K, V>>| {
            place.as_ref().is_none_or(|old| old.hash == hash || old.generation != generation)
        };
        let at = places.iter().position(stale).unwrap_or_else(|| {
            // The older of the two goes.
            places.rotate_right(1);
            0
        });
        let (key, value) = pair();
        places[at] = Some(Copy { hash, generation, expires, uses: 0, key, value });
    }

    /// A window is over: a front that does not answer half of the lookups grows or, where it can't, rests.
    #[cold]
    fn judge(&mut self, store: &Store<K, V>, hits: u32) {
        let all = hits.wrapping_sub(self.hits_before);
        let first = self.copies.is_empty();
        if (first || all < 2 * self.misses) && !self.grow(store) && !first {
            self.copies = Box::new([]);
            self.give_back();
            self.pause = PAUSE;
        }
        (self.misses, self.hits_before) = (0, hits);
    }

    /// Makes the front as large as the store needs, within the budgets; says whether it grew.
    fn grow(&mut self, store: &Store<K, V>) -> bool {
        let place = size_of::<Option<Copy<K, V>>>();
        let now = self.copies.len();
        let free = THREAD_BUDGET.saturating_sub(BYTES.get()) + self.bytes;
        let most = previous_power_of_two(STORE_BUDGET.min(free) / place);
        let entries = usize::try_from(store.len()).unwrap_or(usize::MAX);
        let wanted = entries.saturating_mul(4).clamp(64, 1 << 20).next_power_of_two().min(most);
        if wanted <= now || wanted < WAYS {
            return false;
        }
        self.copies = std::iter::repeat_with(|| None).take(wanted).collect();
        self.give_back();
        self.bytes = wanted * place;
        BYTES.set(BYTES.get() + self.bytes);
        true
    }

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
