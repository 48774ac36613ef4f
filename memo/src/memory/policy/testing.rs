//! Test doubles: a slab of nothing but metadata, a small cache on it, pseudo-random numbers.

use super::{Kind, Links, Meta, Policy, SlotId, Slots};
use std::collections::{HashMap, VecDeque};

/// `SplitMix64` (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u64::from(bound)).expect("below a u32")
    }
}

/// Slots with their keys; freed ones are used again, and fail when looked at meanwhile.
#[derive(Default)]
pub(super) struct Slab {
    pub(super) slots: Vec<Option<(u32, Meta, Links)>>,
    free: Vec<SlotId>,
}

impl Slab {
    pub(super) fn store(&mut self, key: u32) -> SlotId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            SlotId::try_from(self.slots.len() - 1).expect("few slots")
        });
        self.slots[id as usize] = Some((key, Meta::new(), Links::NONE));
        id
    }

    pub(super) fn take(&mut self, id: SlotId) -> u32 {
        self.free.push(id);
        self.slots[id as usize].take().expect("a live slot").0
    }
}

impl Slots for Slab {
    fn hash(&self, id: SlotId) -> u32 {
        let key = self.slots[id as usize].as_ref().expect("a live slot").0;
        (Random(u64::from(key)).next() >> 32) as u32
    }

    fn meta(&self, id: SlotId) -> &Meta {
        &self.slots[id as usize].as_ref().expect("a live slot").1
    }

    fn meta_mut(&mut self, id: SlotId) -> &mut Meta {
        &mut self.slots[id as usize].as_mut().expect("a live slot").1
    }

    fn links(&self, id: SlotId) -> Links {
        self.slots[id as usize].as_ref().expect("a live slot").2
    }

    fn links_mut(&mut self, id: SlotId) -> &mut Links {
        &mut self.slots[id as usize].as_mut().expect("a live slot").2
    }
}

/// What a shard does with a policy, without values.
pub(super) struct Cache {
    kind: Kind,
    pub(super) policy: Policy,
    pub(super) slab: Slab,
    pub(super) index: HashMap<u32, SlotId>,
}

impl Cache {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, policy: Policy::new(kind), slab: Slab::default(), index: HashMap::new() }
    }

    pub(super) fn insert(&mut self, key: u32) -> SlotId {
        let id = self.slab.store(key);
        assert!(self.index.insert(key, id).is_none());
        self.policy.inserted(&mut self.slab, id);
        id
    }

    pub(super) fn hit(&mut self, id: SlotId) {
        if self.kind.is_exact() {
            self.policy.touch(&mut self.slab, id);
        } else {
            Policy::touch_shared(self.slab.meta(id));
        }
    }

    pub(super) fn remove(&mut self, id: SlotId) {
        self.policy.removed(&mut self.slab, id);
        self.index.remove(&self.slab.take(id));
    }

    pub(super) fn evict(&mut self) -> Option<SlotId> {
        let id = self.policy.victim(&mut self.slab)?;
        self.index.remove(&self.slab.take(id));
        Some(id)
    }

    /// A request for `key` at the given capacity: whether it hit.
    pub(super) fn request(&mut self, key: u32, capacity: usize) -> bool {
        if let Some(&id) = self.index.get(&key) {
            self.hit(id);
            return true;
        }
        while self.index.len() >= capacity {
            self.evict();
        }
        self.insert(key);
        false
    }
}

/// Runs an exact policy beside a vector of keys in the order in which they would be evicted;
/// `on_hit` does to the vector what a hit at an index does to the order, and a newcomer goes in
/// where `on_hit` would leave an entry used once.
pub(super) fn check_against_model(kind: Kind, on_hit: impl Fn(&mut Vec<u32>, usize)) {
    let (mut cache, mut random) = (Cache::new(kind), Random(7));
    let mut order: Vec<u32> = Vec::new();
    // Never hit, in the order of insertion: where lfu puts newcomers.
    let mut fresh: VecDeque<u32> = VecDeque::new();
    for key in 0..20_000 {
        let len = u32::try_from(order.len()).expect("at most one per key");
        let pick = random.below(len.max(1)) as usize;
        let chosen = order.get(pick).copied();
        match (random.below(8), chosen) {
            (0..=3, Some(used)) => {
                cache.hit(cache.index[&used]);
                fresh.retain(|&other| other != used);
                on_hit(&mut order, pick);
            }
            (4, Some(gone)) => {
                cache.remove(cache.index[&gone]);
                fresh.retain(|&other| other != gone);
                order.remove(pick);
            }
            (5, Some(_)) => {
                let expected = order.remove(0);
                let id = cache.index[&expected];
                assert_eq!(cache.evict(), Some(id));
                fresh.retain(|&other| other != expected);
            }
            _ => {
                cache.insert(key);
                let at = if kind == Kind::Lfu { fresh.len() } else { order.len() };
                order.insert(at, key);
                fresh.push_back(key);
            }
        }
        assert_eq!(cache.index.len(), order.len());
    }
}
