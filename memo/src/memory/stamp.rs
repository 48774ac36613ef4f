//! When an entry was made, until when it is fresh, when it ends, and whether hits put that off.

use crate::clock::{Millis, NEVER};

/// The times of an entry, in milliseconds of the process's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    created: Millis,
    /// From then on it is of no use to anybody.
    expires: Millis,
    /// The time to live that a hit begins anew; 0: none.
    window: Millis,
    /// So long before its end it is stale.
    grace: Millis,
    /// How early it may be made anew while it is fresh: what it cost times β, in microseconds; 0: not at all.
    early: u32,
}

/// A draw of an early refresh is at most so many times what it is about: −ln of the smallest number drawn.
const LONGEST_DRAW: u64 = 45;

impl Stamp {
    pub(crate) fn new(created: Millis, expires: Millis) -> Self {
        Self { created, expires, window: 0, grace: 0, early: 0 }
    }

    /// Fresh until what was its end, and then stale until so long after it was made.
    pub(crate) fn stale_until(self, age: Millis) -> Self {
        if self.expires == NEVER || self.expires <= self.created {
            return self;
        }
        let expires = self.created.saturating_add(age).clamp(self.expires, (NEVER - 1).max(self.expires));
        Self { expires, grace: expires - self.expires, ..self }
    }

    /// The last part of its time it is stale.
    pub(crate) fn with_grace(self, grace: Millis) -> Self {
        Self { grace: if self.expires == NEVER { 0 } else { grace }, ..self }
    }

    /// With so many microseconds, the cost times β, by which a refresh may come early.
    pub(crate) fn early_by(self, early: u32) -> Self {
        Self { early: if self.expires == NEVER { 0 } else { early }, ..self }
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

    pub(crate) fn grace(self) -> Millis {
        self.grace
    }

    pub(crate) fn early(self) -> u32 {
        self.early
    }

    /// From then on it is stale; its end, if it never is.
    pub(crate) fn fresh_until(self) -> Millis {
        if self.expires == NEVER { NEVER } else { self.expires.saturating_sub(self.grace) }
    }

    /// Until then a hit needs to know nothing but that.
    pub(crate) fn plain_until(self) -> Millis {
        match self.fresh_until() {
            NEVER => NEVER,
            fresh => fresh.saturating_sub((u64::from(self.early) * LONGEST_DRAW).div_ceil(1000)),
        }
    }

    /// Its times once a hit has begun its time to live anew.
    pub(crate) fn restarted(self, now: Millis) -> Self {
        if self.window == 0 || self.expires == NEVER {
            return self;
        }
        Self { expires: now.saturating_add(self.window).saturating_add(self.grace).min(NEVER - 1), ..self }
    }

    /// Is there more to know of it than when it was made and when it ends?
    pub(super) fn is_simple(self) -> bool {
        self.grace == 0 && self.early == 0
    }

    /// The times of a copy in memory before stores. It does not slide: it ends when a hit would restart the entry, so that
    /// the stores are asked for it, and restart it.
    pub(crate) fn of_copy(self, now: Millis) -> Self {
        if self.window == 0 {
            return self;
        }
        let due = restarts_from(self.fresh_until(), self.window);
        // It is due and still was not restarted if a store failed, which need not be asked again at once.
        let end = if due > now { due } else { now.saturating_add(self.window / TOLERANCE) };
        Self::new(self.created, end.min(self.expires)).early_by(self.early)
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
