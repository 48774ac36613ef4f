//! How fresh a value has to be, and who makes it anew before anybody has to wait.
//!
//! A value is *fresh* for its time to live. Within the windows that a function gives it is *stale* then: good enough to be given
//! while it is being made anew ([`Windows::stale_while_revalidate`]), or when that fails ([`Windows::stale_if_error`]). Windows count
//! from when the value was made, like the time to live. While it is fresh, a value may be made anew *early*, at random and the more
//! probably the nearer its end and the longer it took to make.
//!
//! Who makes it anew claims the key for that ([`claims`]), so that only one does, and so that after a failure nobody tries again for
//! a while. It is done in the background ([`pool`]) where the call can be repeated by itself; else the caller that claimed it does
//! it, and the others have the stale value.

pub(crate) mod claims;
pub(crate) mod depends;
pub(crate) mod fingerprint;
pub(crate) mod pool;
pub(crate) mod repeat;

use crate::{
    clock::{Millis, NEVER},
    memory::stamp::Stamp,
    random::random,
};

/// What an attribute says about values that are not fresh, or soon will not be.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// How old a value may be that is given while it is being made anew; 0: no older than its time to live.
    pub stale_while_revalidate: Millis,
    /// How old a value may be that is given when making it anew fails; 0: none is.
    pub stale_if_error: Millis,
    /// β of an early refresh; 0: none.
    pub early_refresh: f64,
}

/// What an entry that is alive is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// To be given.
    Fresh,
    /// To be given, and made anew meanwhile.
    Due,
    /// To be given if it can't be made anew.
    Spare,
}

/// What an entry that is alive is good for, to a function with these windows, or to somebody without any, to whom nothing stale is
/// good for anything.
pub(crate) fn state(windows: Option<&Windows>, stamp: Stamp, now: Millis) -> State {
    match windows {
        Some(windows) => windows.state(stamp, now),
        None if stamp.grace() > 0 && now >= stamp.fresh_until() => State::Spare,
        None => State::Fresh,
    }
}

impl Windows {
    #[cfg(test)]
    const NONE: Self = Self { stale_while_revalidate: 0, stale_if_error: 0, early_refresh: 0.0 };

    /// The times of a value that took so many nanoseconds to make.
    pub(crate) fn stamp(&self, stamp: Stamp, cost: u64) -> Stamp {
        stamp.stale_until(self.longest()).early_by(self.early(cost))
    }

    /// Is a value, whose dependency has changed, still to be given if making it anew fails?
    pub(crate) fn outlives_a_change(&self, made: Millis, now: Millis) -> bool {
        now < made.saturating_add(self.stale_if_error)
    }

    fn longest(&self) -> Millis {
        self.stale_while_revalidate.max(self.stale_if_error)
    }

    /// β times a cost in nanoseconds, in microseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cost is not negative, and is no more exact than that"
    )]
    pub(crate) fn early(&self, cost: u64) -> u32 {
        (cost as f64 / 1000.0 * self.early_refresh).ceil() as u32
    }

    /// What an entry is good for that is alive.
    pub(crate) fn state(&self, stamp: Stamp, now: Millis) -> State {
        let fresh_until = stamp.fresh_until();
        if fresh_until == NEVER || now < fresh_until {
            return if is_early(stamp.early(), fresh_until.saturating_sub(now)) { State::Due } else { State::Fresh };
        }
        // The longer window ends with the entry.
        let shorter_by = self.longest() - self.stale_while_revalidate;
        if now < stamp.expires().saturating_sub(shorter_by) { State::Due } else { State::Spare }
    }
}

/// Is it time for an early refresh, so many milliseconds before the end? `early` is δ times β, in microseconds. The algorithm is
/// `XFetch` (Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015).
#[expect(clippy::cast_precision_loss, reason = "a random number needs no more bits, nor do times")]
fn is_early(early: u32, left: Millis) -> bool {
    if early == 0 {
        return false;
    }
    // In (0, 1].
    let drawn = ((random() >> 11) + 1) as f64 / (1u64 << 53) as f64;
    -drawn.ln() * f64::from(early) >= left as f64 * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Windows = Windows { stale_while_revalidate: 300, stale_if_error: 500, early_refresh: 0.0 };

    #[test]
    fn windows_count_from_when_the_value_was_made() {
        let stamp = BOTH.stamp(Stamp::new(1000, 1100), 0);
        assert_eq!((stamp.fresh_until(), stamp.plain_until(), stamp.expires()), (1100, 1100, 1500));
        let states = [1000, 1099, 1100, 1299, 1300, 1499].map(|now| BOTH.state(stamp, now));
        let expected = [State::Fresh, State::Fresh, State::Due, State::Due, State::Spare, State::Spare];
        assert_eq!(states, expected);
    }

    #[test]
    fn what_lives_longer_than_its_windows_is_never_stale() {
        let stamp = BOTH.stamp(Stamp::new(1000, 1600), 0);
        assert_eq!((stamp.fresh_until(), stamp.expires()), (1600, 1600));
        assert_eq!(BOTH.stamp(Stamp::new(1000, NEVER), 0), Stamp::new(1000, NEVER));
        assert_eq!(BOTH.stamp(Stamp::new(1000, 1000), 0), Stamp::new(1000, 1000), "nothing lives no time");
    }

    #[test]
    fn a_refresh_is_the_likelier_the_nearer_the_end() {
        let windows = Windows { early_refresh: 1.0, ..Windows::NONE };
        // It took 100 ms.
        let stamp = windows.stamp(Stamp::new(0, 100_000), 100_000_000);
        assert_eq!(stamp.plain_until(), 95_500);
        let share = |now| (0..10_000).filter(|_| windows.state(stamp, now) == State::Due).count();
        assert_eq!(share(95_000), 0);
        // e to the power of minus one, and of minus a tenth.
        assert!((3_400..3_960).contains(&share(99_900)), "{}", share(99_900));
        assert!((8_800..9_300).contains(&share(99_990)), "{}", share(99_990));
    }
}
