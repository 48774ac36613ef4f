//! How long an item lives, as the protocol says it.

use std::time::{Duration, SystemTime};

use super::wire::Life;
use crate::{backend::UnixMillis, clock};

/// More seconds than these are taken for a time since the Unix epoch.
const MOST_SECONDS: u64 = 30 * 24 * 60 * 60;

impl Life {
    /// Until it is evicted.
    pub(super) const UNBOUNDED: Self = Self(0);
    /// It has ended.
    pub(super) const OVER: Self = Self(-1);

    /// Until a time by our clock, or longer. The server's clock moves once in a second, so it gets one more.
    pub(super) fn until(expires: Option<UnixMillis>) -> Self {
        let Some(expires) = expires else { return Self::UNBOUNDED };
        match expires.saturating_sub(clock::unix_now()) {
            0 => Self::OVER,
            left => Self::of(left.div_ceil(1000).saturating_add(1), SystemTime::now()),
        }
    }

    /// So many seconds. `now` is the machine's time, because the server's moves with that, whatever ours does.
    fn of(seconds: u64, now: SystemTime) -> Self {
        if seconds <= MOST_SECONDS {
            return Self(i32::try_from(seconds).unwrap_or(i32::MAX));
        }
        let now = now.duration_since(SystemTime::UNIX_EPOCH).as_ref().map_or(0, Duration::as_secs);
        // Later than that the protocol can't say.
        i32::try_from(now.saturating_add(seconds)).map_or(Self::UNBOUNDED, Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lives_longer_than_thirty_days_ends_at_a_time() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let lives = [1, MOST_SECONDS, MOST_SECONDS + 1, 1 << 40, u64::MAX].map(|seconds| Life::of(seconds, now).0);
        assert_eq!(lives, [1, 2_592_000, 1_802_592_001, 0, 0]);
    }

    #[test]
    fn no_time_is_cut() {
        let now = clock::unix_now();
        assert_eq!(Life::until(Some(now + 59_500)), Life(61));
        assert!(matches!(Life::until(Some(now + 250)), Life(1 | 2)), "or it is over while this runs");
        assert_eq!((Life::until(None), Life::until(Some(now))), (Life::UNBOUNDED, Life::OVER));
    }
}
