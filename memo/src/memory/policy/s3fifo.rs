//! Adaptive S3-FIFO, the default policy: needs nothing on a hit but a counter, resists scans and
//! loops, and follows changes of the workload.
//!
//! The frame is S3-FIFO (Yang et al.: "FIFO Queues are All You Need for Cache Eviction", SOSP
//! 2023): newcomers pass through a *small* queue; those used more than once there move on to
//! *main*, the others leave and are remembered as ghosts, and a ghost that returns enters main
//! directly. Main is a clock: its front entry leaves if unused, otherwise pays one use and goes
//! to the back. Three things are added.
//!
//! * **The size of small adapts** to which queue's ghosts return, as in ARC ([`Share`]). One
//!   entry is enough for loops, most of the cache is right where only recency counts.
//! * **A returning ghost must win its place in main**, by the criterion of LIRS (Jiang, Zhang,
//!   SIGMETRICS 2002): it has been away for less time than main's next to go has been idle.
//!   Otherwise a loop a little longer than the cache replaces every entry just before its use.
//!   The loser goes to small, and as a ghost counts as main's: it is main that had no place.
//! * **Main fills first.** Until the cache is full there is no reason to drop anything, and in a
//!   loop what came first is as good as anything else.
//!
//! Time is counted in evictions. Work under the lock is bounded by [`SWEEP`], except that used
//! entries at the front of small move to main at once, each paid for by its uses.

use super::ghost::{Ghosts, Origin};
use super::list::List;

use super::share::Share;
use super::{SlotId, Slots};

/// Values of `Meta::queue`.
const SMALL: u8 = 1;
/// In small, but only because main had no place for it.
const REFUSED: u8 = 2;
const MAIN: u8 = 3;

/// An entry used more often than this in the small queue moves to main.
const PROMOTE_ABOVE: u8 = 1;
/// How many entries of main are inspected at most to find one to drop.
const SWEEP: usize = 16;
/// Ticks in which as many entries leave as the cache holds.
const TICKS: usize = 256;

pub(super) struct S3Fifo {
    small: List,
    main: List,
    ghosts: Ghosts,
    share: Share,
    /// Entries present when victims were asked for lately: the capacity, as far as is known.
    /// 0 before that.
    full: usize,
    /// The time. Wraps; an entry idle for so long that it looks fresh is spared once more.
    tick: u16,
    /// Evictions since the last tick.
    evicted: usize,
}

impl S3Fifo {
    pub(super) fn new() -> Self {
        Self {
            small: List::new(),
            main: List::new(),
            ghosts: Ghosts::new(),
            share: Share::new(),
            full: 0,
            tick: 0,
            evicted: 0,
        }
    }

    pub(super) fn inserted(&mut self, slots: &mut dyn Slots, id: SlotId) {
        let queue = match self.ghosts.take(slots.hash(id)) {
            None if self.has_room() => MAIN,
            None => SMALL,
            Some(ghost) => {
                let wins = self.wins_place(slots, ghost.seen);
                self.share.adapt(ghost.origin, self.full, &self.ghosts);
                if wins { MAIN } else { REFUSED }
            }
        };
        self.enqueue(slots, id, queue);
    }

    pub(super) fn removed(&mut self, slots: &mut dyn Slots, id: SlotId) {
        let queue = slots.meta(id).queue();
        self.queue(queue).unlink(slots, id);
    }

    pub(super) fn victim(&mut self, slots: &mut dyn Slots) -> Option<SlotId> {
        self.learn_size();
        loop {
            if self.small.len() < self.small_target()
                && let Some(id) = self.sweep(slots)
            {
                return Some(self.evict(slots, id));
            }
            // Small has its share, or main gives nothing up: then small pays.
            let Some(id) = self.small.front() else {
                break;
            };
            if slots.meta(id).frequency() <= PROMOTE_ABOVE {
                return Some(self.evict(slots, id));
            }
            self.small.unlink(slots, id);
            self.enqueue(slots, id, MAIN);
        }
        let id = self.main.front()?;
        Some(self.evict(slots, id))
    }

    fn len(&self) -> usize {
        self.small.len() + self.main.len()
    }

    fn queue(&mut self, queue: u8) -> &mut List {
        if queue == MAIN { &mut self.main } else { &mut self.small }
    }

    fn enqueue(&mut self, slots: &mut dyn Slots, id: SlotId, queue: u8) {
        let meta = slots.meta_mut(id);
        meta.set_queue(queue);
        meta.seen = self.tick;
        meta.set_frequency(0);
        self.queue(queue).push_back(slots, id);
    }

    fn evict(&mut self, slots: &mut dyn Slots, id: SlotId) -> SlotId {
        self.removed(slots, id);
        let meta = slots.meta(id);
        let origin = if meta.queue() == SMALL { Origin::Small } else { Origin::Main };
        self.ghosts.push(slots.hash(id), meta.seen, origin);
        self.evicted += 1;
        if self.evicted >= self.full / TICKS {
            self.evicted = 0;
            self.tick = self.tick.wrapping_add(1);
        }
        id
    }

    /// Looks for an unused entry in front of main; the others pay one use each.
    fn sweep(&mut self, slots: &mut dyn Slots) -> Option<SlotId> {
        for _ in 0..SWEEP {
            let id = self.main.front()?;
            if !self.spare(slots, id) {
                return Some(id);
            }
        }
        None
    }

    /// Moves an entry in front of main to the back, if it has been used.
    fn spare(&mut self, slots: &mut dyn Slots, id: SlotId) -> bool {
        let meta = slots.meta_mut(id);
        let frequency = meta.frequency();
        if frequency == 0 {
            return false;
        }
        meta.set_frequency(frequency - 1);
        meta.seen = self.tick;
        self.main.move_to_back(slots, id);
        true
    }

    /// Whether main has a place for an entry evicted earlier that was last `seen` then.
    fn wins_place(&mut self, slots: &mut dyn Slots, seen: u16) -> bool {
        if self.main.len() + self.small_target() < self.full {
            return true;
        }
        for _ in 0..SWEEP {
            let Some(id) = self.main.front() else {
                return true;
            };
            if !self.spare(slots, id) {
                let idle = self.tick.wrapping_sub(slots.meta(id).seen);
                return self.tick.wrapping_sub(seen) < idle;
            }
        }
        false
    }

    /// Whether the cache is filling, for the first time or after many entries left at once.
    fn has_room(&self) -> bool {
        self.full == 0 || self.len() + self.full / 8 + 1 < self.full
    }

    fn learn_size(&mut self) {
        let first = self.full == 0;
        let len = self.len();
        // Under a bound by weight the number varies, and drops where a heavy entry comes in.
        self.full = len.max(self.full - self.full.saturating_sub(len).div_ceil(16));
        self.ghosts.resize(self.full);
        if first {
            self.share.start(self.full, &self.ghosts);
        }
    }

    /// Below this many entries, small takes from main.
    fn small_target(&self) -> usize {
        self.share.entries(self.full, &self.ghosts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Cache, Random};
    use super::super::{Inner, Kind, Slots};
    use super::*;

    fn policy(cache: &Cache) -> &S3Fifo {
        match &cache.policy.0 {
            Inner::S3Fifo(policy) => policy,
            _ => unreachable!(),
        }
    }

    /// Every live entry is in exactly one queue, the one it says, and the ghosts are bounded.
    fn check(cache: &Cache) {
        let s3 = policy(cache);
        let (small, main) = (s3.small.ids(&cache.slab), s3.main.ids(&cache.slab));
        assert!(small.iter().all(|&id| cache.slab.meta(id).queue() != MAIN));
        assert!(main.iter().all(|&id| cache.slab.meta(id).queue() == MAIN));
        let mut listed = [small, main].concat();
        let mut live: Vec<SlotId> = cache.index.values().copied().collect();
        listed.sort_unstable();
        live.sort_unstable();
        assert_eq!(listed, live);
        let (from_small, from_main) = s3.ghosts.counts();
        assert!(from_small + from_main <= s3.ghosts.capacity());
        assert!(s3.small_target() >= 1 && s3.small_target() <= s3.full.max(1));
    }

    #[test]
    fn every_live_entry_is_in_exactly_one_queue() {
        let (mut cache, mut random) = (Cache::new(Kind::S3Fifo), Random(3));
        for step in 0..30_000 {
            // Skewed, so that there are hits, and over a range that moves.
            let range = 1 + random.below(400);
            let key = step / 100 + random.below(range);
            match (random.below(10), cache.index.get(&key).copied()) {
                (0, Some(id)) => cache.remove(id),
                (_, Some(id)) => cache.hit(id),
                (1, None) => {
                    cache.evict();
                }
                (_, None) => {
                    cache.request(key, 120);
                }
            }
            check(&cache);
        }
    }

    #[test]
    fn main_fills_first_then_small_takes_its_share() {
        let mut cache = Cache::new(Kind::S3Fifo);
        (0..1_000).for_each(|key| _ = cache.request(key, 1_000));
        let lens = |cache: &Cache| (policy(cache).small.len(), policy(cache).main.len());
        assert_eq!(lens(&cache), (0, 1_000));
        assert_eq!(policy(&cache).ghosts.capacity(), 0, "before any eviction");
        (1_000..3_000).for_each(|key| _ = cache.request(key, 1_000));
        assert_eq!(lens(&cache), (10, 990));
        assert_eq!(policy(&cache).full, 1_000);
        assert_eq!(policy(&cache).ghosts.capacity(), 1_008);
        check(&cache);
        cache.policy.clear();
        assert_eq!(policy(&cache).ghosts.capacity(), 0);
    }

    #[test]
    fn a_used_entry_of_main_pays_one_use_when_it_is_spared() {
        let mut cache = Cache::new(Kind::S3Fifo);
        let (used, unused) = (cache.insert(1), cache.insert(2));
        (0..3).for_each(|_| cache.hit(used));
        assert_eq!(cache.evict(), Some(unused));
        assert_eq!(cache.slab.meta(used).frequency(), 2);
    }
}
