//! Rows 20, 59, 62; promises 1, 3: values that are stale are given at once, and made anew in the background by one.

use std::{
    sync::{
        Arc, Barrier, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use memo::{
    CacheInfo, cache_delete, cache_entry, cache_get, cache_info, clear_tag, clock::TestClock, memoize, overwrite_cache,
    refresh, skip_cache,
};
use memo_tests::{fresh, soon, within_20_s};

/// Refreshes are waited for by all, and time is everybody's.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> (MutexGuard<'static, ()>, TestClock) {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    (alone, TestClock::install())
}

fn pass(clock: &TestClock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

/// Misses, hits, stale ones among them, refreshes.
fn counts(info: &CacheInfo) -> (u64, u64, u64, u64) {
    (info.misses, info.hits, info.stale_hits, info.refreshes)
}

#[memoize(ttl = 10, stale_while_revalidate = 60)]
fn number(name: &str, mut factor: u64, _ignored: &str) -> u64 {
    factor *= name.len() as u64;
    factor + fresh()
}

#[test]
fn a_stale_value_is_given_and_made_anew() {
    let (_alone, clock) = alone();
    let first = number("ab", 100, "");
    pass(&clock, 9);
    assert_eq!(number("ab", 100, ""), first);
    pass(&clock, 2);
    assert_eq!(number("ab", 100, ""), first, "the older value, at once");
    refresh::wait();
    let second = number("ab", 100, "");
    assert!(second > first && second % (1 << 20) == first % (1 << 20), "made of the same arguments");
    assert_eq!(counts(&cache_info(number)), (1, 3, 1, 1));
    pass(&clock, 59);
    assert_eq!(number("ab", 100, ""), second, "also at the end of the window");
    refresh::wait();
    pass(&clock, 60);
    assert!(number("ab", 100, "") > second, "beyond, it is a miss");
    assert_eq!(counts(&cache_info(number)), (2, 4, 2, 2));
}

/// A body that waits until it is told to go on, and says that it has begun.
struct Gate {
    begun: mpsc::Receiver<()>,
    open: mpsc::Sender<()>,
}

type Gated = Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>;

fn gate(gated: &Gated) -> Gate {
    let ((begins, begun), (open, opens)) = (mpsc::channel(), mpsc::channel());
    *gated.lock().expect("no panic") = Some((begins, opens));
    Gate { begun, open }
}

fn pass_gate(gated: &Gated) {
    let gate = gated.lock().expect("no panic").take();
    if let Some((begins, opens)) = gate {
        begins.send(()).expect("the test waits");
        opens.recv().expect("the test goes on");
    }
}

static SLOW: Gated = Mutex::new(None);

#[memoize(ttl = 10, stale_while_revalidate = 60, tag = "slow")]
fn slow(key: u32) -> u64 {
    pass_gate(&SLOW);
    fresh() + u64::from(key)
}

#[test]
fn of_many_callers_none_waits_and_one_refreshes() {
    within_20_s(|| {
        let (_alone, clock) = alone();
        memo::reset_stats(slow).expect("it is memoized");
        let first = slow(1);
        pass(&clock, 11);
        let gate = gate(&SLOW);
        let barrier = Barrier::new(32);
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    barrier.wait();
                    assert_eq!(slow(1), first, "nobody waits for the body, which does not end");
                });
            }
        });
        gate.begun.recv().expect("it begins");
        assert_eq!(slow(1), first);
        gate.open.send(()).expect("it waits");
        refresh::wait();
        assert!(slow(1) > first);
        assert_eq!(counts(&cache_info(slow)), (1, 34, 33, 1));
    });
}

#[test]
fn what_is_invalidated_while_it_is_made_anew_does_not_come_back() {
    type Way = (&'static str, fn() -> bool);
    let ways: [Way; 2] = [
        ("deleted", || cache_delete!(slow(2)).expect("deleted")),
        ("cleared", || clear_tag("slow").expect("cleared").removed() > 0),
    ];
    for (what, invalidate) in ways {
        within_20_s(move || {
            let (_alone, clock) = alone();
            slow(2);
            pass(&clock, 11);
            let gate = gate(&SLOW);
            slow(2);
            gate.begun.recv().expect("it begins");
            assert!(invalidate());
            gate.open.send(()).expect("it waits");
            refresh::wait();
            assert_eq!(cache_get!(slow(2)), None, "{what}");
        });
    }
}

#[memoize(ttl = 10, stale_while_revalidate = 60)]
fn inner(key: u32) -> u64 {
    fresh() + u64::from(key)
}

#[memoize(ttl = 20, stale_while_revalidate = 60)]
fn outer(key: u32) -> u64 {
    inner(key) * 1_000_000
}

#[test]
fn a_refresh_may_call_what_is_refreshed_itself() {
    let (_alone, clock) = alone();
    let first = outer(1);
    pass(&clock, 21);
    assert_eq!(outer(1), first);
    refresh::wait();
    // The outer one took the stale value of the inner one, which was made anew after.
    assert_eq!(outer(1), first);
    assert_eq!((cache_info(outer).refreshes, cache_info(inner).refreshes), (1, 1));
}

#[test]
fn looking_and_setting_count_as_nothing_and_modes_hold() {
    let (_alone, clock) = alone();
    let before = inner(9);
    pass(&clock, 11);
    assert_eq!(cache_get!(inner(9)), Some(before), "what a call would give");
    let entry = cache_entry!(inner(9)).expect("it is there");
    assert!(entry.is_stale() && entry.remaining() == Some(Duration::ZERO));
    assert!(skip_cache!(inner(9)) > before);
    assert_eq!(refresh::pending(), 0, "neither looks for a new one");
    let after = overwrite_cache!(inner(9));
    assert!(after > before && !cache_entry!(inner(9)).expect("it is there").is_stale());
    assert_eq!(inner(9), after);
    pass(&clock, 11);
    memo::cache_set!(inner(9), 7).expect("set");
    assert_eq!(inner(9), 7);
}

struct Source {
    asked: AtomicU32,
}

impl Source {
    #[memoize(ttl = 10, stale_while_revalidate = 60, exclude(self))]
    fn read(&self, key: u32) -> u32 {
        self.asked.fetch_add(1, Ordering::SeqCst) + key
    }
}

#[test]
fn without_arguments_of_its_own_the_first_caller_makes_it_anew() {
    let (_alone, clock) = alone();
    let source = Source { asked: AtomicU32::new(0) };
    assert_eq!(source.read(100), 100);
    pass(&clock, 11);
    assert_eq!(source.read(100), 101, "the caller has what it made");
    assert_eq!(source.read(100), 101);
    assert_eq!(counts(&cache_info(Source::read)), (2, 1, 0, 1));
}

/// Neither `Clone` nor anything else.
struct Log(AtomicU64);

#[derive(Clone)]
struct Shared(Arc<AtomicU64>);

#[memoize(ttl = 10, stale_while_revalidate = 60, exclude(log))]
fn logged(log: &Log, key: u32) -> u64 {
    log.0.fetch_add(1, Ordering::SeqCst) + u64::from(key)
}

#[memoize(ttl = 10, stale_while_revalidate = 60, exclude(shared))]
fn shared(shared: &Shared, key: u32) -> u64 {
    shared.0.fetch_add(1, Ordering::SeqCst) + u64::from(key)
}

#[test]
fn excluded_arguments_are_copied_where_they_can_be() {
    let (_alone, clock) = alone();
    let (log, sharing) = (Log(AtomicU64::new(0)), Shared(Arc::default()));
    assert_eq!((logged(&log, 100), shared(&sharing, 100)), (100, 100));
    pass(&clock, 11);
    assert_eq!((logged(&log, 100), shared(&sharing, 100)), (101, 100), "here by the caller, there in the background");
    refresh::wait();
    assert_eq!((logged(&log, 100), shared(&sharing, 100)), (101, 101));
}

#[memoize(ttl = 10, stale_while_revalidate = 60)]
fn generic<T: Clone + std::hash::Hash + Eq + Send + Sync + 'static, const N: usize>(
    key: T,
    texts: &[String],
) -> (usize, u64) {
    let _ = key;
    (N + texts.len(), fresh())
}

#[memoize(ttl = 10, stale_while_revalidate = 60)]
fn destructured((one, other): (u32, u32), text: Option<&str>) -> u64 {
    u64::from(one + other) + text.map_or(0, |text| text.len() as u64) + fresh()
}

#[memoize(ttl = 10, stale_while_revalidate = 60, scope = "thread")]
fn of_this_thread(key: u32) -> std::rc::Rc<u64> {
    std::rc::Rc::new(fresh() + u64::from(key))
}

#[test]
fn whatever_the_arguments_are() {
    let (_alone, clock) = alone();
    let texts = ["a".to_owned()];
    let first = (generic::<_, 3>('c', &texts), destructured((1, 2), Some("x")), of_this_thread(1));
    assert_eq!(first.0.0, 4);
    pass(&clock, 11);
    // A borrow inside of an argument, and a thread's own store: the caller makes them anew.
    assert_eq!(generic::<_, 3>('c', &texts), first.0);
    assert!(destructured((1, 2), Some("x")) > first.1 && *of_this_thread(1) > *first.2);
    refresh::wait();
    assert!(generic::<_, 3>('c', &texts).1 > first.0.1);
}

#[memoize(ttl = 10, sliding, stale_while_revalidate = 30)]
fn sliding(key: u32) -> u64 {
    fresh() + u64::from(key)
}

#[test]
fn a_hit_that_restarts_the_ttl_restarts_the_window() {
    let (_alone, clock) = alone();
    let first = sliding(1);
    for _ in 0..5 {
        pass(&clock, 9);
        assert_eq!(sliding(1), first);
    }
    assert_eq!(cache_info(sliding).stale_hits, 0);
    pass(&clock, 29);
    assert_eq!(sliding(1), first);
    assert_eq!(cache_info(sliding).stale_hits, 1);
    refresh::wait();
    assert!(sliding(1) > first);
}

#[test]
fn those_that_wait_can_be_dropped() {
    within_20_s(|| {
        let (_alone, clock) = alone();
        let firsts: Vec<u64> = (100..140).map(slow).collect();
        pass(&clock, 11);
        let gates: Vec<Gate> = (100..108)
            .map(|key| {
                let gate = gate(&SLOW);
                slow(key);
                gate.begun.recv().expect("it begins");
                gate
            })
            .collect();
        for key in 108..140 {
            slow(key);
        }
        assert_eq!((refresh::pending(), refresh::cancel(), refresh::pending()), (40, 32, 8));
        for gate in &gates {
            gate.open.send(()).expect("it waits");
        }
        refresh::wait();
        let anew = |key: u32, first: &u64| cache_get!(slow(key)).is_some_and(|value| value > *first);
        let made = (100..).zip(&firsts).filter(|(key, first)| anew(*key, first)).count();
        assert_eq!(made, 8);
        // Who was dropped has not failed: the next caller has it made anew at once.
        slow(139);
        soon("it is made anew", || cache_get!(slow(139)) != Some(firsts[39]));
    });
}
