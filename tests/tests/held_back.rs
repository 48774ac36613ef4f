//! Row 14; promise 2: a leader that its own task holds back or drops does not hold the task.

use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use memo::memoize;

use crate::concurrent::{Job, Key, announced, one_thread, polled, soon, threads, within_20_s};

mod concurrent;

#[memoize]
async fn load(key: Key) -> u64 {
    key.job().work_async().await
}

#[memoize]
async fn around(key: Key) -> u64 {
    100 + load(key).await
}

/// Runs a future on tokio (both flavours, also as a task of its own) and smol.
fn everywhere<F: Future<Output = ()> + Send + 'static>(test: fn() -> F) {
    within_20_s(move || one_thread().block_on(test()));
    within_20_s(move || threads(2).block_on(test()));
    within_20_s(move || {
        let runtime = threads(2);
        runtime.block_on(runtime.spawn(test())).expect("no panic");
    });
    within_20_s(move || smol::block_on(test()));
}

#[test]
fn a_leader_held_back_by_its_task_does_not_hold_the_task() {
    everywhere(|| async {
        let job = Job::new(1);
        let mut first = pin!(load(job.key()));
        let value = tokio::select! {
            biased;
            value = &mut first => value,
            () = async {} => {
                // The first call could go on now, but nobody polls it.
                job.open(1);
                load(job.key()).await
            }
        };
        assert_eq!((value, first.await, job.runs()), (2, 1, 2));
    });
    // The leader can go on only while the second call waits already.
    everywhere(|| async {
        let pending: &AtomicUsize = Box::leak(Box::default());
        let job = Job::new(1);
        let mut first = pin!(load(job.key()));
        assert!(polled(first.as_mut()).await.is_pending());
        let opener = thread::spawn(|| {
            soon("the second call waits", || pending.load(SeqCst) == 1);
            job.open(1);
        });
        assert_eq!(announced(load(job.key()), pending).await, 2);
        assert_eq!(first.await, 1);
        opener.join().expect("no panic");
    });
}

#[test]
fn a_call_inside_a_held_back_leader_does_not_hold_the_task() {
    everywhere(|| async {
        let job = Job::new(1);
        let mut outer = pin!(around(job.key()));
        assert!(polled(outer.as_mut()).await.is_pending());
        job.open(1);
        assert_eq!(load(job.key()).await, 2, "the inner function");
        assert_eq!(around(job.key()).await % 100, 3 - u64::from(job.runs() < 3), "the outer one");
        assert_eq!(outer.await, 101);
    });
}

#[test]
fn a_leader_held_back_behind_another_task_does_not_hold_both() {
    within_20_s(|| {
        let runtime = threads(2);
        runtime.block_on(async {
            let pending: &AtomicUsize = Box::leak(Box::default());
            let job = Job::new(1);
            let mut held = pin!(load(job.key()));
            assert!(polled(held.as_mut()).await.is_pending());
            // Another task's body waits for the call that this task holds back ...
            let other = tokio::spawn(announced(around(job.key()), pending));
            soon("the other task waits", || pending.load(SeqCst) == 1);
            job.open(1);
            // ... and this task waits for that body.
            assert!(around(job.key()).await > 100);
            held.await;
            other.await.expect("no panic");
        });
    });
}

#[test]
fn a_leader_held_back_in_a_set_of_futures_does_not_hold_the_task() {
    everywhere(|| async {
        let job = Job::new(1);
        let mut set = FuturesUnordered::from_iter([load(job.key())]);
        assert!(polled(pin!(set.next())).await.is_pending());
        job.open(1);
        assert_eq!(load(job.key()).await, 2);
        assert_eq!(set.next().await, Some(1));
    });
}

#[test]
fn a_leader_dropped_while_its_task_asks_again_is_replaced() {
    everywhere(|| async {
        let job = Job::new(1);
        let mut first = Box::pin(load(job.key()));
        let mut second = pin!(load(job.key()));
        assert!(polled(first.as_mut()).await.is_pending());
        assert!(polled(second.as_mut()).await.is_pending());
        drop(first);
        assert_eq!((second.await, job.runs()), (2, 2));
        assert_eq!(load(job.key()).await, 2, "it was stored");
    });
}

#[test]
fn the_same_call_several_times_in_one_task_is_one_run() {
    #[memoize]
    async fn slow(key: Key) -> u64 {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        key.job().work_async().await
    }
    everywhere(|| async {
        let job = Job::new(0);
        assert_eq!(tokio::join!(slow(job.key()), slow(job.key()), slow(job.key())), (1, 1, 1));
        let job = Job::new(0);
        assert_eq!(futures::join!(slow(job.key()), slow(job.key()), slow(job.key())), (1, 1, 1));
        for count in [3, 50] {
            let job = Job::new(0);
            assert_eq!(join_all((0..count).map(|_| slow(job.key()))).await, vec![1; count]);
            let job = Job::new(0);
            let set: FuturesUnordered<_> = (0..count).map(|_| slow(job.key())).collect();
            assert_eq!(set.collect::<Vec<_>>().await, vec![1; count]);
            assert_eq!(job.runs(), 1);
        }
    });
}
