//! Row 53; promise 5: what the network does to a store, a function's callers never notice; `Cache` says it. (What is memoized in
//! `tests/support` would be among the functions of all test programs.)

use std::sync::atomic::{AtomicU32, Ordering};

use memo::{Cache, memoize};
use memo_tests::{
    servers::proxy::{Proxy, Weather},
    until, within_20_s,
};

/// The cache of the functions, behind a proxy.
type Squares = Cache<u64, u64>;

/// How often `square` ran.
static RUNS: AtomicU32 = AtomicU32::new(0);

#[memoize(cache = cache)]
fn square(cache: &Squares, x: u64) -> u64 {
    RUNS.fetch_add(1, Ordering::SeqCst);
    x * x
}

/// What is called in tasks.
#[memoize(cache = cache)]
pub(crate) async fn square_in_a_task(cache: &Squares, x: u64) -> u64 {
    x * x
}

/// A cache behind a proxy: functions return what is right in any weather, and hit again when it is fair. As many are called in each
/// weather as said, and as many in tasks. One test of a process may ask for this.
pub(crate) fn functions_return_what_is_right(
    proxy: &Proxy,
    cache: &Squares,
    calls: u64,
    in_a_task: impl Fn(u64) -> u64,
) {
    for (round, weather) in (0..).zip([Weather::Silent, Weather::Cut, Weather::Garbled, Weather::HalfClosed]) {
        let base = round * 1000;
        assert_eq!(square(cache, base), base * base);
        assert_eq!(in_a_task(base), base * base);
        proxy.set(weather);
        let before = memo::cache_info(square).errors;
        for x in base..base + calls {
            assert_eq!(square(cache, x), x * x, "{weather:?}");
            assert_eq!(in_a_task(x), x * x, "{weather:?}");
        }
        assert!(memo::cache_info(square).errors > before, "what fails is counted: {weather:?}");
        assert!(cache.get(&base).is_err(), "the cache says it: {weather:?}");
        proxy.set(Weather::Fair);
        // Nobody starts anything anew: the next ones find the way again.
        let (there, here) = (cache.clone(), cache.clone());
        within_20_s(move || until(|| there.set(base, base * base).is_ok()));
        within_20_s(move || until(|| here.get(&base).is_ok_and(|found| found == Some(base * base))));
        let runs = RUNS.load(Ordering::SeqCst);
        assert_eq!((square(cache, base), RUNS.load(Ordering::SeqCst)), (base * base, runs), "and functions hit");
    }
}
