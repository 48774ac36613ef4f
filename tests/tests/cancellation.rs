//! Row 13; promise 4: a leader that panics or is dropped wakes its followers; one of them takes over.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    task::Poll,
    thread,
};

use futures::{FutureExt as _, future::join_all};
use memo::{CacheInfo, cache_delete, cache_get, memoize};

use crate::concurrent::{Job, Key, announced, poll_once, soon, threads, within_20_s};

mod concurrent;

/// How many runs of a job panic before one succeeds.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Panics(u64);

/// The body of most tests.
fn give(run: u64, panics: Panics) -> u64 {
    assert!(run > panics.0, "run {run} panics, as the test wants it");
    run
}

/// Two runs; everybody else had the value of the second one.
fn assert_taken_over(info: &CacheInfo, callers: u64) {
    assert_eq!((info.misses, info.hits, info.size), (2, callers - 2, 1), "{info:?}");
    assert!(info.coalesced <= info.hits, "{info:?}");
}

#[test]
fn after_a_panic_one_of_ten_followers_takes_over() {
    #[memoize]
    fn load(key: Key, panics: Panics) -> u64 {
        give(key.job().work(), panics)
    }
    within_20_s(|| {
        let job = Job::new(1);
        let leader = thread::spawn(|| load(job.key(), Panics(1)));
        job.until_runs(1);
        let followers: Vec<_> = (0..10).map(|_| thread::spawn(|| load(job.key(), Panics(1)))).collect();
        job.until_missed(11);
        job.open(1);
        assert!(leader.join().is_err(), "the panic goes to the leader alone");
        assert!(followers.into_iter().all(|follower| follower.join().expect("no panic") == 2));
        assert_eq!(job.runs(), 2);
        assert_taken_over(&memo::cache_info(load), 11);
        // Nothing is poisoned.
        assert_eq!(load(job.key(), Panics(1)), 2);
        assert!(cache_delete!(load(job.key(), Panics(1))).expect("memory"));
        assert_eq!(load(job.key(), Panics(1)), 3);
    });
}

#[test]
fn every_run_that_panics_costs_one_caller() {
    #[memoize]
    fn load(key: Key, panics: Panics) -> u64 {
        give(key.job().work(), panics)
    }
    within_20_s(|| {
        let job = Job::new(1);
        let callers: Vec<_> = (0..11).map(|_| thread::spawn(|| load(job.key(), Panics(5)))).collect();
        job.until_missed(11);
        job.open(1);
        let results: Vec<_> = callers.into_iter().map(thread::JoinHandle::join).collect();
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 5);
        assert!(results.into_iter().flatten().all(|value| value == 6));
        assert_eq!(job.runs(), 6);

        // When all panic, none is left waiting.
        let job = Job::new(1);
        let callers: Vec<_> = (0..11).map(|_| thread::spawn(|| load(job.key(), Panics(11)))).collect();
        job.until_missed(11);
        job.open(1);
        assert!(callers.into_iter().all(|caller| caller.join().is_err()));
        assert_eq!((job.runs(), cache_get!(load(job.key(), Panics(11)))), (11, None));
    });
}

#[memoize]
async fn load_async(key: Key, panics: Panics) -> u64 {
    give(key.job().work_async().await, panics)
}

#[test]
fn after_a_panic_in_a_task_one_of_ten_followers_takes_over() {
    within_20_s(|| {
        static PENDING: AtomicUsize = AtomicUsize::new(0);
        let job = Job::new(1);
        let runtime = threads(4);
        let call = || announced(load_async(job.key(), Panics(1)), &PENDING);
        let leader = runtime.spawn(call());
        job.until_runs(1);
        // Half of the followers are tasks, half are threads.
        let tasks: Vec<_> = (0..5).map(|_| runtime.spawn(call())).collect();
        let callers: Vec<_> = (0..5).map(|_| thread::spawn(move || smol::block_on(call()))).collect();
        soon("all callers wait", || PENDING.load(SeqCst) == 11);
        job.open(1);
        assert!(runtime.block_on(leader).is_err());
        assert!(runtime.block_on(join_all(tasks)).into_iter().all(|value| value.expect("no panic") == 2));
        assert!(callers.into_iter().all(|caller| caller.join().expect("no panic") == 2));
        assert_eq!(job.runs(), 2);
        assert_eq!(smol::block_on(load_async(job.key(), Panics(1))), 2);
    });
}

#[test]
fn after_a_leader_was_dropped_one_of_ten_followers_takes_over() {
    #[memoize]
    async fn load(key: Key) -> u64 {
        key.job().work_async().await
    }
    within_20_s(|| {
        let job = Job::new(1);
        let mut leader = Box::pin(load(job.key()));
        assert!(poll_once(leader.as_mut()).is_pending());
        let mut followers: Vec<_> = (0..10).map(|_| Box::pin(load(job.key()))).collect();
        assert!(followers.iter_mut().all(|follower| poll_once(follower.as_mut()).is_pending()));
        drop(leader);
        assert!(smol::block_on(join_all(followers)).into_iter().all(|value| value == 2));
        assert_eq!(job.runs(), 2);
        assert_taken_over(&memo::cache_info(load), 11);
    });
}

#[test]
fn an_aborted_task_and_a_runtime_that_ends_let_others_take_over() {
    for whole_runtime in [false, true] {
        within_20_s(move || {
            let pending: &AtomicUsize = Box::leak(Box::default());
            let job = Job::new(1);
            let call = || announced(load_async(job.key(), Panics(0)), pending);
            let runtime = threads(2);
            let leader = runtime.spawn(call());
            job.until_runs(1);
            let other = threads(2);
            let tasks: Vec<_> = (0..5).map(|_| other.spawn(call())).collect();
            let callers: Vec<_> = (0..5).map(|_| thread::spawn(move || smol::block_on(call()))).collect();
            soon("all callers wait", || pending.load(SeqCst) == 11);
            if whole_runtime {
                drop(runtime);
            } else {
                leader.abort();
            }
            assert!(other.block_on(join_all(tasks)).into_iter().all(|value| value.expect("no panic") == 2));
            assert!(callers.into_iter().all(|caller| caller.join().expect("no panic") == 2));
            assert_eq!(job.runs(), 2);
        });
    }
}

#[test]
fn every_leader_that_is_dropped_is_replaced() {
    within_20_s(|| {
        let job = Job::new(3);
        let mut callers: Vec<_> = (0..10).map(|_| Box::pin(load_async(job.key(), Panics(0)))).collect();
        for dropped in 0..3 {
            assert!(callers.iter_mut().all(|caller| poll_once(caller.as_mut()).is_pending()));
            assert_eq!(job.runs(), dropped + 1);
            // The first of those that are left leads: it was polled first.
            drop(callers.remove(0));
        }
        assert!(smol::block_on(join_all(callers)).into_iter().all(|value| value == 4));
        assert_eq!(job.runs(), 4);
    });
}

#[test]
fn a_follower_that_is_dropped_disturbs_nobody() {
    within_20_s(|| {
        let job = Job::new(1);
        let mut leader = pin!(load_async(job.key(), Panics(0)));
        let mut follower = pin!(load_async(job.key(), Panics(0)));
        let mut dropped = Box::pin(load_async(job.key(), Panics(0)));
        assert!(poll_once(leader.as_mut()).is_pending());
        assert!(poll_once(dropped.as_mut()).is_pending());
        assert!(poll_once(follower.as_mut()).is_pending());
        drop(dropped);
        job.open(1);
        assert_eq!((poll_once(leader), poll_once(follower)), (Poll::Ready(1), Poll::Ready(1)));
        assert_eq!(job.runs(), 1);
    });
}

#[test]
fn a_future_that_was_never_polled_leads_nothing() {
    within_20_s(|| {
        let job = Job::new(0);
        let never = load_async(job.key(), Panics(0));
        assert_eq!(smol::block_on(load_async(job.key(), Panics(0))), 1);
        drop(never);
        assert_eq!(job.runs(), 1);
    });
}

#[test]
fn a_leader_that_was_invalidated_and_then_dropped_lets_its_followers_go_on() {
    within_20_s(|| {
        let job = Job::new(1);
        let mut leader = Box::pin(load_async(job.key(), Panics(0)));
        let mut follower = pin!(load_async(job.key(), Panics(0)));
        assert!(poll_once(leader.as_mut()).is_pending() && poll_once(follower.as_mut()).is_pending());
        assert!(!smol::block_on(cache_delete!(load_async(job.key(), Panics(0)))).expect("memory"));
        drop(leader);
        assert_eq!(smol::block_on(follower), 2);
        assert_eq!(smol::block_on(load_async(job.key(), Panics(0))), 2, "what began after the deletion is stored");
    });
}

#[test]
fn a_panic_in_what_belongs_to_a_call_is_like_one_in_its_body() {
    #[memoize(cache_if = |value| give(*value, Panics(1)) > 0)]
    fn filtered(key: Key) -> u64 {
        key.job().work()
    }
    #[memoize(tags = |value| [format!("{}", give(*value, Panics(1)))])]
    fn tagged(key: Key) -> u64 {
        key.job().work()
    }
    #[memoize(max_weight = 100, weigh = |_, value| give(*value, Panics(1)))]
    fn weighed(key: Key) -> u64 {
        key.job().work()
    }
    for load in [filtered, tagged, weighed] {
        within_20_s(move || {
            let job = Job::new(1);
            let leader = thread::spawn(move || load(job.key()));
            job.until_runs(1);
            let followers: Vec<_> = (0..10).map(|_| thread::spawn(move || load(job.key()))).collect();
            job.until_missed(11);
            job.open(1);
            assert!(leader.join().is_err());
            assert!(followers.into_iter().all(|follower| follower.join().expect("no panic") == 2));
            assert_eq!((load(job.key()), job.runs()), (2, 2));
        });
    }
}

#[test]
fn a_value_whose_clone_panics_hurts_only_its_caller() {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    #[derive(Debug, PartialEq)]
    struct Brittle(u64);
    impl Clone for Brittle {
        fn clone(&self) -> Self {
            assert!(!BROKEN.load(SeqCst), "no copy, as the test wants it");
            Self(self.0)
        }
    }
    #[memoize]
    fn load(key: Key) -> Brittle {
        Brittle(key.job().work())
    }
    within_20_s(|| {
        let job = Job::new(1);
        let callers: Vec<_> = (0..5).map(|_| thread::spawn(|| load(job.key()))).collect();
        job.until_missed(5);
        BROKEN.store(true, SeqCst);
        job.open(1);
        // Each runs the body in its turn, and fails where its value is to be copied.
        for caller in callers {
            drop(caller.join());
        }
        BROKEN.store(false, SeqCst);
        let value = load(job.key());
        assert_eq!(load(job.key()), value);
        BROKEN.store(true, SeqCst);
        assert!(catch_unwind(AssertUnwindSafe(|| load(job.key()))).is_err());
        BROKEN.store(false, SeqCst);
        assert_eq!(load(job.key()), value);
    });
}

#[test]
fn a_panic_of_a_future_is_caught_where_its_caller_wants() {
    within_20_s(|| {
        let job = Job::new(0);
        assert!(smol::block_on(AssertUnwindSafe(load_async(job.key(), Panics(1))).catch_unwind()).is_err());
        assert_eq!(smol::block_on(load_async(job.key(), Panics(1))), 2);
    });
}
