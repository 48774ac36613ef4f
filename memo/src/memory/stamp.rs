//! When an entry was made, when it ends, and whether hits put that off.

use crate::clock::{Millis, NEVER};

/// The times of an entry, in milliseconds of the process's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    created: Millis,
    expires: Millis,
    /// The time to live that a hit begins anew; 0: none.
    window: Millis,
}

impl Stamp {
    pub(crate) fn new(created: Millis, expires: Millis) -> Self {
        Self { created, expires, window: 0 }
    }

    /// With a time to live that hits begin anew.
    pub(crate) fn sliding(self, window: Millis) -> Self {
        Self { window: if self.expires == NEVER { 0 } else { window }, ..self }
    }

    pub(crate) fn created(self) -> Millis {
        self.created
    }

    pub(crate) fn expires(self) -> Millis {
        self.expires
    }

    pub(crate) fn window(self) -> Millis {
        self.window
    }

    /// The times of a copy in memory before stores. It does not slide: it ends when a hit would restart the entry, so that
    /// the stores are asked for it, and restart it.
    pub(crate) fn of_copy(self, now: Millis) -> Self {
        if self.window == 0 {
            return self;
        }
        let due = restarts_from(self.expires, self.window);
        // It is due and still was not restarted if a store failed, which need not be asked again at once.
        let end = if due > now { due } else { now.saturating_add(self.window / TOLERANCE) };
        Self::new(self.created, end.min(self.expires))
    }
}

/// A hit in a store restarts a time to live of which at least this part has passed: else a hot key would be written with
/// every hit.
const TOLERANCE: Millis = 16;

/// From when on a hit restarts the time to live of an entry with this end and window.
pub(crate) fn restarts_from(expires: Millis, window: Millis) -> Millis {
    expires.saturating_sub(window).saturating_add(window / TOLERANCE)
}

/// Has the time come? The clock is not read for what never expires.
#[inline]
pub(crate) fn is_over(expires: Millis, now: impl FnOnce() -> Millis) -> bool {
    expires != NEVER && expires <= now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_ends_when_the_entry_may_be_restarted() {
        let stamp = Stamp::new(500, 2600).sliding(1600);
        assert_eq!(restarts_from(2600, 1600), 1100);
        assert_eq!(stamp.of_copy(1000), Stamp::new(500, 1100));
        assert_eq!(stamp.of_copy(1099), Stamp::new(500, 1100));
        assert_eq!(stamp.of_copy(1100), Stamp::new(500, 1200), "it was not restarted, so a store has failed");
        assert_eq!(stamp.of_copy(2590), Stamp::new(500, 2600), "never longer than the entry");
        assert_eq!(Stamp::new(500, 2600).of_copy(1000), Stamp::new(500, 2600));
        assert_eq!(Stamp::new(500, NEVER).sliding(1600).of_copy(1000), Stamp::new(500, NEVER));
    }
}
