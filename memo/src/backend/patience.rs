//! Waiting for other processes, which wake nobody: whoever waits has to look again and again. No test counts on how long that takes.

use std::{
    thread,
    time::{Duration, Instant},
};

/// The pauses between two looks, each twice as long as the one before.
pub(super) struct Pauses {
    most: Duration,
    next: Duration,
}

impl Pauses {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { most, next: first.min(most) }
    }

    /// Takes the next one, up to `until`; false if that is over.
    pub(super) fn pause(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::sleep(self.next.min(left));
        self.next = (self.next * 2).min(self.most);
        true
    }
}
