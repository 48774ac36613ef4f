//! One shard: entries with their index, order of eviction, due times and tags, and the flights that are to bring more.

use super::{
    Found,
    entries::{Gone, Head, Rows},
    expiry::Expiry,
    index::{Index, short},
    policy::{Kind, Links, Meta, Policy, SlotId, Slots},
    stamp::{Stamp, is_over},
    tag_index::TagIndex,
};
use crate::{
    clock::{self, Millis},
    flight::table::{Flights, Place},
    freshness::fingerprint::Fingerprint,
    key::Ask,
    tags::Tag,
};

/// What is stored beside key and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct New<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) tags: &'a [Tag],
    pub(crate) dependency: Option<&'a Fingerprint>,
    pub(crate) weight: u64,
}

/// `R` is [`Entries`](super::entries::Entries) for those who know its types, `dyn Rows` for all others.
pub(crate) struct Shard<R: ?Sized> {
    pub(super) around: Around,
    pub(super) rows: R,
}

/// All that does not depend on the types of key and value.
pub(super) struct Around {
    pub(super) index: Index,
    pub(super) flights: Flights,
    policy: Option<Policy>,
    expiry: Expiry,
    tags: TagIndex,
    asides: Vec<Aside>,
    free: Vec<SlotId>,
    /// By slot; kept only in a store that is bounded by weight.
    weights: Option<Vec<u64>>,
    /// The times to live that hits begin anew, by slot; kept only in a store where there are any.
    windows: Option<Vec<Millis>>,
    /// Of entries whose heads don't say when they end, but until when a hit needs to know no more; by slot. Kept from when there is
    /// the first.
    later: Option<Vec<Later>>,
    /// What entries depend on, by slot. Kept from when there is the first that depends on something.
    dependencies: Option<Vec<Option<Fingerprint>>>,
}

/// What comes after the time that an entry's head tells.
#[derive(Clone, Copy, Default)]
struct Later {
    /// 0: the head tells all.
    expires: Millis,
    grace: Millis,
    early: u32,
}

/// What a hit does not look at of an entry, in 20 bytes.
#[derive(Clone, Copy)]
struct Aside {
    links: Links,
    hash: u32,
    /// When it was made, in milliseconds, in two halves of 32 and 16 bits.
    created: (u32, u16),
}

impl Aside {
    fn new(hash: u32, created: Millis) -> Self {
        // More than 9,000 years do not fit, and do not happen.
        let high = u16::try_from(created >> 32).unwrap_or(u16::MAX);
        Self { links: Links::NONE, hash, created: (short(created), high) }
    }

    fn created(self) -> Millis {
        let (low, high) = self.created;
        Millis::from(low) | Millis::from(high) << 32
    }
}

/// The entries as a policy sees them.
struct View<'a> {
    rows: &'a mut dyn Rows,
    asides: &'a mut [Aside],
}

impl Slots for View<'_> {
    fn hash(&self, id: SlotId) -> u32 {
        self.asides[id as usize].hash
    }

    fn meta(&self, id: SlotId) -> &Meta {
        &self.rows.head(id).meta
    }

    fn meta_mut(&mut self, id: SlotId) -> &mut Meta {
        &mut self.rows.head_mut(id).meta
    }

    fn links(&self, id: SlotId) -> Links {
        self.asides[id as usize].links
    }

    fn links_mut(&mut self, id: SlotId) -> &mut Links {
        &mut self.asides[id as usize].links
    }
}

impl Around {
    pub(super) fn new(policy: Option<Kind>, weighted: bool, sliding: bool) -> Self {
        Self {
            index: Index::new(),
            flights: Flights::new(),
            policy: policy.map(Policy::new),
            expiry: Expiry::new(),
            tags: TagIndex::default(),
            asides: Vec::new(),
            free: Vec::new(),
            weights: weighted.then(Vec::new),
            windows: sliding.then(Vec::new),
            later: None,
            dependencies: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.asides.len() - self.free.len()
    }

    /// A slot for one more entry, if there are numbers left.
    fn slot(&mut self, aside: Aside) -> Option<SlotId> {
        if let Some(id) = self.free.pop() {
            self.asides[id as usize] = aside;
            return Some(id);
        }
        let id = SlotId::try_from(self.asides.len()).ok().filter(|id| *id < Index::MOST)?;
        self.asides.push(aside);
        Some(id)
    }

    fn note(&mut self, id: SlotId, new: New<'_>) {
        self.expiry.push(new.stamp.expires(), id);
        self.tags.insert(id, new.tags);
        if let Some(weights) = &mut self.weights {
            set(weights, id, new.weight);
        }
        if let Some(windows) = &mut self.windows {
            set(windows, id, new.stamp.window());
        }
        self.note_later(id, new.stamp);
        if self.dependencies.is_some() || new.dependency.is_some() {
            set(self.dependencies.get_or_insert_default(), id, new.dependency.cloned());
        }
    }

    fn note_later(&mut self, id: SlotId, stamp: Stamp) {
        if self.later.is_none() && stamp.is_simple() {
            return;
        }
        let expires = if stamp.is_simple() { 0 } else { stamp.expires() };
        let later = Later { expires, grace: stamp.grace(), early: stamp.early() };
        set(self.later.get_or_insert_default(), id, later);
    }

    /// When an entry ends.
    pub(super) fn end(&self, id: SlotId, head: &Head) -> Millis {
        self.later(id).map_or_else(|| head.expires(), |later| later.expires)
    }

    /// When an entry becomes stale, or ends.
    pub(super) fn fresh_until(&self, id: SlotId, head: &Head) -> Millis {
        self.later(id).map_or_else(|| head.expires(), |later| later.expires.saturating_sub(later.grace))
    }

    fn later(&self, id: SlotId) -> Option<Later> {
        let later = self.later.as_ref()?.get(id as usize)?;
        Some(*later).filter(|later| later.expires != 0)
    }

    /// The time to live that a hit begins anew; 0: none.
    fn window(&self, id: SlotId) -> Millis {
        self.windows.as_ref().and_then(|windows| windows.get(id as usize)).copied().unwrap_or(0)
    }

    pub(super) fn weight(&self, id: SlotId) -> u64 {
        self.weights.as_ref().and_then(|weights| weights.get(id as usize)).copied().unwrap_or(0)
    }

    /// An entry is about to leave; the policy knows already.
    fn forget(&mut self, id: SlotId) {
        let hash = |id| self.asides[id as usize].hash;
        self.index.remove(hash(id), id, &hash);
        self.tags.remove(id);
        if let Some(dependencies) = &mut self.dependencies {
            set(dependencies, id, None);
        }
        self.free.push(id);
    }
}

fn set<T: Default>(column: &mut Vec<T>, id: SlotId, value: T) {
    let at = id as usize;
    if column.len() <= at {
        column.resize_with(at + 1, T::default);
    }
    column[at] = value;
}

impl Shard<dyn Rows> {
    /// The entry of a key, expired or not.
    pub(super) fn find(&self, hash: u64, key: &dyn Ask) -> Option<SlotId> {
        self.around.index.find(short(hash), |id| self.rows.has_key(id, key))
    }

    /// The entry of the key that is parked there.
    pub(super) fn find_parked(&self, hash: u64, at: Place) -> Option<SlotId> {
        self.around.index.find(short(hash), |id| self.rows.has_parked_key(id, at))
    }

    /// The live entry of a key.
    pub(super) fn lookup(&self, hash: u64, key: &dyn Ask) -> Result<SlotId, Found> {
        let id = self.find(hash, key).ok_or(Found::Absent)?;
        if self.is_live(id) { Ok(id) } else { Err(Found::Expired) }
    }

    pub(super) fn is_live(&self, id: SlotId) -> bool {
        !is_over(self.end(id), clock::now)
    }

    /// Is it alive, and not stale?
    pub(super) fn is_fresh(&self, id: SlotId) -> bool {
        !is_over(self.stamp(id).fresh_until(), clock::now)
    }

    fn end(&self, id: SlotId) -> Millis {
        self.around.end(id, self.rows.head(id))
    }

    /// The times of an entry.
    pub(super) fn stamp(&self, id: SlotId) -> Stamp {
        let (created, window) = (self.around.asides[id as usize].created(), self.around.window(id));
        let stamp = Stamp::new(created, self.end(id)).sliding(window);
        self.around.later(id).map_or(stamp, |later| stamp.with_grace(later.grace).early_by(later.early))
    }

    /// Gives an entry other times.
    fn set_stamp(&mut self, id: SlotId, stamp: Stamp) {
        self.rows.head_mut(id).set_expires(stamp.plain_until());
        self.around.note_later(id, stamp);
    }

    pub(super) fn tags(&self, id: SlotId) -> &[Tag] {
        self.around.tags.tags(id)
    }

    pub(super) fn dependency(&self, id: SlotId) -> Option<&Fingerprint> {
        self.around.dependencies.as_ref()?.get(id as usize)?.as_ref()
    }

    pub(super) fn soonest(&self) -> Millis {
        self.around.expiry.soonest()
    }

    fn policed(&mut self, act: impl FnOnce(&mut Policy, &mut View<'_>)) {
        let Around { policy, asides, .. } = &mut self.around;
        if let Some(policy) = policy {
            act(policy, &mut View { rows: &mut self.rows, asides });
        }
    }

    /// A hit, under the write lock.
    pub(super) fn touch(&mut self, id: SlotId) {
        self.policed(|policy, view| policy.touch(view, id));
    }

    /// Begins the entry's time to live again.
    pub(super) fn slide(&mut self, id: SlotId, now: Millis) {
        if self.around.window(id) != 0 {
            let restarted = self.stamp(id).restarted(now);
            self.set_stamp(id, restarted);
        }
    }

    /// Gives an entry another end, which hits do not put off.
    pub(super) fn retime(&mut self, id: SlotId, expires: Millis) {
        let created = self.around.asides[id as usize].created();
        self.set_stamp(id, Stamp::new(created, expires));
        self.around.expiry.push(expires, id);
        if let Some(windows) = &mut self.around.windows {
            set(windows, id, 0);
        }
    }

    /// Stores an entry under a parked key that has none. False if there is no number left for it.
    pub(super) fn insert(&mut self, hash: u64, key: Place, value: &mut dyn std::any::Any, new: New<'_>) -> bool {
        let aside = Aside::new(short(hash), new.stamp.created());
        let Some(id) = self.around.slot(aside) else { return false };
        self.rows.fill(id, Head::new(new.stamp.plain_until()), key, value);
        let Around { index, asides, .. } = &mut self.around;
        index.insert(short(hash), id, &|id| asides[id as usize].hash);
        self.policed(|policy, view| policy.inserted(view, id));
        self.around.note(id, new);
        self.tidy(new.stamp.created());
        true
    }

    /// Puts another value in an entry's place.
    pub(super) fn replace(&mut self, id: SlotId, value: &mut dyn std::any::Any, new: New<'_>, gone: &mut Gone) {
        self.rows.head_mut(id).set_expires(new.stamp.plain_until());
        self.rows.replace(id, value, gone);
        let aside = &mut self.around.asides[id as usize];
        *aside = Aside { links: aside.links, ..Aside::new(aside.hash, new.stamp.created()) };
        self.touch(id);
        self.around.tags.remove(id);
        self.around.note(id, new);
        self.tidy(new.stamp.created());
    }

    /// Takes an entry out; gives its weight.
    pub(super) fn remove(&mut self, id: SlotId, gone: &mut Gone) -> u64 {
        self.policed(|policy, view| policy.removed(view, id));
        self.let_go(id, gone)
    }

    /// Takes out the entry that the policy gives up first; gives its weight.
    pub(super) fn evict(&mut self, gone: &mut Gone) -> Option<u64> {
        let mut victim = None;
        self.policed(|policy, view| victim = policy.victim(view));
        victim.map(|id| self.let_go(id, gone))
    }

    fn let_go(&mut self, id: SlotId, gone: &mut Gone) -> u64 {
        let weight = self.around.weight(id);
        self.around.forget(id);
        self.rows.take(id, gone);
        weight
    }

    /// Takes out up to `most` expired entries; gives their number and weight.
    pub(super) fn sweep(&mut self, now: Millis, most: u64, gone: &mut Gone) -> (u64, u64) {
        self.tidy(now);
        let (mut count, mut weight) = (0, 0);
        while count < most {
            let Some(id) = self.around.expiry.pop(now) else { break };
            if !self.rows.is_taken(id) {
                continue;
            }
            let expires = self.end(id);
            if expires > now {
                // It slid. Or its place was given to another entry, whose own due time also stands in the heap.
                if self.around.windows.is_some() {
                    self.around.expiry.push(expires, id);
                }
                continue;
            }
            weight += self.remove(id, gone);
            count += 1;
        }
        (count, weight)
    }

    /// The entries that carry all of these tags.
    pub(super) fn with_tags(&self, tags: &[Tag]) -> Vec<SlotId> {
        self.around.tags.with_all(tags)
    }

    /// Takes everything out; gives its number and weight.
    pub(super) fn clear(&mut self, gone: &mut Gone) -> (u64, u64) {
        let count = self.around.len() as u64;
        let weight = self.live().map(|id| self.around.weight(id)).sum();
        self.rows.take_all(gone);
        let around = &mut self.around;
        around.index = Index::new();
        around.expiry.clear();
        around.tags.clear();
        around.asides = Vec::new();
        around.free = Vec::new();
        around.weights = around.weights.is_some().then(Vec::new);
        around.windows = around.windows.is_some().then(Vec::new);
        around.later = None;
        around.dependencies = None;
        if let Some(policy) = &mut around.policy {
            policy.clear();
        }
        (count, weight)
    }

    pub(super) fn with_hash(&self, hash: u64) -> Vec<SlotId> {
        let all = self.around.index.with_hash(short(hash));
        all.into_iter().filter(|id| self.around.asides[*id as usize].hash == short(hash)).collect()
    }

    /// The numbers of all entries.
    pub(super) fn live(&self) -> impl Iterator<Item = SlotId> {
        (0..).take(self.around.asides.len()).filter(|id| self.rows.is_taken(*id))
    }

    /// Makes the heap of due times anew when it holds too many that mean nothing any more, or counts from too long ago.
    fn tidy(&mut self, now: Millis) {
        if self.around.expiry.needs_rebuild(self.around.len(), now) {
            let live: Vec<_> = self.live().map(|id| (self.end(id), id)).collect();
            self.around.expiry.rebuild(now, live.into_iter());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_aside_is_small_and_whole() {
        assert_eq!(size_of::<Aside>(), 20);
        for created in [0, 1, 0xffff_ffff, 0x1_0000_0000, 0xffff_ffff_ffff] {
            assert_eq!(Aside::new(7, created).created(), created);
        }
    }
}
