//! Row 15; promise 2: how long a follower waits for another's run, and what it does then.

use std::{
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
    thread,
    time::Duration,
};

use memo::{cache_get, clock::TestClock, memoize};

use crate::concurrent::{Job, Key, poll_once, threads, within_20_s};

mod concurrent;

/// The clock is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Debug, PartialEq)]
enum Failure {
    Timeout(String),
}

impl From<memo::Error> for Failure {
    fn from(error: memo::Error) -> Self {
        assert!(error.is_timeout());
        Self::Timeout(error.to_string())
    }
}

#[memoize(wait_timeout = 5)]
fn runs(key: Key) -> u64 {
    key.job().work()
}

#[memoize(wait_timeout = "5s", on_timeout = "run")]
async fn runs_async(key: Key) -> u64 {
    key.job().work_async().await
}

#[memoize(wait_timeout = 5.0, on_timeout = "fail")]
fn fails(key: Key) -> Result<u64, Failure> {
    Ok(key.job().work())
}

#[memoize(wait_timeout = 5, on_timeout = "fail")]
async fn fails_async(key: Key) -> Result<u64, Failure> {
    Ok(key.job().work_async().await)
}

const STEP: Duration = Duration::from_secs(5);
const ALMOST: Duration = Duration::from_millis(4999);

/// Moves the clock until a thread is done, however late it began to wait.
fn advance_until_done<T>(clock: &TestClock, thread: thread::JoinHandle<T>) -> T {
    concurrent::soon("the waiting thread gives up", || {
        clock.advance(STEP);
        thread.is_finished()
    });
    thread.join().expect("no panic")
}

#[test]
fn a_thread_that_waited_too_long_runs_the_body() {
    let _alone = alone();
    within_20_s(|| {
        let clock = TestClock::install();
        memo::reset_stats(runs).expect("memoized");
        let job = Job::new(1);
        let leader = thread::spawn(|| runs(job.key()));
        job.until_runs(1);
        let follower = thread::spawn(|| runs(job.key()));
        assert_eq!(advance_until_done(&clock, follower), 2);
        assert_eq!(cache_get!(runs(job.key())), Some(2));
        let info = memo::cache_info(runs);
        assert_eq!((info.misses, info.hits, info.errors), (2, 0, 0));
        job.open(1);
        assert_eq!(leader.join().expect("no panic"), 1);
    });
}

#[test]
fn a_thread_that_waited_too_long_fails() {
    let _alone = alone();
    within_20_s(|| {
        let clock = TestClock::install();
        memo::reset_stats(fails).expect("memoized");
        let job = Job::new(1);
        let leader = thread::spawn(|| fails(job.key()));
        job.until_runs(1);
        let follower = thread::spawn(|| fails(job.key()));
        let Err(Failure::Timeout(message)) = advance_until_done(&clock, follower) else { panic!("it should fail") };
        assert!(message.contains("fails") && message.contains("5000 ms"), "{message}");
        let info = memo::cache_info(fails);
        assert_eq!((job.runs(), info.misses, info.hits, info.errors), (1, 1, 0, 1));
        // The run itself goes on.
        job.open(1);
        assert_eq!(leader.join().expect("no panic"), Ok(1));
        assert_eq!(fails(job.key()), Ok(1));
    });
}

#[test]
fn a_task_waits_exactly_as_long_as_it_should() {
    let _alone = alone();
    within_20_s(|| {
        let clock = TestClock::install();
        let job = Job::new(1);
        let mut leader = pin!(runs_async(job.key()));
        let mut follower = pin!(runs_async(job.key()));
        assert!(poll_once(leader.as_mut()).is_pending() && poll_once(follower.as_mut()).is_pending());
        clock.advance(ALMOST);
        assert!(poll_once(follower.as_mut()).is_pending());
        assert_eq!(job.runs(), 1);
        clock.advance(Duration::from_millis(1));
        assert_eq!(poll_once(follower), Poll::Ready(2));
        job.open(1);
        assert_eq!(poll_once(leader), Poll::Ready(1), "the leader itself has no timeout");

        let job = Job::new(1);
        let mut leader = pin!(fails_async(job.key()));
        let mut follower = pin!(fails_async(job.key()));
        assert!(poll_once(leader.as_mut()).is_pending() && poll_once(follower.as_mut()).is_pending());
        clock.advance(ALMOST);
        assert!(poll_once(follower.as_mut()).is_pending());
        clock.advance(Duration::from_millis(1));
        assert!(matches!(poll_once(follower), Poll::Ready(Err(Failure::Timeout(_)))));
        job.open(1);
        assert_eq!(poll_once(leader), Poll::Ready(Ok(1)));
    });
}

#[test]
fn a_sleeping_task_is_woken_when_its_time_has_come() {
    let _alone = alone();
    within_20_s(|| {
        let clock = TestClock::install();
        let runtime = threads(2);
        let job = Job::new(1);
        let leader = runtime.spawn(fails_async(job.key()));
        job.until_runs(1);
        let waiting = runtime.spawn(fails_async(job.key()));
        let running = runtime.spawn(runs_async(Job::new(0).key()));
        concurrent::soon("the waiting task gives up", || {
            clock.advance(STEP);
            waiting.is_finished()
        });
        assert!(runtime.block_on(waiting).expect("no panic").is_err());
        assert_eq!(runtime.block_on(running).expect("no panic"), 1);
        job.open(1);
        assert_eq!(runtime.block_on(leader).expect("no panic"), Ok(1));
    });
}

#[test]
fn a_follower_whose_leader_ends_in_time_has_its_value() {
    let _alone = alone();
    within_20_s(|| {
        let clock = TestClock::install();
        let job = Job::new(1);
        let callers: Vec<_> = (0..4).map(|_| thread::spawn(|| fails(job.key()))).collect();
        job.until_missed(4);
        clock.advance(ALMOST);
        job.open(1);
        assert!(callers.into_iter().all(|caller| caller.join().expect("no panic") == Ok(1)));
        // A hit never waits, however late.
        clock.advance(100 * STEP);
        assert_eq!(fails(job.key()), Ok(1));
    });
}

#[test]
fn the_time_runs_from_the_beginning_of_the_call() {
    let _alone = alone();
    within_20_s(|| {
        let clock = TestClock::install();
        let job = Job::new(2);
        let mut first = Box::pin(fails_async(job.key()));
        let mut second = pin!(fails_async(job.key()));
        let mut third = pin!(fails_async(job.key()));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending() && poll_once(third.as_mut()).is_pending());
        clock.advance(Duration::from_secs(3));
        // Another leads now, and the third call has two seconds left.
        drop(first);
        assert!(poll_once(second.as_mut()).is_pending() && poll_once(third.as_mut()).is_pending());
        assert_eq!(job.runs(), 2);
        clock.advance(Duration::from_secs(2));
        assert!(matches!(poll_once(third), Poll::Ready(Err(_))));
        job.open(2);
        assert_eq!(poll_once(second), Poll::Ready(Ok(2)));
    });
}

#[test]
fn several_that_waited_too_long_run_side_by_side() {
    let _alone = alone();
    within_20_s(|| {
        let clock = TestClock::install();
        let job = Job::new(4);
        let mut callers: Vec<_> = (0..4).map(|_| Box::pin(runs_async(job.key()))).collect();
        assert!(callers.iter_mut().all(|caller| poll_once(caller.as_mut()).is_pending()));
        clock.advance(STEP);
        assert!(callers.iter_mut().all(|caller| poll_once(caller.as_mut()).is_pending()));
        assert_eq!(job.runs(), 4);
        (1..=4).for_each(|run| job.open(run));
        for (run, caller) in (1..=4).zip(&mut callers) {
            assert_eq!(poll_once(caller.as_mut()), Poll::Ready(run));
        }
    });
}

#[test]
fn it_works_in_real_time_too() {
    #[memoize(wait_timeout = "20ms", on_timeout = "fail")]
    fn short(key: Key) -> Result<u64, Failure> {
        Ok(key.job().work())
    }
    #[memoize(wait_timeout = "20ms")]
    async fn short_async(key: Key) -> u64 {
        key.job().work_async().await
    }
    let _alone = alone();
    within_20_s(|| {
        let job = Job::new(1);
        let leader = thread::spawn(|| short(job.key()));
        job.until_runs(1);
        assert!(short(job.key()).is_err());
        job.open(1);
        assert_eq!(leader.join().expect("no panic"), Ok(1));

        let job = Job::new(1);
        let mut leader = pin!(short_async(job.key()));
        assert!(poll_once(leader.as_mut()).is_pending());
        assert_eq!(smol::block_on(short_async(job.key())), 2);
    });
}
