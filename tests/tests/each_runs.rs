//! Row 66; promises 1 to 4: concurrent calls with keys in common, on threads and in tasks.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use concurrent::Gate;
use futures::future::join;
use memo::{cache_delete, cache_get, cache_info, memoize};
use memo_tests::{soon, within_20_s};

mod concurrent;

/// The runs of a body: what each was asked for.
struct Runs(Mutex<Vec<Vec<u64>>>);

impl Runs {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn note(&self, ids: &[u64]) -> usize {
        let mut runs = self.0.lock().expect("no panic");
        runs.push(ids.to_vec());
        runs.len()
    }

    fn all(&self) -> Vec<Vec<u64>> {
        self.0.lock().expect("no panic").clone()
    }

    fn wait_for(&self, number: usize) {
        soon("a run", || self.all().len() >= number);
    }
}

#[test]
fn calls_that_overlap_in_a_circle_compute_each_key_once() {
    static RUNS: Runs = Runs::new();
    static GATE: Gate = Gate::closed();

    #[memoize(each = ids)]
    fn shared(ids: &[u64]) -> Vec<u64> {
        RUNS.note(ids);
        GATE.wait();
        ids.iter().map(|id| id * 2).collect()
    }

    within_20_s(|| {
        thread::scope(|scope| {
            // One leads 1 and 2, the other 3; then each wants what the other leads.
            let one = scope.spawn(|| shared(&[1, 2]));
            RUNS.wait_for(1);
            let other = scope.spawn(|| shared(&[3, 2, 1]));
            RUNS.wait_for(2);
            let third = scope.spawn(|| shared(&[2, 4, 3]));
            RUNS.wait_for(3);
            GATE.open();
            assert_eq!(one.join().expect("no panic"), [2, 4]);
            assert_eq!(other.join().expect("no panic"), [6, 4, 2]);
            assert_eq!(third.join().expect("no panic"), [4, 8, 6]);
        });
        assert_eq!(RUNS.all(), [vec![1, 2], vec![3], vec![4]]);
        let info = cache_info(shared);
        assert_eq!((info.misses, info.hits, info.coalesced), (4, 4, 4));
    });
}

#[test]
fn two_that_lead_what_the_other_wants_do_not_wait_in_a_circle() {
    static RUNS: Runs = Runs::new();
    static GATE: Gate = Gate::closed();

    /// Between its two keys the other call starts: it is asked for them while it is in the middle of asking.
    #[memoize(each = ids, key = { halfway(*ids); *ids })]
    fn shared(ids: &[u64]) -> Vec<u64> {
        RUNS.note(ids);
        ids.iter().map(|id| id * 2).collect()
    }

    static HALFWAY: std::sync::Barrier = std::sync::Barrier::new(2);
    thread_local!(static SECOND: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });

    fn halfway(id: u64) {
        if SECOND.get() == id {
            HALFWAY.wait();
        }
    }

    let call = |ids: [u64; 2]| {
        SECOND.set(ids[1]);
        shared(&ids)
    };
    within_20_s(move || {
        GATE.open();
        thread::scope(|scope| {
            let one = scope.spawn(|| call([1, 2]));
            let other = scope.spawn(|| call([2, 1]));
            assert_eq!((one.join().expect("no panic"), other.join().expect("no panic")), (vec![2, 4], vec![4, 2]));
        });
        let mut runs = RUNS.all();
        runs.sort();
        assert_eq!(runs, [[1], [2]], "each leads its first, and waits for the other's");
    });
}

#[test]
fn who_waited_in_vain_computes_what_is_missing_in_one_run() {
    static RUNS: Runs = Runs::new();
    static GATE: Gate = Gate::closed();

    #[memoize(each = ids)]
    #[expect(clippy::needless_pass_by_value, reason = "every run has its own")]
    fn shared(ids: &[u64], suffix: String) -> Vec<String> {
        let is_first = RUNS.note(ids) == 1;
        if is_first {
            GATE.wait();
            panic!("the first one");
        }
        ids.iter().map(|id| format!("{id}{suffix}")).collect()
    }

    within_20_s(|| {
        thread::scope(|scope| {
            let first = scope.spawn(|| catch_unwind(|| shared(&[1, 2, 3], "!".to_owned())));
            RUNS.wait_for(1);
            let second = scope.spawn(|| shared(&[1, 2, 3, 4], "!".to_owned()));
            RUNS.wait_for(2);
            GATE.open();
            assert!(first.join().expect("no panic").is_err());
            assert_eq!(second.join().expect("no panic"), ["1!", "2!", "3!", "4!"]);
        });
        assert_eq!(RUNS.all(), [vec![1, 2, 3], vec![4], vec![1, 2, 3]]);
    });
}

#[test]
fn an_error_reaches_those_who_waited_for_it() {
    static RUNS: Runs = Runs::new();
    static GATE: Gate = Gate::closed();

    #[memoize(each = ids)]
    fn shared(ids: &[u64]) -> Result<Vec<u64>, String> {
        RUNS.note(ids);
        GATE.wait();
        if ids.contains(&1) { Err("no 1".to_owned()) } else { Ok(ids.to_vec()) }
    }

    within_20_s(|| {
        thread::scope(|scope| {
            let first = scope.spawn(|| shared(&[1, 2]));
            RUNS.wait_for(1);
            let second = scope.spawn(|| shared(&[2, 3]));
            RUNS.wait_for(2);
            GATE.open();
            assert_eq!(first.join().expect("no panic"), Err("no 1".to_owned()));
            assert_eq!(second.join().expect("no panic"), Err("no 1".to_owned()), "it waited for 2");
        });
        assert_eq!(shared(&[2, 3]), Ok(vec![2, 3]));
        assert_eq!(RUNS.all(), [vec![1, 2], vec![3], vec![2]], "3 was kept, what failed was not");
    });
}

#[test]
fn an_error_that_nobody_can_share_makes_all_run() {
    static RUNS: Runs = Runs::new();
    static GATE: Gate = Gate::closed();

    #[derive(Debug, PartialEq)]
    struct Odd(u64);

    #[memoize(each = ids)]
    fn shared(ids: &[u64]) -> Result<HashMap<u64, u64>, Odd> {
        if RUNS.note(ids) == 1 {
            GATE.wait();
            return Err(Odd(ids[0]));
        }
        Ok(ids.iter().map(|id| (*id, *id)).collect())
    }

    within_20_s(|| {
        thread::scope(|scope| {
            let first = scope.spawn(|| shared(&[1, 2]));
            RUNS.wait_for(1);
            let second = scope.spawn(|| shared(&[1, 2, 3]));
            RUNS.wait_for(2);
            GATE.open();
            assert_eq!(first.join().expect("no panic"), Err(Odd(1)));
            assert_eq!(second.join().expect("no panic"), Ok(HashMap::from([(1, 1), (2, 2), (3, 3)])));
        });
    });
}

#[test]
fn what_a_map_lacks_is_shared_too() {
    static RUNS: Runs = Runs::new();
    static GATE: Gate = Gate::closed();

    #[memoize(each = ids)]
    fn even(ids: &[u64]) -> HashMap<u64, u64> {
        RUNS.note(ids);
        GATE.wait();
        ids.iter().filter(|id| *id % 2 == 0).map(|id| (*id, *id)).collect()
    }

    within_20_s(|| {
        thread::scope(|scope| {
            let first = scope.spawn(|| even(&[1, 2]));
            RUNS.wait_for(1);
            let second = scope.spawn(|| even(&[1, 2, 3]));
            RUNS.wait_for(2);
            GATE.open();
            assert_eq!(first.join().expect("no panic"), HashMap::from([(2, 2)]));
            assert_eq!(second.join().expect("no panic"), HashMap::from([(2, 2)]));
        });
        assert_eq!(RUNS.all(), [vec![1, 2], vec![3]]);
    });
}

#[test]
fn what_is_deleted_meanwhile_is_given_and_not_stored() {
    static RUNS: Runs = Runs::new();
    static GATE: Gate = Gate::closed();

    #[memoize(each = ids, tag = |id: &u64| format!("deleted each:{id}"))]
    fn shared(ids: &[u64]) -> Vec<u64> {
        RUNS.note(ids);
        GATE.wait();
        ids.to_vec()
    }

    within_20_s(|| {
        thread::scope(|scope| {
            let before = scope.spawn(|| shared(&[1, 2, 3]));
            RUNS.wait_for(1);
            cache_delete!(shared(&1)).expect("it works");
            memo::clear_tag("deleted each:2").expect("it works");
            let after = scope.spawn(|| shared(&[1, 3]));
            RUNS.wait_for(2);
            GATE.open();
            assert_eq!(before.join().expect("no panic"), [1, 2, 3]);
            assert_eq!(after.join().expect("no panic"), [1, 3]);
        });
        assert_eq!(RUNS.all(), [vec![1, 2, 3], vec![1]], "who came later joins no run of before the deletion");
        assert_eq!(cache_get!(shared(&2)), None);
        assert_eq!((cache_get!(shared(&1)), cache_get!(shared(&3))), (Some(1), Some(3)));
    });
}

#[test]
fn a_body_that_asks_for_its_own_keys_runs_inline() {
    #[memoize(each = ids)]
    fn inner(ids: &[u64], depth: u64) -> Vec<u64> {
        let _ = depth;
        if depth > 0 { inner(&[1, 2, 3], depth - 1) } else { vec![7; ids.len()] }
    }

    #[memoize(each = ids, exclude(depth))]
    fn own(ids: &[u64], depth: u64) -> Vec<u64> {
        if depth == 0 { ids.to_vec() } else { own(ids, depth - 1) }
    }

    within_20_s(|| {
        assert_eq!(inner(&[1, 2, 3], 3), [7, 7, 7]);
        assert_eq!(own(&[1, 2, 3], 3), [1, 2, 3]);
        assert_eq!(cache_info(own).size, 3);
    });
}

/// Async functions in all their forms.
mod tasks {
    use super::{Gate, Pin, Runs};
    use memo::memoize;

    pub(super) static RUNS: Runs = Runs::new();
    pub(super) static GATE: Gate = Gate::closed();

    #[memoize(each = ids)]
    pub(super) async fn doubled(ids: &[u64], suffix: &str) -> Vec<String> {
        RUNS.note(ids);
        GATE.pass().await;
        ids.iter().map(|id| format!("{}{suffix}", id * 2)).collect()
    }

    #[memoize(each = ids)]
    pub(super) fn opaque(ids: &[u64], by: u64) -> impl Future<Output = Vec<u64>> + Send {
        async move { ids.iter().map(|id| id * by).collect() }
    }

    #[memoize(each = ids)]
    pub(super) fn boxed<'a>(
        ids: &'a [u64],
        by: &'a u64,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u64>, String>> + Send + 'a>> {
        Box::pin(async move { Ok(ids.iter().map(|id| id * by).collect()) })
    }
}

fn is_send<F: Future + Send>(future: F) -> F {
    future
}

#[test]
fn tasks_share_runs() {
    within_20_s(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("it works");
        runtime.block_on(async {
            let one = tokio::spawn(tasks::doubled(&[1, 2, 1], "!"));
            tasks::RUNS.wait_for(1);
            let other = tokio::spawn(tasks::doubled(&[3, 2], "!"));
            tasks::RUNS.wait_for(2);
            let given_up = tokio::spawn(tasks::doubled(&[4, 3], "!"));
            tasks::RUNS.wait_for(3);
            let heir = tokio::spawn(tasks::doubled(&[4], "!"));
            given_up.abort();
            assert!(given_up.await.is_err());
            tasks::RUNS.wait_for(4);
            tasks::GATE.open();
            assert_eq!(one.await.expect("it works"), ["2!", "4!", "2!"]);
            assert_eq!(other.await.expect("it works"), ["6!", "4!"]);
            assert_eq!(heir.await.expect("it works"), ["8!"]);
        });
        assert_eq!(tasks::RUNS.all(), [[1, 2].as_slice(), &[3], &[4], &[4]]);
        assert_eq!(smol::block_on(cache_get!(tasks::doubled(&3, "!"))), Some("6!".to_owned()));
    });
}

#[test]
fn one_task_that_asks_for_the_same_twice_runs_once() {
    static RUNS: Runs = Runs::new();

    #[memoize(each = ids)]
    async fn yielding(ids: &[u64]) -> Vec<u64> {
        RUNS.note(ids);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        ids.to_vec()
    }

    within_20_s(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it works");
        let both = runtime.block_on(async { join(yielding(&[1, 2, 3]), yielding(&[3, 4, 1])).await });
        assert_eq!(both, (vec![1, 2, 3], vec![3, 4, 1]));
        assert_eq!(RUNS.all(), [vec![1, 2, 3], vec![4]]);
    });
}

#[test]
fn returned_futures_are_called_in_the_same_way() {
    smol::block_on(async {
        assert_eq!(is_send(tasks::opaque(&[1, 2, 1], 3)).await, [3, 6, 3]);
        assert_eq!(tasks::opaque(&[2, 4], 3).await, [6, 12]);
        assert_eq!(is_send(tasks::boxed(&[1, 2, 1], &3)).await, Ok(vec![3, 6, 3]));
        assert_eq!(tasks::boxed(&[2, 4], &3).await, Ok(vec![6, 12]));
        assert_eq!(cache_get!(tasks::boxed(&4, &3)).await, Some(12));
    });
    assert_eq!(cache_info(tasks::opaque).misses, 3);
    assert_eq!(cache_info(tasks::boxed).misses, 3);
}

/// Some of it is computed, for a while.
static SOURCE: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_failure_gives_older_values_to_those_that_have_them() {
    use memo::clock::TestClock;
    use std::time::Duration;

    #[memoize(each = ids, ttl = 10, stale_if_error = 100, stale_while_revalidate = 20)]
    fn rates(ids: &[u64]) -> Result<Vec<(u64, usize)>, String> {
        match SOURCE.load(SeqCst) {
            13 => panic!("no source"),
            12 => Err("no source".to_owned()),
            now => Ok(ids.iter().map(|id| (*id, now)).collect()),
        }
    }

    let clock = TestClock::install();
    assert_eq!(rates(&[1, 2]), Ok(vec![(1, 0), (2, 0)]));
    clock.advance(Duration::from_secs(15));
    SOURCE.store(1, SeqCst);
    assert_eq!(rates(&[1, 2]), Ok(vec![(1, 1), (2, 1)]), "who finds them due makes them anew");
    clock.advance(Duration::from_secs(30));
    SOURCE.store(12, SeqCst);
    assert_eq!(rates(&[1, 2]), Ok(vec![(1, 1), (2, 1)]));
    assert_eq!(rates(&[1, 3]), Err("no source".to_owned()), "3 has none");
    clock.advance(Duration::from_secs(2));
    SOURCE.store(13, SeqCst);
    assert_eq!(rates(&[2, 1]), Ok(vec![(2, 1), (1, 1)]));
    assert!(catch_unwind(AssertUnwindSafe(|| rates(&[1, 3]))).is_err());
    clock.advance(Duration::from_secs(2));
    SOURCE.store(2, SeqCst);
    assert_eq!(rates(&[1, 2, 3]), Ok(vec![(1, 2), (2, 2), (3, 2)]));
}
