//! When expired entries are swept out of the stores that are open: once in an interval, whoever writes to them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use super::{Store, store::WeakStore};
use crate::clock::{self, Millis};

/// Where something is written, expired entries are swept out this often.
const EVERY: Millis = 60_000;

/// When one store is swept next.
pub(crate) struct Sweep(AtomicU64);

/// Of the stores that are open.
static SWEEPS: Mutex<Vec<(WeakStore, Arc<Sweep>)>> = Mutex::new(Vec::new());

impl Sweep {
    pub(crate) fn of(store: &Store) -> Arc<Self> {
        let mut sweeps = SWEEPS.lock();
        sweeps.retain(|(known, _)| known.is_open());
        if let Some((_, sweep)) = sweeps.iter().find(|(known, _)| known.is(store)) {
            return sweep.clone();
        }
        let sweep = Arc::new(Self(AtomicU64::new(clock::now().saturating_add(EVERY))));
        sweeps.push((store.downgrade(), sweep.clone()));
        sweep
    }

    /// Is it due? Then it is the caller's to do.
    pub(crate) fn is_due(&self) -> bool {
        let (now, due) = (clock::now(), self.0.load(Ordering::Relaxed));
        let next = now.saturating_add(EVERY);
        now >= due && self.0.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
