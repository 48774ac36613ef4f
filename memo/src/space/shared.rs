//! What all objects of one name share, whatever their tiers are: some of their stores may be the same.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use async_lock::Mutex;

use super::{EntryKey, Face, Stores, owed::Owed};
use crate::{call::home::OfCache, error::Error};

/// Keys are spread over so many locks, under which their entries change.
pub(super) const STRIPES: usize = 32;

/// Keys are spread over so many numbers of changes.
const EPOCHS: usize = 256;

/// What objects of one name share.
pub(super) struct Shared {
    /// What changes the entries of some of the keys does so under one of these.
    pub(super) stripes: [Arc<Mutex<()>>; STRIPES],
    /// Rise with every change of some of the keys: what was read before is not carried on after it.
    epochs: [AtomicU64; EPOCHS],
    /// What their stores have not confirmed.
    pub(super) owed: Owed,
    /// Those of the objects.
    stores: parking_lot::Mutex<Vec<Weak<Stores>>>,
}

#[expect(clippy::cast_possible_truncation, reason = "any bits of the hash do")]
fn low(hash: u64) -> usize {
    hash as usize
}

/// The number of a key's stripe.
pub(super) fn stripe_of(hash: u64) -> usize {
    low(hash) % STRIPES
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            stripes: std::array::from_fn(|_| Arc::default()),
            epochs: std::array::from_fn(|_| AtomicU64::new(0)),
            owed: Owed::default(),
            stores: parking_lot::Mutex::default(),
        })
    }

    pub(super) fn join(&self, stores: &Arc<Stores>) {
        let mut all = self.stores.lock();
        all.retain(|stores| stores.strong_count() > 0);
        all.push(Arc::downgrade(stores));
    }

    pub(super) fn stripe(&self, hash: u64) -> &Arc<Mutex<()>> {
        &self.stripes[stripe_of(hash)]
    }

    pub(super) fn epoch(&self, hash: u64) -> &AtomicU64 {
        &self.epochs[low(hash) % EPOCHS]
    }

    /// Notes a change of a key.
    pub(super) fn changed(&self, hash: u64) {
        self.epoch(hash).fetch_add(1, Ordering::Release);
    }

    /// Notes changes of any keys.
    pub(super) fn all_changed(&self) {
        for epoch in &self.epochs {
            epoch.fetch_add(1, Ordering::Release);
        }
    }
}

impl Stores {
    /// Those of other objects of the name, with other tiers, which may have a store in common with these.
    fn others(&self) -> Vec<Arc<Self>> {
        let all = self.shared.stores.lock();
        let others = all.iter().filter(|other| !std::ptr::eq(other.as_ptr(), self));
        let mut others: Vec<Arc<Self>> = others.filter_map(Weak::upgrade).collect();
        // Not under the lock: one that is dropped here may be the last.
        drop(all);
        others.retain(|other| self.tiers.meet(&other.tiers));
        others
    }

    /// The live cache objects whose entries stand here, or may do so.
    pub(crate) fn caches(&self) -> Vec<OfCache> {
        let mut caches = self.own_caches();
        for other in self.others() {
            caches.extend(other.own_caches());
        }
        caches
    }

    /// Has the tiers have what waits in the queues of other objects under these keys, in their turns: it is older than what
    /// is about to be done to them.
    pub(super) async fn settle_others(&self, face: Face, keys: &[&EntryKey]) -> Result<(), Error> {
        for other in self.others() {
            for key in keys {
                other.settle_under(face, &key.all_versions()).await?;
            }
        }
        Ok(())
    }

    /// The same for all keys.
    pub(super) async fn settle_all_others(&self, face: Face) -> Result<(), Error> {
        for other in self.others() {
            other.settle_under(face, self.prefix.as_bytes()).await?;
        }
        Ok(())
    }
}
