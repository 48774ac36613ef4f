//! Row 13; promise 1: concurrent misses of one key are one run of the body.

use std::{
    hint::black_box,
    pin::pin,
    sync::{
        Barrier,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use futures::future::join_all;
use memo::{CacheInfo, memoize};

use crate::concurrent::{Job, Key, announced, poll_once, threads, within_20_s};

mod concurrent;

fn assert_one_run(info: &CacheInfo, callers: u64) {
    assert_eq!((info.misses, info.hits, info.coalesced), (1, callers - 1, callers - 1), "{info:?}");
}

#[test]
fn sixty_four_threads_are_one_run() {
    #[memoize]
    fn load(key: Key) -> u64 {
        key.job().work()
    }
    within_20_s(|| {
        let job = Job::new(1);
        let callers: Vec<_> = (0..64).map(|_| thread::spawn(move || load(job.key()))).collect();
        job.until_missed(64);
        job.open(1);
        assert!(callers.into_iter().all(|caller| caller.join().expect("no panic") == 1));
        assert_eq!(job.runs(), 1);
        assert_one_run(&memo::cache_info(load), 64);
        assert_eq!(memo::cache_info(load).size, 1);
        assert_eq!(load(job.key()), 1);
        assert_eq!(memo::cache_info(load).coalesced, 63, "a hit on the stored value waits for nobody");
    });
}

#[test]
fn sixty_four_tasks_are_one_run() {
    #[memoize]
    async fn load(key: Key) -> u64 {
        key.job().work_async().await
    }
    within_20_s(|| {
        static PENDING: AtomicUsize = AtomicUsize::new(0);
        let job = Job::new(1);
        let runtime = threads(4);
        let tasks: Vec<_> = (0..64).map(|_| runtime.spawn(announced(load(job.key()), &PENDING))).collect();
        concurrent::soon("all tasks wait", || PENDING.load(SeqCst) == 64);
        job.open(1);
        assert!(runtime.block_on(join_all(tasks)).into_iter().all(|value| value.expect("no panic") == 1));
        assert_eq!(job.runs(), 1);
        assert_one_run(&memo::cache_info(load), 64);
    });
}

#[test]
fn threads_and_tasks_together_are_one_run() {
    #[memoize]
    async fn load(key: Key) -> u64 {
        key.job().work_async().await
    }
    // Whoever comes first leads: once a task, once a thread.
    for tasks_first in [true, false] {
        within_20_s(move || {
            static PENDING: AtomicUsize = AtomicUsize::new(0);
            PENDING.store(0, SeqCst);
            memo::reset_stats(load).expect("memoized");
            let job = Job::new(1);
            let runtime = threads(4);
            let mut tasks = Vec::new();
            let mut callers = Vec::new();
            for tasks_now in [tasks_first, !tasks_first] {
                if tasks_now {
                    tasks.extend((0..32).map(|_| runtime.spawn(announced(load(job.key()), &PENDING))));
                } else {
                    let call = || smol::block_on(announced(load(job.key()), &PENDING));
                    callers.extend((0..32).map(|_| thread::spawn(call)));
                }
                job.until_runs(1);
            }
            concurrent::soon("all callers wait", || PENDING.load(SeqCst) == 64);
            job.open(1);
            assert!(runtime.block_on(join_all(tasks)).into_iter().all(|value| value.expect("no panic") == 1));
            assert!(callers.into_iter().all(|caller| caller.join().expect("no panic") == 1));
            assert_eq!(job.runs(), 1);
            assert_one_run(&memo::cache_info(load), 64);
        });
    }
}

#[test]
fn different_keys_never_wait_for_each_other() {
    static HELD: concurrent::Gate = concurrent::Gate::closed();
    static RUNNING: AtomicU64 = AtomicU64::new(0);
    #[memoize(max_entries = 5000)]
    fn load(key: u64) -> u64 {
        RUNNING.fetch_add(1, SeqCst);
        if key == 0 {
            HELD.wait();
        }
        key
    }
    #[memoize]
    async fn load_async(key: u64) -> u64 {
        if key == 0 {
            HELD.pass().await;
        }
        key
    }
    within_20_s(|| {
        thread::scope(|scope| {
            let _open = concurrent::OpenAtEnd(&HELD);
            let held = scope.spawn(|| load(0));
            concurrent::soon("the held body runs", || RUNNING.load(SeqCst) == 1);
            // So many keys that every part of the tables has some.
            assert!((1..2000).all(|key| load(key) == key));
            assert!(memo::cache_delete!(load(7)).expect("memory"));
            assert_eq!(memo::cache_get!(load(8)), Some(8));

            let mut held_task = pin!(load_async(0));
            assert!(poll_once(held_task.as_mut()).is_pending());
            assert!((1..2000).all(|key| poll_once(pin!(load_async(key))).is_ready()));
            assert!(!held.is_finished() && poll_once(held_task.as_mut()).is_pending());
        });
    });
}

#[test]
fn instantiations_never_wait_for_each_other() {
    static MEET: Barrier = Barrier::new(2);
    #[memoize]
    fn size<T: 'static>(key: u64) -> usize {
        MEET.wait();
        black_box(key);
        size_of::<T>()
    }
    within_20_s(|| {
        let one = thread::spawn(|| size::<u8>(1));
        assert_eq!(size::<u32>(1), 4);
        assert_eq!(one.join().expect("no panic"), 1);
    });
}

#[test]
fn without_single_flight_bodies_run_side_by_side() {
    static MEET: Barrier = Barrier::new(8);
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[memoize(single_flight = false)]
    fn load(key: u64) -> u64 {
        RUNS.fetch_add(1, SeqCst);
        // Nobody passes alone.
        MEET.wait();
        key
    }
    #[memoize(single_flight = false)]
    async fn load_async(key: Key) -> u64 {
        key.job().work_async().await
    }
    within_20_s(|| {
        let callers: Vec<_> = (0..8).map(|_| thread::spawn(|| load(3))).collect();
        assert!(callers.into_iter().all(|caller| caller.join().expect("no panic") == 3));
        let info = memo::cache_info(load);
        assert_eq!((RUNS.load(SeqCst), info.misses, info.hits, info.coalesced, info.size), (8, 8, 0, 0, 1));
        assert_eq!(load(3), 3);
        assert_eq!(memo::cache_info(load).hits, 1);

        let job = Job::new(2);
        let (mut one, mut two) = (pin!(load_async(job.key())), pin!(load_async(job.key())));
        assert!(poll_once(one.as_mut()).is_pending() && poll_once(two.as_mut()).is_pending());
        assert_eq!(job.runs(), 2);
        job.open(2);
        assert!(poll_once(two).is_ready(), "it waits for nobody");
    });
}

/// A failure that can be handed on.
#[derive(Clone, Debug, PartialEq)]
struct Refused(u64);

/// A failure that can't.
#[derive(Debug, PartialEq)]
struct Unique(u64);

#[test]
fn an_error_that_is_clone_is_shared_and_not_stored() {
    #[memoize]
    fn load(key: Key) -> Result<u64, Refused> {
        Err(Refused(key.job().work()))
    }
    #[memoize]
    async fn load_async(key: Key) -> Result<u64, Refused> {
        Err(Refused(key.job().work_async().await))
    }
    within_20_s(|| {
        let job = Job::new(1);
        let callers: Vec<_> = (0..10).map(|_| thread::spawn(|| load(job.key()))).collect();
        job.until_missed(10);
        job.open(1);
        assert!(callers.into_iter().all(|caller| caller.join().expect("no panic") == Err(Refused(1))));
        assert_eq!(job.runs(), 1);
        assert_one_run(&memo::cache_info(load), 10);
        assert_eq!(memo::cache_info(load).size, 0);
        assert_eq!(load(job.key()), Err(Refused(2)), "a later call runs the body again");

        let job = Job::new(1);
        let mut callers: Vec<_> = (0..10).map(|_| Box::pin(load_async(job.key()))).collect();
        assert!(callers.iter_mut().all(|caller| poll_once(caller.as_mut()).is_pending()));
        job.open(1);
        assert!(smol::block_on(join_all(callers)).into_iter().all(|value| value == Err(Refused(1))));
        assert_eq!(job.runs(), 1);
        assert_one_run(&memo::cache_info(load_async), 10);
    });
}

#[test]
fn an_error_that_is_not_clone_sends_followers_to_run_side_by_side() {
    /// The followers' bodies pass only all together: none of them queues behind another.
    static MEET: Barrier = Barrier::new(10);
    #[memoize]
    fn load(key: Key) -> Result<u64, Unique> {
        let run = key.job().work();
        if run > 1 {
            MEET.wait();
        }
        Err(Unique(run))
    }
    within_20_s(|| {
        let job = Job::new(1);
        let leader = thread::spawn(|| load(job.key()));
        job.until_runs(1);
        let followers: Vec<_> = (0..10).map(|_| thread::spawn(|| load(job.key()))).collect();
        job.until_missed(11);
        job.open(1);
        assert_eq!(leader.join().expect("no panic"), Err(Unique(1)));
        let mut errors: Vec<_> =
            followers.into_iter().map(|caller| caller.join().expect("no panic").expect_err("all fail").0).collect();
        errors.sort_unstable();
        assert_eq!(errors, (2..=11).collect::<Vec<_>>());
        let info = memo::cache_info(load);
        assert_eq!((job.runs(), info.misses, info.hits, info.coalesced, info.size), (11, 11, 0, 0, 0));
    });
}

#[test]
fn tasks_that_run_after_an_unsharable_error_store_what_they_find() {
    #[memoize]
    async fn load(key: Key) -> Result<u64, Unique> {
        let run = key.job().work_async().await;
        if run == 1 { Err(Unique(run)) } else { Ok(run) }
    }
    within_20_s(|| {
        let job = Job::new(4);
        let mut leader = pin!(load(job.key()));
        let mut followers: Vec<_> = (0..3).map(|_| Box::pin(load(job.key()))).collect();
        assert!(poll_once(leader.as_mut()).is_pending());
        assert!(followers.iter_mut().all(|follower| poll_once(follower.as_mut()).is_pending()));
        job.open(1);
        assert_eq!(poll_once(leader), std::task::Poll::Ready(Err(Unique(1))));
        assert!(followers.iter_mut().all(|follower| poll_once(follower.as_mut()).is_pending()));
        assert_eq!(job.runs(), 4, "all followers run at once");
        (2..=4).for_each(|run| job.open(run));
        let values = smol::block_on(join_all(followers));
        assert_eq!(values, [Ok(2), Ok(3), Ok(4)]);
        assert!(smol::block_on(load(job.key())).is_ok());
        assert_eq!(job.runs(), 4);
    });
}

#[test]
fn a_value_that_is_not_stored_is_shared() {
    #[memoize(cache_if = |value| *value > 100)]
    fn filtered(key: Key) -> u64 {
        key.job().work()
    }
    #[memoize(ttl = 0)]
    fn expired(key: Key) -> u64 {
        key.job().work()
    }
    #[memoize(cache_if = |value| *value > 100)]
    async fn filtered_async(key: Key) -> u64 {
        key.job().work_async().await
    }
    fn all_share(load: fn(Key) -> u64) {
        let job = Job::new(1);
        let callers: Vec<_> = (0..10).map(|_| thread::spawn(move || load(job.key()))).collect();
        job.until_missed(10);
        job.open(1);
        assert!(callers.into_iter().all(|caller| caller.join().expect("no panic") == 1));
        assert_eq!(job.runs(), 1);
        assert_eq!(load(job.key()), 2, "a later call runs the body again");
    }
    within_20_s(|| {
        all_share(filtered);
        all_share(expired);
        assert_eq!((memo::cache_info(filtered).size, memo::cache_info(filtered).coalesced), (0, 9));
        assert_eq!((memo::cache_info(expired).size, memo::cache_info(expired).coalesced), (0, 9));

        let job = Job::new(1);
        let mut callers: Vec<_> = (0..10).map(|_| Box::pin(filtered_async(job.key()))).collect();
        assert!(callers.iter_mut().all(|caller| poll_once(caller.as_mut()).is_pending()));
        job.open(1);
        assert!(smol::block_on(join_all(callers)).into_iter().all(|value| value == 1));
        assert_eq!(job.runs(), 1);
        assert_eq!((memo::cache_info(filtered_async).size, memo::cache_info(filtered_async).coalesced), (0, 9));
    });
}
