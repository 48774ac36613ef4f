//! Row 7: the test clock itself.

use std::time::{Duration, SystemTime};

use memo::{cache_entry, cache_get, clock::TestClock, memoize};

#[test]
fn time_stands_still_until_it_is_told_to_move() {
    #[memoize(ttl = "1ms")]
    fn cached(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    cached(1);
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(30) {
        std::hint::spin_loop();
    }
    assert_eq!(cache_get!(cached(1)), Some(1));
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache_get!(cached(1)), None);
}

#[test]
fn time_never_runs_backwards() {
    #[memoize(ttl = 1_000)]
    fn cached(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    cached(1);
    clock.advance(Duration::from_secs(999));
    drop(clock);
    let entry = cache_entry!(cached(1)).expect("lives");
    assert!(entry.age() >= Duration::from_secs(999), "{:?}", entry.age());
    let clock = TestClock::install();
    clock.advance(Duration::from_secs(1));
    assert_eq!(cache_get!(cached(1)), None);
}

#[test]
fn only_one_clock_is_installed_at_a_time() {
    let clock = TestClock::install();
    let (send, receive) = std::sync::mpsc::channel();
    let second = std::thread::spawn(move || {
        let second = TestClock::install();
        send.send(()).expect("received");
        drop(second);
    });
    assert!(receive.try_recv().is_err());
    drop(clock);
    receive.recv().expect("installed after the first was dropped");
    second.join().expect("no panic");
}

#[test]
fn wall_clock_times_go_with_it() {
    #[memoize(ttl = 100)]
    fn cached(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    cached(1);
    clock.advance(Duration::from_secs(40));
    let entry = cache_entry!(cached(1)).expect("lives");
    let left = entry.expires_at().and_then(|at| at.duration_since(SystemTime::now()).ok()).expect("in the future");
    assert!(left <= Duration::from_mins(1) && left > Duration::from_secs(50), "{left:?}");
}
