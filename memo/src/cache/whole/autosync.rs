//! When a cache saves itself: what has changed is counted, and an alarm set for the time at which it is to be saved.

use std::{
    cell::Cell,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Wake, Waker},
};

use parking_lot::Mutex;

use crate::{
    call::extras::IntoTtl,
    clock::{self, Millis, NEVER},
    error::Error,
    flight::timer::Alarm,
};

/// When a cache in memory saves itself: see [`Builder::autosync`](crate::Builder::autosync).
///
/// A threshold is a number of changes and a time. The cache is saved as soon as for one of its thresholds there are so many
/// changes that are not saved, and the last save (or the start) is so long ago: the rule of Redis's `save 900 1`. By
/// default these are 10,000 changes and 60 seconds, 10 changes and 300 seconds, one change and 900 seconds. So nothing stays
/// unsaved for longer than 900 seconds, nothing is saved more often than every 60, and what changes after a long
/// idle time is saved at once.
///
/// Each value stored, entry removed and expiry moved is a change; what expires or is evicted is none.
///
/// ```
/// use memo::Autosync;
/// use std::time::Duration;
///
/// let often = Autosync::after(1000, Duration::from_secs(5)).or_after(1, 60);
/// # let _ = often;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder takes it"]
pub struct Autosync {
    thresholds: Vec<Threshold>,
}

#[derive(Clone, Copy, Debug)]
struct Threshold {
    changes: u64,
    period: Millis,
}

impl Autosync {
    /// One threshold: so many changes, and so long since the last save (seconds or a `Duration`).
    pub fn after(changes: u64, period: impl IntoTtl) -> Self {
        Self { thresholds: Vec::new() }.or_after(changes, period)
    }

    /// One threshold more.
    pub fn or_after(mut self, changes: u64, period: impl IntoTtl) -> Self {
        // Without an end: never.
        let period = period.into_ttl().0.unwrap_or(NEVER);
        self.thresholds.push(Threshold { changes, period });
        self
    }

    pub(in crate::cache) fn check(&self, cache: &str) -> Result<(), Error> {
        if self.thresholds.iter().any(|threshold| threshold.changes == 0) {
            let message = format!("the cache `{cache}` saves itself after 0 changes: a threshold is 1 at least");
            return Err(Error::config(message));
        }
        Ok(())
    }
}

impl Default for Autosync {
    fn default() -> Self {
        Self::after(10_000, 60_u64).or_after(10, 300_u64).or_after(1, 900_u64)
    }
}

/// What saves itself.
pub(super) trait Saves: Send + Sync {
    /// Has a save begun in the background, if it is due by now.
    fn save_in_background(self: Arc<Self>);
}

/// What has changed since the last save.
pub(super) struct Changes {
    /// None: nobody asks.
    autosync: Option<Autosync>,
    unsaved: AtomicU64,
    next: Mutex<Next>,
    bell: Waker,
}

struct Next {
    /// When the last save began, or was tried.
    since: Millis,
    alarm: Option<(Millis, Alarm)>,
}

/// Wakes a cache that is to save itself.
struct Bell(Weak<dyn Saves>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(cache) = self.0.upgrade() {
            cache.save_in_background();
        }
    }
}

impl Changes {
    pub(super) fn new(autosync: Option<Autosync>, saves: Weak<dyn Saves>) -> Self {
        let next = Next { since: clock::now(), alarm: None };
        Self { autosync, unsaved: AtomicU64::new(0), next: Mutex::new(next), bell: Arc::new(Bell(saves)).into() }
    }

    pub(super) fn are_unsaved(&self) -> bool {
        self.unsaved.load(Ordering::Acquire) > 0
    }

    /// So much has changed. Only when that reaches a threshold, more is done than counting.
    pub(super) fn add(&self, changes: u64) {
        let Some(autosync) = &self.autosync else { return };
        super::exit::arm();
        let before = self.unsaved.fetch_add(changes, Ordering::AcqRel);
        let reached = before + 1..=before + changes;
        if autosync.thresholds.iter().any(|threshold| reached.contains(&threshold.changes)) {
            self.plan();
        }
    }

    /// When the next save is due, the last one having begun at `since`.
    fn due(&self, since: Millis) -> Option<Millis> {
        let unsaved = self.unsaved.load(Ordering::Acquire);
        let thresholds = &self.autosync.as_ref()?.thresholds;
        let reached = thresholds.iter().filter(|threshold| threshold.changes <= unsaved);
        reached.map(|threshold| since.saturating_add(threshold.period)).min().filter(|due| *due != NEVER)
    }

    /// Is a save due by now?
    pub(super) fn is_due(&self) -> bool {
        let since = self.next.lock().since;
        self.due(since).is_some_and(|due| due <= clock::now())
    }

    /// Sets the alarm.
    fn plan(&self) {
        let mut next = self.next.lock();
        let due = self.due(next.since);
        if due == next.alarm.as_ref().map(|(at, _)| *at) {
            return;
        }
        let mut alarm = due.map(|at| (at, Alarm::new(at)));
        let is_over = alarm.as_mut().is_some_and(|(_, alarm)| alarm.poll(&self.bell));
        let before = std::mem::replace(&mut next.alarm, alarm.filter(|_| !is_over));
        drop(next);
        drop(before);
        if is_over {
            self.bell.wake_by_ref();
        }
    }

    /// A save begins. Gives what it is about to save.
    pub(super) fn save_begins(&self) -> u64 {
        let unsaved = self.unsaved.load(Ordering::Acquire);
        let mut next = self.next.lock();
        next.since = clock::now();
        let before = next.alarm.take();
        drop(next);
        drop(before);
        unsaved
    }

    /// A save has ended. What it did not save is due later, counted from its beginning.
    pub(super) fn save_ended(&self, saved: u64) {
        self.unsaved.fetch_sub(saved, Ordering::AcqRel);
        self.plan();
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Does something whose changes to a cache are none of its contents: they are as they were saved.
pub(super) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            let _ = QUIET.try_with(|quiet| quiet.set(self.0));
        }
    }
    let _before = Before(QUIET.try_with(|quiet| quiet.replace(true)).unwrap_or(true));
    work()
}

/// Is the calling thread [quiet](quietly)?
pub(super) fn is_quiet() -> bool {
    QUIET.try_with(Cell::get).unwrap_or(false)
}
