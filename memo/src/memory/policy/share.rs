//! How much of the cache the small queue of S3-FIFO may take, learned from returning ghosts.

use super::ghost::{Ghosts, Origin};

/// One entry, in the units of a [`Share`].
const ENTRY: usize = 256;

/// How many ghosts must speak for small before it takes a second place from main. In a small
/// cache full of hot entries a few return by chance, and each place lost costs more than they.
const RESERVE: usize = 12;

/// Adapts as in ARC (Megiddo, Modha: "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST
/// 2003): the return of a ghost that small had dropped says that small was too small, the return
/// of one that main had dropped that main was. A return weighs the more, the fewer ghosts of its
/// kind there are, so that what counts is returns per entry that more room would have kept.
pub(super) struct Share {
    /// Entries that small may hold, in parts of an [`ENTRY`], less one entry and plus the reserve.
    parts: usize,
}

impl Share {
    /// Before the capacity is known.
    pub(super) fn new() -> Self {
        Self { parts: 0 }
    }

    /// Begins with one entry in a hundred, for a cache that holds `full` entries.
    pub(super) fn start(&mut self, full: usize, ghosts: &Ghosts) {
        let one_percent = (full * ENTRY / 100).saturating_sub(ENTRY);
        self.parts = RESERVE * step(full, ghosts) + one_percent;
    }

    /// Lets the queue grow that dropped what has now returned; small up to nine tenths.
    pub(super) fn adapt(&mut self, origin: Origin, full: usize, ghosts: &Ghosts) {
        let (small, main) = ghosts.counts();
        let (small, main) = (small.max(1), main.max(1));
        let step = step(full, ghosts);
        match origin {
            Origin::Small => {
                let grown = self.parts + step * small.max(main) / small;
                self.parts = grown.min(full * ENTRY / 10 * 9);
            }
            Origin::Main => {
                let less = step * small.max(main) / main;
                self.parts = self.parts.saturating_sub(less);
            }
        }
    }

    /// In entries. Small takes places from main while it holds fewer, and gives them up
    /// otherwise.
    pub(super) fn entries(&self, full: usize, ghosts: &Ghosts) -> usize {
        let parts = (self.parts + ENTRY).saturating_sub(RESERVE * step(full, ghosts));
        parts.max(ENTRY) / ENTRY
    }
}

/// What one ghost adds: one entry, or less where there are more ghosts than entries and each
/// therefore says less.
fn step(full: usize, ghosts: &Ghosts) -> usize {
    (full * ENTRY / ghosts.capacity().max(1)).clamp(1, ENTRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ghosts(small: u32, main: u32) -> Ghosts {
        let mut ghosts = Ghosts::new();
        ghosts.resize(1_000);
        for n in 0..small + main {
            let origin = if n < small { Origin::Small } else { Origin::Main };
            ghosts.push(n.wrapping_mul(0x0100_0193), 0, origin);
        }
        assert_eq!(ghosts.counts(), (small as usize, main as usize));
        ghosts
    }

    #[test]
    fn begins_small_and_stays_within_its_limits() {
        let ghosts = ghosts(10, 10);
        let mut share = Share::new();
        share.start(1_000, &ghosts);
        assert_eq!(share.entries(1_000, &ghosts), 10);
        for _ in 0..5_000 {
            share.adapt(Origin::Main, 1_000, &ghosts);
        }
        assert_eq!(share.entries(1_000, &ghosts), 1);
        for _ in 0..5_000 {
            share.adapt(Origin::Small, 1_000, &ghosts);
        }
        assert!((880..=900).contains(&share.entries(1_000, &ghosts)));
    }

    #[test]
    fn a_few_returns_do_not_take_a_place_from_main() {
        let ghosts = ghosts(10, 10);
        let mut share = Share::new();
        for _ in 0..RESERVE {
            share.adapt(Origin::Small, 1_000, &ghosts);
        }
        assert_eq!(share.entries(1_000, &ghosts), 1);
        share.adapt(Origin::Small, 1_000, &ghosts);
        assert!(share.entries(1_000, &ghosts) <= 2);
    }

    #[test]
    fn the_return_of_a_rare_ghost_weighs_more() {
        let ghosts = ghosts(200, 10);
        let mut share = Share::new();
        share.start(1_000, &ghosts);
        for _ in 0..100 {
            share.adapt(Origin::Small, 1_000, &ghosts);
        }
        let before = share.entries(1_000, &ghosts);
        share.adapt(Origin::Main, 1_000, &ghosts);
        let lost = before - share.entries(1_000, &ghosts);
        assert!((19..=20).contains(&lost), "{lost}");
    }
}
