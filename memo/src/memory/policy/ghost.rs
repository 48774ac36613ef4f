//! Ghosts: the hashes of entries evicted not long ago.

/// Where an entry was when it was evicted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// The small queue: it was given little time.
    Small,
    /// The main queue, or the small one after main had no place for it: it lost a contest.
    Main,
}

/// What is remembered of an evicted entry: 8 bytes, and nothing beside them.
#[derive(Clone, Copy)]
pub(super) struct Ghost {
    hash: u32,
    /// The entry's [`seen`](super::Meta) when it was evicted.
    pub(super) seen: u16,
    pub(super) origin: Origin,
}

/// Ghosts of one bucket, the latest first. More make the memory more exactly first-in-first-out,
/// fewer keep a bucket within one or two cache lines.
const WAYS: usize = 16;
type Bucket = [Option<Ghost>; WAYS];

/// Even a tiny cache can recognize a working set, if it remembers this many.
const MIN_GHOSTS: usize = 64;

/// A set-associative table in which a bucket's latest ghost displaces its oldest. Two keys with
/// the same 32 bits of hash are taken for one: at worst an entry lands in the wrong queue.
pub(super) struct Ghosts {
    /// Empty until the first eviction.
    buckets: Vec<Bucket>,
    /// Ghosts present, by origin.
    small: usize,
    main: usize,
}

impl Ghosts {
    pub(super) fn new() -> Self {
        Self { buckets: Vec::new(), small: 0, main: 0 }
    }

    /// How many ghosts there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// Ghosts present that came from the small queue and from main.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.small, self.main)
    }

    /// Makes room for about as many ghosts as there are `entries`.
    pub(super) fn resize(&mut self, entries: usize) {
        let wanted = entries.max(MIN_GHOSTS).div_ceil(WAYS);
        // Not for every small change, as the number of entries varies under a bound by weight.
        if wanted > self.buckets.len() + self.buckets.len() / 8 || wanted * 2 < self.buckets.len() {
            let old = core::mem::replace(&mut self.buckets, vec![[None; WAYS]; wanted]);
            (self.small, self.main) = (0, 0);
            for ghost in old.iter().flat_map(|bucket| bucket.iter().rev()).flatten() {
                self.push(ghost.hash, ghost.seen, ghost.origin);
            }
        }
    }

    /// Remembers an evicted entry. Without room ([`Ghosts::resize`]) it is forgotten at once.
    pub(super) fn push(&mut self, hash: u32, seen: u16, origin: Origin) {
        let Some(bucket) = Self::bucket(&mut self.buckets, hash) else {
            return;
        };
        bucket.rotate_right(1);
        let displaced = bucket[0].replace(Ghost { hash, seen, origin });
        *self.count(origin) += 1;
        if let Some(displaced) = displaced {
            *self.count(displaced.origin) -= 1;
        }
    }

    /// Whether an entry with this hash was evicted lately; it is a ghost no more.
    pub(super) fn take(&mut self, hash: u32) -> Option<Ghost> {
        let bucket = Self::bucket(&mut self.buckets, hash)?;
        let at = bucket.iter().position(|ghost| ghost.is_some_and(|ghost| ghost.hash == hash))?;
        let ghost = bucket[at].take()?;
        bucket[at..].rotate_left(1);
        *self.count(ghost.origin) -= 1;
        Some(ghost)
    }

    fn bucket(buckets: &mut [Bucket], hash: u32) -> Option<&mut Bucket> {
        // Mixed first: a shard's hashes may have some bits in common.
        let mixed = u64::from(hash.wrapping_mul(0x9E37_79B1));
        let at = (mixed * buckets.len() as u64) >> 32;
        buckets.get_mut(at as usize)
    }

    fn count(&mut self, origin: Origin) -> &mut usize {
        match origin {
            Origin::Small => &mut self.small,
            Origin::Main => &mut self.main,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Random;
    use super::*;

    fn hash(key: u32) -> u32 {
        (Random(u64::from(key)).next() >> 32) as u32
    }

    fn filled(keys: core::ops::Range<u32>, entries: usize) -> Ghosts {
        let mut ghosts = Ghosts::new();
        ghosts.resize(entries);
        for key in keys {
            ghosts.push(hash(key), 0, if key % 4 == 0 { Origin::Main } else { Origin::Small });
        }
        ghosts
    }

    #[test]
    fn a_ghost_takes_eight_bytes() {
        assert_eq!(core::mem::size_of::<Option<Ghost>>(), 8);
    }

    #[test]
    fn nothing_is_allocated_or_remembered_before_the_first_resize() {
        let mut ghosts = Ghosts::new();
        ghosts.push(1, 0, Origin::Main);
        assert!(ghosts.take(1).is_none());
        assert_eq!((ghosts.capacity(), ghosts.counts()), (0, (0, 0)));
    }

    #[test]
    fn remembers_about_as_many_as_asked_and_the_latest() {
        let mut ghosts = filled(0..10_000, 1_000);
        assert!((1_000..1_016).contains(&ghosts.capacity()));
        assert!((9_700..10_000).all(|key| ghosts.take(hash(key)).is_some()));
        assert!((0..7_000).all(|key| ghosts.take(hash(key)).is_none()));
    }

    #[test]
    fn counts_are_those_of_the_ghosts_present() {
        let mut ghosts = filled(0..5_000, 500);
        ghosts.resize(900);
        ghosts.resize(300);
        let mut expected = ghosts.counts();
        assert!(expected.0 + expected.1 <= ghosts.capacity());
        for key in 0..5_000 {
            match ghosts.take(hash(key)).map(|ghost| ghost.origin) {
                Some(Origin::Small) => expected.0 -= 1,
                Some(Origin::Main) => expected.1 -= 1,
                None => (),
            }
            assert_eq!(ghosts.counts(), expected);
        }
        assert_eq!(expected, (0, 0));
    }

    #[test]
    fn the_oldest_go_first_after_growing_too() {
        let mut ghosts = filled(0..96, 96);
        ghosts.resize(112);
        for key in 1_000..1_050 {
            ghosts.push(hash(key), 0, Origin::Small);
        }
        let mut left = |keys: core::ops::Range<u32>| keys.filter(|&key| ghosts.take(hash(key)).is_some()).count();
        let (old, new) = (left(0..48), left(48..96));
        assert!(new > old + 10, "{old} {new}");
    }

    #[test]
    fn a_ghost_is_found_once() {
        let mut ghosts = filled(0..50, 100);
        assert_eq!(ghosts.take(hash(4)).map(|ghost| ghost.origin), Some(Origin::Main));
        assert!(ghosts.take(hash(4)).is_none());
    }
}
