//! Row 64; promises 1, 3, 5, 10: no entry is used, and no run is waited for, that was made before its dependency changed.

use std::{
    pin::pin,
    process::Command,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use memo::{
    Cache, Explanation, cache_delete, cache_entry, cache_get, cache_info, cache_set, clock::TestClock, explain_cache,
    memoize, overwrite_cache, probe, probe::Probe, refresh, skip_cache,
};
use memo_tests::{counts, fresh, within_20_s};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
static STATE: AtomicU64 = AtomicU64::new(1);
static DOWN: AtomicBool = AtomicBool::new(false);

fn begin() -> (MutexGuard<'static, ()>, TestClock) {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    DOWN.store(false, Ordering::SeqCst);
    (alone, TestClock::install())
}

/// 0: it can't be seen.
fn state() -> Probe {
    let state = STATE.load(Ordering::SeqCst);
    probe::try_value(if state == 0 { Err("it is dark") } else { Ok(state) })
}

fn change() {
    STATE.fetch_add(1, Ordering::SeqCst);
}

fn made() -> Result<u64, String> {
    if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(fresh()) }
}

static OBJECT: LazyLock<Cache<u32, u64>> =
    LazyLock::new(|| Cache::builder("dependency object").ttl(10).build().expect("builds"));

struct Settings {
    name: String,
}

impl Settings {
    #[memoize(include(self.name), dependency = probe::value((STATE.load(Ordering::SeqCst), &self.name)))]
    fn method(&self, key: u32) -> u64 {
        fresh() + u64::from(key) + self.name.len() as u64
    }
}

#[memoize(dependency = state())]
fn in_memory(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), scope = "thread")]
fn on_a_thread(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), cache = OBJECT)]
fn in_an_object(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), backend = "memory://dependency")]
fn in_bytes(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), backend = ["memory", "memory://dependency-behind"])]
fn in_tiers(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), backend = ["memory://dependency-first", "memory://dependency-last"], write = "back")]
fn in_a_queue(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), if_absent, max_entries = 10, policy = "lru")]
fn that_yields(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), if_absent, backend = "memory://dependency-yields")]
fn that_yields_in_bytes(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), single_flight = false)]
fn alone(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

/// Checks functions of all kinds.
macro_rules! each {
    ($check:ident) => {
        each!($check: in_memory on_a_thread in_an_object in_bytes in_tiers in_a_queue that_yields that_yields_in_bytes alone);
    };
    ($check:ident: $($function:ident)*) => {$(
        println!("{}", stringify!($function));
        memo::reset_stats($function).expect("it is memoized");
        $check!($function);
    )*};
}

#[test]
fn a_call_after_a_change_runs_the_body_once() {
    macro_rules! check {
        ($f:ident) => {
            let first = $f(1);
            assert_eq!($f(1), first);
            change();
            let second = $f(1);
            assert_ne!(second, first);
            assert_eq!($f(1), second);
            change();
            assert_ne!($f(1), second);
            let info = cache_info($f);
            assert_eq!((info.hits, info.misses, info.errors), (2, 3, 0));
        };
    }
    let _alone = begin();
    each!(check);
}

#[test]
fn addresses_give_only_what_a_call_would_give() {
    macro_rules! check {
        ($f:ident) => {
            let first = $f(2).expect("computed");
            assert_eq!(cache_get!($f(2)), Some(first));
            assert!(explain_cache!($f(2)).is_hit());
            change();
            assert_eq!((cache_get!($f(2)), cache_entry!($f(2)).is_some()), (None, false));
            assert_eq!(explain_cache!($f(2)), Explanation::Dependency);
            assert_eq!(cache_set!($f(2), 7).ok(), Some(()));
            assert_eq!((cache_get!($f(2)), $f(2)), (Some(7), Ok(7)), "what was set is of the state at that time");
            change();
            assert_ne!($f(2), Ok(7));
            change();
            assert_eq!(cache_delete!($f(2)).ok(), Some(true), "it is there, of use or not");
        };
    }
    let _alone = begin();
    each!(check);
}

#[test]
fn what_cannot_be_seen_is_counted_and_nothing_is_used_or_stored() {
    macro_rules! check {
        ($f:ident) => {
            let first = $f(3).expect("computed");
            let state = STATE.swap(0, Ordering::SeqCst);
            let [blind, again] = [$f(3), $f(3)].map(|value| value.expect("computed"));
            assert!(blind != first && again != first && again != blind);
            assert_eq!(cache_get!($f(3)), None);
            assert_eq!(explain_cache!($f(3)), Explanation::Dependency);
            assert!(cache_set!($f(3), 7).is_err_and(|error| error.is_unavailable()));
            overwrite_cache!($f(3)).expect("computed");
            let info = cache_info($f);
            assert_eq!((info.hits, info.misses, info.errors), (0, 4, 3));
            STATE.store(state, Ordering::SeqCst);
            assert_eq!($f(3), Ok(first), "it is what it was");
        };
    }
    let _alone = begin();
    each!(check);
}

#[test]
fn other_modes_do_what_they_do() {
    macro_rules! check {
        ($f:ident) => {
            let first = $f(4);
            change();
            assert_ne!(skip_cache!($f(4)), first);
            assert_eq!(cache_get!($f(4)), None);
            let second = overwrite_cache!($f(4));
            assert_eq!($f(4), second);
            change();
            assert_ne!($f(4), second);
        };
    }
    let _alone = begin();
    each!(check);
}

#[test]
fn arguments_and_receivers_are_seen() {
    let _alone = begin();
    let settings = Settings { name: "a".to_owned() };
    let first = settings.method(1);
    assert_eq!(settings.method(1), first);
    change();
    assert_eq!(cache_get!(settings.method(1)), None);
    assert_ne!(settings.method(1), first);
    assert_eq!(counts(Settings::method), (1, 2, 1));
}

#[test]
fn what_was_stored_for_nothing_is_of_no_use() {
    let _alone = begin();
    OBJECT.set(5, 7).expect("it is set");
    assert_eq!(explain_cache!(in_an_object(5)), Explanation::Dependency);
    let first = in_an_object(5).expect("computed");
    assert_eq!(OBJECT.get(&5).expect("it is asked"), Some(first), "the object itself asks for nothing");
    change();
    assert_eq!(OBJECT.get(&5).expect("it is asked"), Some(first));
    assert_ne!(in_an_object(5), Ok(first));
}

/// A body that waits until it may end.
struct Gate {
    began: Mutex<Sender<()>>,
    ends: Mutex<Receiver<()>>,
}

fn new_gate() -> (&'static Gate, Receiver<()>, Sender<()>) {
    let ((began, has_begun), (end, ends)) = (mpsc::channel(), mpsc::channel());
    let gate = Box::leak(Box::new(Gate { began: Mutex::new(began), ends: Mutex::new(ends) }));
    (gate, has_begun, end)
}

impl Gate {
    fn pass(&self) {
        self.began.lock().expect("whole").send(()).expect("somebody waits");
        self.ends.lock().expect("whole").recv().expect("somebody opens it");
    }
}

#[memoize(exclude(gate), dependency = state())]
fn slow(key: u32, gate: Option<&'static Gate>) -> u64 {
    let state = STATE.load(Ordering::SeqCst);
    if let Some(gate) = gate {
        gate.pass();
    }
    state + u64::from(key)
}

#[memoize(exclude(gate), dependency = state(), backend = ["memory", "memory://dependency-slow"])]
fn slow_in_tiers(key: u32, gate: Option<&'static Gate>) -> u64 {
    let state = STATE.load(Ordering::SeqCst);
    if let Some(gate) = gate {
        gate.pass();
    }
    state + u64::from(key)
}

#[test]
fn a_change_while_the_body_runs_is_seen() {
    macro_rules! check {
        ($f:ident) => {
            let (gate, has_begun, end) = new_gate();
            let leader = thread::spawn(move || $f(1, Some(gate)));
            has_begun.recv().expect("it begins");
            let before = STATE.load(Ordering::SeqCst) + 1;
            change();
            end.send(()).expect("it waits");
            assert_eq!(leader.join().expect("it ends"), before);
            assert_eq!($f(1, None), before + 1, "what it stored is of the state before");
        };
    }
    let _alone = begin();
    each!(check: slow slow_in_tiers);
}

#[test]
fn who_comes_after_a_change_does_not_wait_for_a_run_of_before() {
    macro_rules! check {
        ($f:ident) => {
            let (gate, has_begun, end) = new_gate();
            let leader = thread::spawn(move || $f(2, Some(gate)));
            has_begun.recv().expect("it begins");
            change();
            let now = STATE.load(Ordering::SeqCst) + 2;
            assert_eq!(within_20_s(|| $f(2, None)), now);
            end.send(()).expect("it waits");
            assert_eq!(leader.join().expect("it ends"), now - 1);
            assert_eq!((cache_get!($f(2, _)), $f(2, None)), (Some(now), now), "the older run has stored nothing");
            assert_eq!((cache_info($f).hits, cache_info($f).misses), (1, 2));
        };
    }
    let _alone = begin();
    each!(check: slow slow_in_tiers);
}

#[test]
fn who_comes_in_the_same_state_waits() {
    macro_rules! check {
        ($f:ident) => {
            let (gate, has_begun, end) = new_gate();
            let leader = thread::spawn(move || $f(3, Some(gate)));
            has_begun.recv().expect("it begins");
            let follower = thread::spawn(|| $f(3, None));
            end.send(()).expect("it waits");
            assert_eq!(leader.join().expect("it ends"), follower.join().expect("it ends"));
            assert_eq!((cache_info($f).hits, cache_info($f).misses), (1, 1));
        };
    }
    let _alone = begin();
    each!(check: slow slow_in_tiers);
}

#[memoize(ttl = 10, stale_while_revalidate = 60, dependency = state())]
fn revalidated(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(ttl = 10, stale_while_revalidate = 60, dependency = state(), backend = "memory://dependency-revalidated")]
fn revalidated_in_bytes(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(ttl = 10, stale_if_error = 60, dependency = state())]
fn kept(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(ttl = 10, stale_if_error = 60, dependency = state(), backend = "memory://dependency-kept")]
fn kept_in_bytes(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(ttl = 10, stale_if_error = 60, if_absent, dependency = state())]
fn kept_that_yields(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[test]
fn what_has_changed_is_not_stale_but_gone() {
    let (_alone, clock) = begin();
    macro_rules! check {
        ($f:ident) => {
            let first = $f(1);
            clock.advance(Duration::from_secs(20));
            assert_eq!($f(1), first, "stale");
            refresh::wait();
            let second = $f(1);
            assert_ne!(second, first);
            clock.advance(Duration::from_secs(20));
            change();
            assert_ne!($f(1), second);
            let third = $f(1);
            change();
            DOWN.store(true, Ordering::SeqCst);
            assert_eq!($f(1), Err("down".to_owned()), "{third:?} was of another state");
            DOWN.store(false, Ordering::SeqCst);
        };
    }
    each!(check: revalidated revalidated_in_bytes);
}

#[test]
fn what_has_changed_is_given_where_the_body_fails_if_that_is_said() {
    let (_alone, clock) = begin();
    macro_rules! check {
        ($f:ident) => {
            let first = $f(1);
            change();
            DOWN.store(true, Ordering::SeqCst);
            assert_eq!($f(1), first);
            assert_eq!(cache_get!($f(1)), None);
            assert_eq!(cache_info($f).stale_hits, 1);
            clock.advance(Duration::from_mins(1));
            assert_eq!($f(1), Err("down".to_owned()), "the window is over");
            DOWN.store(false, Ordering::SeqCst);
            let second = $f(1);
            assert!(second.is_ok() && second != first);
            change();
            let third = $f(1);
            assert!(third.is_ok() && third != second, "it does not fail");
            assert_eq!($f(1), third, "nor does it yield to what was kept for the case");
        };
    }
    each!(check: kept kept_in_bytes kept_that_yields);
}

#[memoize(dependency = state())]
async fn in_a_task(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(dependency = state(), backend = ["memory", "memory://dependency-task"])]
async fn in_tiers_of_a_task(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[memoize(ttl = 10, stale_if_error = 60, dependency = state(), cache = OBJECT)]
async fn in_an_object_of_a_task(key: u32) -> Result<u64, String> {
    made().map(|value| value + u64::from(key))
}

#[test]
fn tasks_see_changes_too() {
    macro_rules! check {
        ($f:ident) => {
            let first = $f(6).await;
            assert_eq!($f(6).await, first);
            change();
            assert_eq!(cache_get!($f(6)).await, None);
            assert_eq!(explain_cache!($f(6)).await, Explanation::Dependency);
            let second = $f(6).await;
            assert_ne!(second, first);
            cache_set!($f(6), 7).await.expect("it is set");
            assert_eq!($f(6).await, Ok(7));
            let state = STATE.swap(0, Ordering::SeqCst);
            assert_ne!($f(6).await, Ok(7));
            assert!(cache_set!($f(6), 8).await.is_err());
            STATE.store(state, Ordering::SeqCst);
            assert_eq!($f(6).await, Ok(7));
        };
    }
    let _alone = begin();
    smol::block_on(async {
        each!(check: in_a_task in_tiers_of_a_task in_an_object_of_a_task);
    });
}

#[memoize(dependency = probe::any_of([probe::file_hash(path), state()]))]
async fn content(path: &str) -> u64 {
    fresh() + path.len() as u64
}

#[test]
fn a_task_does_not_read_files_on_its_own_thread() {
    let _alone = begin();
    let dir = tempfile::tempdir().expect("a folder can be made");
    let path = dir.path().join("pipe").to_str().expect("it is a text").to_owned();
    assert!(Command::new("mkfifo").arg(&path).status().expect("there is such a program").success());
    // Whoever reads a pipe waits until somebody writes.
    within_20_s(move || {
        futures::executor::block_on(async {
            let mut call = pin!(content(&path));
            assert!(futures::poll!(call.as_mut()).is_pending());
            std::fs::write(&path, "a").expect("it can be written");
            call.await;
        });
    });
}
