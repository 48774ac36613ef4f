//! The typed store: values as they are, in this process, bounded or not, and the flights that bring more of them.
//!
//! A hit knows the types and goes straight to its entry. Everything else works on `Store<dyn Cells>`: it is compiled once,
//! and reaches keys and values through [`entries::Rows`].

pub(crate) mod bound;
pub(crate) mod entries;
mod expiry;
pub(crate) mod front;
mod gate;
mod index;
pub(crate) mod locked;
pub(crate) mod policy;
mod shard;
pub(crate) mod stamp;
mod tag_index;
mod write;

use std::{
    any::Any,
    num::NonZeroU64,
    sync::{Arc, atomic::Ordering},
};

use bound::Bound;
use entries::{Entries, Rows, Slot};
pub(crate) use gate::{Entered, Entering, Put};
use index::short;
use shard::{Around, Shard};
use stamp::{Stamp, is_over};

use crate::{
    clock::{self, Millis, NEVER},
    freshness::fingerprint::Fingerprint,
    key::Ask,
    stats::counters::Counters,
    sync::{AtomicU64, Padded, RwLock},
    tags::Tag,
};

/// How a store is built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) max_entries: Option<u64>,
    pub(crate) max_weight: Option<u64>,
    pub(crate) policy: policy::Kind,
    pub(crate) sliding: bool,
    /// Used by one thread only.
    pub(crate) single_thread: bool,
}

impl Settings {
    pub(crate) fn is_bounded(&self) -> bool {
        self.max_entries.is_some() || self.max_weight.is_some()
    }

    /// Does a hit change more than a counter?
    pub(crate) fn is_exclusive(&self) -> bool {
        self.sliding || (self.is_bounded() && self.policy.is_exact())
    }

    /// How many shards: one where the order of eviction is exact or the store small, since every shard evicts for
    /// itself.
    fn shards(&self) -> usize {
        const MOST: usize = 32;
        const ENTRIES_PER_SHARD: u64 = 1024;
        let exact = self.is_bounded() && self.policy != policy::Kind::S3Fifo;
        if self.single_thread || exact || self.max_weight.is_some() {
            return 1;
        }
        let wanted = self.max_entries.map_or(MOST as u64, |most| most / ENTRIES_PER_SHARD);
        usize::try_from(wanted).unwrap_or(MOST).clamp(1, MOST).next_power_of_two().min(MOST)
    }
}

/// A shard, and what is read without its lock.
pub struct Cell<R: ?Sized> {
    /// Rises by two, under the write lock, with every change after which a copy of an old value must not be used.
    generation: AtomicU64,
    /// No entry of the shard expires before this time.
    soonest: AtomicU64,
    shard: RwLock<Shard<R>>,
}

/// The shards of a store; a power of two of them.
pub(crate) struct Shards<K, V>(Box<[OneShard<K, V>]>);

type OneShard<K, V> = Padded<Cell<Entries<K, V>>>;

/// [`Shards`] of any types.
pub trait Cells {
    fn number(&self) -> usize;
    fn get(&self, at: usize) -> &Cell<dyn Rows>;
}

impl<K: 'static, V: 'static> Cells for Shards<K, V> {
    fn number(&self) -> usize {
        self.0.len()
    }

    fn get(&self, at: usize) -> &Cell<dyn Rows> {
        &self.0[at].0
    }
}

/// Which of so many shards a key belongs to.
#[inline]
fn shard_of(hash: u64, number: usize) -> usize {
    // Bits that the index of a shard does not use.
    (hash >> 32) as usize & (number - 1)
}

/// Who wants to know what is changed in a store. What leaves by itself, expired or evicted, is no change.
pub(crate) trait Watch: Send + Sync {
    /// So many entries were stored or removed, or got another end. Under the lock of a shard, perhaps.
    fn changed(&self, entries: u64);

    /// The entries with all of these tags, or all there are, are about to be removed.
    fn clearing(&self, tags: Option<&Arc<[Tag]>>);
}

/// Counts what a store does not hear of, and should.
#[cfg(feature = "stores")]
pub(crate) type Deaf = Arc<std::sync::atomic::AtomicUsize>;

/// `C` is [`Shards`] for those who know the types, `dyn Cells` for all others.
pub(crate) struct Store<C: ?Sized> {
    bound: Arc<Bound>,
    settings: Settings,
    /// A hit needs the write lock.
    exclusive: bool,
    /// No entry of any shard expires before this time.
    soonest: AtomicU64,
    counters: Arc<Counters>,
    watch: Option<Arc<dyn Watch>>,
    /// While it is not 0, what stands behind the store may change without its knowing: it takes nothing.
    #[cfg(feature = "stores")]
    deaf: Option<Deaf>,
    cells: C,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Live,
    Absent,
    Expired,
}

/// Looks at an entry under its shard's lock.
pub(crate) type Read<'a> = &'a mut dyn FnMut(Stored<'_>);

/// An entry as it stands in the store.
pub(crate) struct Stored<'a> {
    shard: &'a Shard<dyn Rows>,
    id: policy::SlotId,
}

impl<'a> Stored<'a> {
    /// A value of the store's type.
    pub(crate) fn value(&self) -> &'a dyn Any {
        self.shard.rows.value(self.id)
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.shard.stamp(self.id)
    }

    pub(crate) fn tags(&self) -> &'a [Tag] {
        self.shard.tags(self.id)
    }

    /// What the dependency looked like that it was made for.
    pub(crate) fn dependency(&self) -> Option<&'a Fingerprint> {
        self.shard.dependency(self.id)
    }
}

impl<K: 'static, V: 'static> Store<Shards<K, V>> {
    /// `same` compares two stored keys.
    pub(crate) fn new(settings: Settings, counters: Arc<Counters>, same: fn(&K, &K) -> bool) -> Self {
        let kind = settings.is_bounded().then_some(settings.policy);
        // Loops, here and elsewhere in what every pair of types pays for: iterators take a compiler longer.
        let mut cells = Vec::with_capacity(settings.shards());
        while cells.len() < settings.shards() {
            let around = Around::new(kind, settings.max_weight.is_some(), settings.sliding);
            cells.push(Padded(Cell {
                generation: AtomicU64::new(0),
                soonest: AtomicU64::new(NEVER),
                shard: RwLock::new(Shard { around, rows: Entries::new(same) }),
            }));
        }
        Self {
            bound: Arc::new(Bound::new(settings.max_entries, settings.max_weight)),
            settings,
            exclusive: settings.is_exclusive(),
            soonest: AtomicU64::new(NEVER),
            counters,
            watch: None,
            #[cfg(feature = "stores")]
            deaf: None,
            cells: Shards(cells.into()),
        }
    }

    /// From now on `watch` is told what changes.
    #[cfg(feature = "stores")]
    pub(crate) fn watched_by(&mut self, watch: Arc<dyn Watch>) {
        self.watch = Some(watch);
    }

    /// From now on it takes nothing while this is not 0.
    #[cfg(feature = "stores")]
    pub(crate) fn deaf_with(self, deaf: Deaf) -> Self {
        Self { deaf: Some(deaf), ..self }
    }

    /// All entries that are alive and not stale, one shard after the other, each shard under its lock.
    pub(crate) fn each(&self, mut see: impl FnMut(&K, &V)) {
        let now = clock::now();
        for Padded(cell) in &self.cells.0 {
            let _under = locked::UnderLock::enter();
            let shard = cell.shard.read();
            for (id, Slot { head, key, value }) in shard.rows.all() {
                if !is_over(shard.around.fresh_until(id, head), || now) {
                    see(key, value);
                }
            }
        }
    }

    #[inline]
    fn typed_cell(&self, hash: u64) -> &Cell<Entries<K, V>> {
        let cells = &self.cells.0;
        &cells[shard_of(hash, cells.len())].0
    }

    /// The generation of a key's shard: read before the entry itself, it tells later whether a copy is still good.
    #[inline]
    pub(crate) fn generation(&self, hash: u64) -> NonZeroU64 {
        NonZeroU64::MIN | self.typed_cell(hash).generation.load(Ordering::Acquire)
    }

    /// Looks a key up for a hit that changes nothing in the store, and counts as a use. `read` runs under the
    /// shard's lock.
    #[inline]
    pub(crate) fn get<T>(
        &self,
        hash: u64,
        is: impl Fn(&K) -> bool,
        read: impl FnOnce(&V, Millis) -> T,
    ) -> Result<T, Found> {
        let shard = self.typed_cell(hash).shard.read();
        let Shard { around, rows } = &*shard;
        let found = around.index.find(short(hash), |id| rows.get(id).is_some_and(|slot| is(&slot.key)));
        let Some(Slot { head, value, .. }) = found.and_then(|id| rows.get(id)) else {
            return Err(Found::Absent);
        };
        let expires = head.expires();
        if is_over(expires, clock::now) {
            return Err(Found::Expired);
        }
        // Costs nothing to note, and nobody looks at it where there is no bound.
        policy::Policy::touch_shared(&head.meta);
        let result = read(value, expires);
        // Moved only now: right after it was written in parts, reading it as a whole stalls.
        drop(shard);
        Ok(result)
    }
}

impl<C: ?Sized> Store<C> {
    /// What the store holds, to be read from elsewhere.
    pub(crate) fn bound(&self) -> &Arc<Bound> {
        &self.bound
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Does a hit change something in the store?
    #[inline]
    pub(crate) fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    fn changed(&self, entries: u64) {
        if let Some(watch) = &self.watch {
            watch.changed(entries);
        }
    }

    fn clearing(&self, tags: Option<&Arc<[Tag]>>) {
        if let Some(watch) = &self.watch {
            watch.clearing(tags);
        }
    }

    /// Is it to take nothing?
    #[cfg(feature = "stores")]
    fn is_deaf(&self) -> bool {
        self.deaf.as_ref().is_some_and(|deaf| deaf.load(Ordering::SeqCst) > 0)
    }

    #[cfg(not(feature = "stores"))]
    #[expect(clippy::unused_self, reason = "with stores, it depends on the store")]
    fn is_deaf(&self) -> bool {
        false
    }

    /// The number of entries, expired ones that are still there included.
    pub(crate) fn len(&self) -> u64 {
        self.bound.entries()
    }

    /// The sum of the weights of all entries; 0 where there is no bound by weight.
    pub(crate) fn weight(&self) -> u64 {
        self.bound.weight()
    }
}

impl Store<dyn Cells> {
    fn cell(&self, hash: u64) -> &Cell<dyn Rows> {
        self.cells.get(shard_of(hash, self.cells.number()))
    }

    fn all_cells(&self) -> impl Iterator<Item = &Cell<dyn Rows>> {
        (0..self.cells.number()).map(|at| self.cells.get(at))
    }

    /// Looks a key up away from the hit path. With `touch` it counts as a use, and what has expired leaves.
    pub(crate) fn visit(&self, hash: u64, key: &dyn Ask, touch: bool, read: Read<'_>) -> Found {
        let found = if touch && self.exclusive {
            let mut shard = self.cell(hash).write();
            let found = shard.lookup(hash, key);
            if let Ok(id) = found {
                shard.touch(id);
                // Who has a stale one does not keep it from becoming older.
                if self.settings.sliding && shard.is_fresh(id) {
                    shard.slide(id, clock::now());
                }
                read(Stored { shard: &shard, id });
            }
            found
        } else {
            let shard = self.cell(hash).read();
            let found = shard.lookup(hash, key);
            if let Ok(id) = found {
                if touch {
                    policy::Policy::touch_shared(&shard.rows.head(id).meta);
                }
                read(Stored { shard: &shard, id });
            }
            found
        };
        match found {
            Ok(_) => Found::Live,
            Err(found) => {
                if touch && found == Found::Expired {
                    self.remove_expired(hash, key);
                }
                found
            }
        }
    }

    /// How many flights stand in the tables.
    #[cfg(all(test, shuttle))]
    pub(crate) fn flights(&self) -> usize {
        self.all_cells().map(|cell| cell.read().around.flights.len()).sum()
    }

    /// Is there a live entry?
    pub(crate) fn contains(&self, hash: u64, key: &dyn Ask) -> bool {
        self.visit(hash, key, false, &mut |_| ()) == Found::Live
    }
}
