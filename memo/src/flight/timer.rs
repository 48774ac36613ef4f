//! Wakes waiters at a time: one thread for the process, started by the first alarm. No async runtime is needed.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, Once, PoisonError},
    task::Waker,
    thread,
    time::Duration,
};

use super::slot::next_id;
use crate::clock::{self, Millis};

type Alarms = BTreeMap<(Millis, u64), Waker>;

static ALARMS: Mutex<Alarms> = Mutex::new(BTreeMap::new());
static CHANGED: Condvar = Condvar::new();

fn alarms() -> MutexGuard<'static, Alarms> {
    ALARMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time to be woken at. Dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Alarm {
    at: (Millis, u64),
}

impl Alarm {
    pub(crate) fn new(at: Millis) -> Self {
        Self { at: (at, next_id()) }
    }

    /// Has the time come? If not, `waker` is woken when it does.
    pub(crate) fn poll(&mut self, waker: &Waker) -> bool {
        if clock::now() >= self.at.0 {
            return true;
        }
        start();
        let mut alarms = alarms();
        let replaced = alarms.insert(self.at, waker.clone());
        let is_first = alarms.first_key_value().is_some_and(|(at, _)| *at == self.at);
        drop(alarms);
        drop(replaced);
        if is_first {
            CHANGED.notify_one();
        }
        // The test clock may have moved before the alarm stood.
        clock::now() >= self.at.0
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let waker = alarms().remove(&self.at);
        drop(waker);
    }
}

/// The time jumped.
pub(crate) fn clock_moved() {
    // Under the lock, or the thread could be between reading the clock and going to sleep.
    let _alarms = alarms();
    CHANGED.notify_one();
}

fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let started = thread::Builder::new().name("memo-timer".into()).spawn(run);
        // Without the thread, waits have no timeout; the calls themselves still work.
        drop(started);
    });
}

fn run() {
    let mut alarms = alarms();
    loop {
        let now = clock::now();
        let later = alarms.split_off(&(now + 1, 0));
        let due = std::mem::replace(&mut *alarms, later);
        if !due.is_empty() {
            drop(alarms);
            due.into_values().for_each(Waker::wake);
            alarms = self::alarms();
            continue;
        }
        alarms = match alarms.keys().next() {
            Some((at, _)) if !clock::is_frozen() => {
                let pause = Duration::from_millis(at - now);
                CHANGED.wait_timeout(alarms, pause).unwrap_or_else(PoisonError::into_inner).0
            }
            _ => CHANGED.wait(alarms).unwrap_or_else(PoisonError::into_inner),
        };
    }
}
