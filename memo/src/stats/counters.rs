//! The counters of one instance.
//!
//! What happens on every hit is counted per thread, in cells that only their thread writes and everybody can read;
//! what happens with a run of the body is counted in shared atomics, whose cost the body hides.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering, fence},
    },
    time::Instant,
};

use parking_lot::Mutex;

/// Counters that one thread writes.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ThreadCounters {
    hits: AtomicU64,
    /// Nanoseconds of the lookups that were timed, scaled to all of them.
    lookup_ns: AtomicU64,
}

/// One lookup in this many is timed.
const TIMED: u64 = 256;

impl ThreadCounters {
    /// Counts a hit of the calling thread; true if it is one whose lookup should be timed.
    #[inline]
    pub(crate) fn hit(&self) -> bool {
        // Only this thread writes, so a load and a store do.
        let hits = self.hits.load(Ordering::Relaxed) + 1;
        self.hits.store(hits, Ordering::Relaxed);
        hits.is_multiple_of(TIMED)
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// A lookup that was timed began at `start` and is over now.
    pub(crate) fn lookup_took(&self, start: Instant) {
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let sum = self.lookup_ns.load(Ordering::Relaxed).saturating_add(nanos.saturating_mul(TIMED));
        self.lookup_ns.store(sum, Ordering::Relaxed);
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Shared counters of one instance.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($(#[$doc])* pub(crate) $name: AtomicU64,)*
            threads: Mutex<Threads>,
        }

        /// The counters at one moment.
        #[derive(Clone, Copy, Debug, Default)]
        pub(crate) struct Counts {
            $(pub(crate) $name: u64,)*
        }

        impl Counters {
            fn load(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Counts {
            /// The sum of two instances' counters.
            pub(crate) fn plus(self, other: Self) -> Self {
                Self { $($name: self.$name.saturating_add(other.$name),)* }
            }

            /// What was counted since an earlier moment.
            pub(crate) fn since(self, earlier: Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }
    };
}

/// One of the shared counters.
pub(crate) type Counter = fn(&Counters) -> &AtomicU64;

counters! {
    /// Calls answered from the store, on paths where no thread's own cell is at hand; followers too.
    hits,
    lookup_ns,
    misses,
    stores,
    evictions,
    expirations,
    invalidations,
    coalesced,
    skipped,
    errors,
    /// Hits whose values were stale, and what was given in place of a failure.
    stale_hits,
    /// Runs that made a value anew before anybody had to wait for it.
    refreshes,
    /// Runs of the body whose time was measured, and their nanoseconds.
    runs,
    cost_ns,
}

#[derive(Debug, Default)]
struct Threads {
    live: Vec<Arc<ThreadCounters>>,
    /// When to look for threads that have ended.
    collect_at: usize,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    /// Cells for the calling thread.
    pub(crate) fn thread(&self) -> Arc<ThreadCounters> {
        let mut threads = self.threads.lock();
        if threads.live.len() >= threads.collect_at {
            self.collect(&mut threads);
            threads.collect_at = (2 * threads.live.len()).max(16);
        }
        let cells = Arc::new(ThreadCounters::default());
        threads.live.push(cells.clone());
        cells
    }

    /// Adds the cells of threads that have ended to the shared counters.
    fn collect(&self, threads: &mut Threads) {
        threads.live.retain(|cells| {
            let ended = Arc::strong_count(cells) == 1;
            if ended {
                // What the thread counted last is seen together with its end.
                fence(Ordering::Acquire);
                Self::add(&self.hits, cells.hits.load(Ordering::Acquire));
                Self::add(&self.lookup_ns, cells.lookup_ns.load(Ordering::Acquire));
            }
            !ended
        });
    }

    pub(crate) fn read(&self) -> Counts {
        let threads = self.threads.lock();
        let mut counts = self.load();
        for cells in &threads.live {
            counts.hits += cells.hits.load(Ordering::Relaxed);
            counts.lookup_ns += cells.lookup_ns.load(Ordering::Relaxed);
        }
        counts
    }
}
