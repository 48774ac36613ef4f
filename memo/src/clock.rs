//! The only place that reads the time, and the test clock that can stand in for it.
//!
//! Entries in memory carry milliseconds on a monotonic clock. The clock is coarse (it moves with the kernel's tick, 1 to
//! 10 ms) because a precise one would cost more than the rest of a hit. Entries in stores outside the process carry
//! milliseconds since the Unix epoch.

use std::{
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// Milliseconds on the process's clock. [`NEVER`] is later than all.
pub(crate) type Millis = u64;

/// The expiry of what does not expire.
pub(crate) const NEVER: Millis = u64::MAX;

/// Where the monotonic clock begins: some years from 0, so that what was stored before the machine started has a time, too.
const START: Millis = 1 << 38;

/// Milliseconds of a duration, rounded up, so that a short time to live does not become none.
pub(crate) fn millis(duration: Duration) -> Millis {
    let whole = u64::try_from(duration.as_millis()).unwrap_or(NEVER - 1);
    let rest = u64::from(!duration.subsec_nanos().is_multiple_of(1_000_000));
    whole.saturating_add(rest).min(NEVER - 1)
}

/// Has there ever been a test clock?
static TESTED: AtomicBool = AtomicBool::new(false);
/// How far the clock stands ahead of the machine's, in milliseconds.
static AHEAD: AtomicU64 = AtomicU64::new(0);
/// The time at which a test clock stands; 0 when there is none.
static FROZEN: AtomicU64 = AtomicU64::new(0);

/// The same time since the Unix epoch. The two clocks of the machine tick apart; those of a test do not.
static FROZEN_UNIX: AtomicU64 = AtomicU64::new(0);

/// The present, in milliseconds. Cost: one coarse clock read (5 to 8 ns).
#[inline]
pub(crate) fn now() -> Millis {
    if TESTED.load(Ordering::Acquire) { now_in_tests() } else { machine() }
}

#[cold]
fn now_in_tests() -> Millis {
    match FROZEN.load(Ordering::Acquire) {
        0 => machine().saturating_add(AHEAD.load(Ordering::Relaxed)),
        frozen => frozen,
    }
}

#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn machine() -> Millis {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    START + time.tv_sec.cast_unsigned() * 1000 + time.tv_nsec.cast_unsigned() / 1_000_000
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn machine() -> Millis {
    use std::{sync::OnceLock, time::Instant};
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    START + millis(BEGUN.get_or_init(Instant::now).elapsed())
}

/// The present in milliseconds since the Unix epoch.
pub(crate) fn unix_now() -> u64 {
    let wall = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, millis);
    if !TESTED.load(Ordering::Acquire) {
        return wall();
    }
    match FROZEN_UNIX.load(Ordering::Acquire) {
        0 => wall().saturating_add(AHEAD.load(Ordering::Relaxed)),
        frozen => frozen,
    }
}

/// The present by the wall clock.
pub(crate) fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(unix_now())
}

/// The time since the Unix epoch that belongs to a time on the process's clock, by this present of both.
pub(crate) fn unix(at: Millis, (now, unix_now): (Millis, u64)) -> Option<u64> {
    (at != NEVER).then(|| unix_now.saturating_add(at).saturating_sub(now))
}

/// The time on the process's clock that belongs to a time since the Unix epoch.
#[cfg(feature = "stores")]
pub(crate) fn from_unix(at: Option<u64>, (now, unix_now): (Millis, u64)) -> Millis {
    at.map_or(NEVER, |at| now.saturating_add(at).saturating_sub(unix_now).min(NEVER - 1))
}

/// The wall-clock time that belongs to a time on the process's clock.
pub(crate) fn system_time(at: Millis) -> SystemTime {
    let (now, wall) = (now(), SystemTime::now());
    if at >= now { wall + Duration::from_millis(at - now) } else { wall - Duration::from_millis(now - at) }
}

/// Is the time standing still, so that real waiting says nothing about it?
pub(crate) fn is_frozen() -> bool {
    FROZEN.load(Ordering::Acquire) != 0
}

/// A clock that stands still until it is told to move: time for tests.
///
/// It is process-wide: while one exists, all caches of the process see its time, and a second
/// [`install`](Self::install) waits until the first is dropped. When it is dropped, time goes on from where the
/// test clock stood (or from real time, if that is later), so it never runs backwards.
///
/// ```
/// use memo::{memoize, clock::TestClock};
/// use std::time::Duration;
///
/// #[memoize(ttl = "5m")]
/// fn rate(currency: &str) -> u32 {
///     currency.len() as u32
/// }
///
/// let clock = TestClock::install();
/// rate("EUR");
/// clock.advance(Duration::from_secs(299));
/// rate("EUR");
/// assert_eq!(memo::cache_info(rate).hits, 1);
/// clock.advance(Duration::from_secs(1));
/// rate("EUR"); // expired: runs again
/// assert_eq!(memo::cache_info(rate).misses, 2);
/// ```
#[derive(Debug)]
#[must_use = "the clock stands still only as long as this value lives"]
pub struct TestClock {
    _only: MutexGuard<'static, ()>,
}

static ONLY: Mutex<()> = Mutex::new(());

/// What sleeps until some time, to be told that it jumped.
static SLEEPER: OnceLock<fn()> = OnceLock::new();

/// Has something called whenever the time jumps; there is room for one.
pub(crate) fn when_moved(wake: fn()) {
    SLEEPER.get_or_init(|| wake);
}

fn moved() {
    if let Some(wake) = SLEEPER.get() {
        wake();
    }
}

impl TestClock {
    /// Stops the process's clock at the present.
    pub fn install() -> Self {
        let only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
        FROZEN_UNIX.store(unix_now(), Ordering::Release);
        FROZEN.store(now(), Ordering::Release);
        TESTED.store(true, Ordering::Release);
        Self { _only: only }
    }

    /// Moves the clock forward. Waits with a timeout that is reached by this end.
    pub fn advance(&self, by: Duration) {
        FROZEN_UNIX.fetch_add(millis(by), Ordering::AcqRel);
        FROZEN.fetch_add(millis(by), Ordering::AcqRel);
        moved();
    }
}

impl Drop for TestClock {
    fn drop(&mut self) {
        let stood = FROZEN.load(Ordering::Acquire);
        // If real time has overtaken it meanwhile, that is where time goes on.
        AHEAD.store(stood.saturating_sub(machine()), Ordering::Relaxed);
        FROZEN.store(0, Ordering::Release);
        FROZEN_UNIX.store(0, Ordering::Release);
        moved();
    }
}
