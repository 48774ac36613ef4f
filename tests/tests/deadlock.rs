//! Row 14; promise 2: recursion and cycles of waiters never deadlock.

use std::{
    hint::black_box,
    pin::Pin,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use futures::future::{BoxFuture, join_all};
use memo::memoize;

use crate::concurrent::{Job, Key, one_thread, threads, within_20_s};

mod concurrent;

/// A sum of two numbers in decimal digits, the lowest first.
fn plus(one: &[u8], two: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut digits = Vec::new();
    for at in 0..one.len().max(two.len()) {
        let sum = one.get(at).unwrap_or(&0) + two.get(at).unwrap_or(&0) + carry;
        digits.push(sum % 10);
        carry = sum / 10;
    }
    digits.extend((carry > 0).then_some(carry));
    digits
}

#[test]
fn recursion_runs_every_key_once() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[memoize]
    fn fib(n: u64) -> Vec<u8> {
        RUNS.fetch_add(1, SeqCst);
        if n < 2 { vec![u8::from(n == 1)] } else { plus(&fib(n - 1), &fib(n - 2)) }
    }
    let digits = within_20_s(|| fib(500));
    let text: String = digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
    assert_eq!(
        text,
        "139423224561697880139724382870407283950070256587697307264108962948325571622863290691557658876222521294125"
    );
    assert_eq!(RUNS.load(SeqCst), 501);
}

#[test]
fn recursion_from_many_threads_runs_every_key_once() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[memoize]
    fn fib(n: u64) -> u128 {
        RUNS.fetch_add(1, SeqCst);
        if n < 2 { n.into() } else { fib(n - 1).checked_add(fib(n - 2)).expect("fits") }
    }
    within_20_s(|| {
        let callers: Vec<_> = (0..16).map(|at| thread::spawn(move || fib(186 - at % 4))).collect();
        let values: Vec<_> = callers.into_iter().map(|caller| caller.join().expect("no panic")).collect();
        assert_eq!(values[0], 332_825_110_087_067_562_321_196_029_789_634_457_848);
        assert_eq!(values[4], values[0]);
        assert_eq!(RUNS.load(SeqCst), 187);
    });
}

#[test]
fn ackermann_and_mutual_recursion_are_right() {
    #[memoize]
    fn ackermann(m: u64, n: u64) -> u64 {
        match (m, n) {
            (0, n) => n + 1,
            (m, 0) => ackermann(m - 1, 1),
            (m, n) => ackermann(m - 1, ackermann(m, n - 1)),
        }
    }
    #[memoize]
    fn is_even(n: u64) -> bool {
        n == 0 || is_odd(n - 1)
    }
    #[memoize]
    fn is_odd(n: u64) -> bool {
        n != 0 && is_even(n - 1)
    }
    within_20_s(|| {
        assert_eq!((ackermann(2, 30), ackermann(3, 4)), (63, 125));
        assert!(is_even(300) && !is_even(301) && is_odd(299));
    });
}

#[test]
fn a_body_that_asks_for_its_own_key_runs_inside_itself() {
    #[memoize]
    fn load(key: Key) -> u64 {
        let run = key.job().work();
        if run < 3 { load(key) * 10 + run } else { run }
    }
    within_20_s(|| {
        let job = Job::new(0);
        assert_eq!(load(job.key()), 321);
        assert_eq!(load(job.key()), 321, "the outermost run is the one that is stored");
    });
}

/// Keys whose bodies all run before each asks for the next one, once.
struct Ring {
    first: usize,
    asked: Vec<AtomicBool>,
    meet: Barrier,
    meet_tasks: tokio::sync::Barrier,
}

impl Ring {
    fn new(size: usize) -> &'static Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Box::leak(Box::new(Self {
            first: NEXT.fetch_add(size, SeqCst),
            asked: (0..size).map(|_| AtomicBool::new(false)).collect(),
            meet: Barrier::new(size),
            meet_tasks: tokio::sync::Barrier::new(size),
        }))
    }

    fn keys(&self) -> impl Iterator<Item = usize> + use<> {
        self.first..self.first + self.asked.len()
    }

    fn asks(&self, key: usize) -> bool {
        !self.asked[key - self.first].swap(true, SeqCst)
    }

    fn next(&self, key: usize) -> usize {
        self.first + (key - self.first + 1) % self.asked.len()
    }
}

#[test]
fn rings_of_threads_come_to_an_end() {
    #[memoize(exclude(ring))]
    fn link(ring: &'static Ring, key: usize) -> usize {
        if ring.asks(key) {
            ring.meet.wait();
            assert_eq!(link(ring, ring.next(key)), 10 * ring.next(key));
        }
        10 * key
    }
    for size in [2, 3, 5] {
        within_20_s(move || {
            for _ in 0..50 {
                let ring = Ring::new(size);
                let callers: Vec<_> = ring.keys().map(|key| thread::spawn(move || (key, link(ring, key)))).collect();
                for caller in callers {
                    let (key, value) = caller.join().expect("no panic");
                    assert_eq!(value, 10 * key);
                }
            }
        });
    }
}

#[memoize(exclude(ring))]
fn link_task(ring: &'static Ring, key: usize) -> BoxFuture<'static, usize> {
    Box::pin(async move {
        if ring.asks(key) {
            ring.meet_tasks.wait().await;
            assert_eq!(link_task(ring, ring.next(key)).await, 10 * ring.next(key));
        }
        10 * key
    })
}

#[test]
fn rings_of_tasks_come_to_an_end() {
    for size in [2, 3, 5] {
        within_20_s(move || {
            for runtime in [threads(2), one_thread()] {
                for _ in 0..50 {
                    let ring = Ring::new(size);
                    let tasks: Vec<_> = ring.keys().map(|key| runtime.spawn(link_task(ring, key))).collect();
                    runtime.block_on(async {
                        for (key, task) in ring.keys().zip(tasks) {
                            assert_eq!(task.await.expect("no panic"), 10 * key);
                        }
                    });
                    // And in one task.
                    let ring = Ring::new(size);
                    let values = runtime.block_on(join_all(ring.keys().map(|key| link_task(ring, key))));
                    assert!(values.into_iter().eq(ring.keys().map(|key| 10 * key)));
                }
            }
        });
    }
}

#[test]
fn a_ring_of_a_thread_and_a_task_comes_to_an_end() {
    static MEET: Barrier = Barrier::new(2);
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[memoize]
    fn blocking(key: u64) -> u64 {
        if RUNS.fetch_add(1, SeqCst) < 2 {
            MEET.wait();
            assert_eq!(smol::block_on(future(key)), 2);
        }
        1
    }
    #[memoize]
    async fn future(key: u64) -> u64 {
        if RUNS.fetch_add(1, SeqCst) < 2 {
            MEET.wait();
            assert_eq!(blocking(key), 1);
        }
        2
    }
    within_20_s(|| {
        let caller = thread::spawn(|| blocking(1));
        assert_eq!(smol::block_on(future(1)), 2);
        assert_eq!(caller.join().expect("no panic"), 1);
    });
}

#[test]
fn async_recursion_runs_every_key_once() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[memoize]
    fn fib(n: u64) -> Pin<Box<dyn Future<Output = u128> + Send>> {
        Box::pin(async move {
            RUNS.fetch_add(1, SeqCst);
            if n < 2 {
                return n.into();
            }
            tokio::task::yield_now().await;
            // Both at once: what one branch runs, the other waits for, in the same task.
            let (one, two) = tokio::join!(fib(n - 1), fib(n - 2));
            one + two
        })
    }
    #[memoize]
    async fn depth(n: u64) -> u64 {
        if n == 0 { 0 } else { 1 + Box::pin(depth(n - 1)).await }
    }
    within_20_s(|| {
        assert_eq!(one_thread().block_on(fib(100)), 354_224_848_179_261_915_075);
        assert_eq!(RUNS.load(SeqCst), 101);
        let runtime = threads(4);
        let tasks: Vec<_> = (0..8).map(|at| runtime.spawn(fib(120 - at % 3))).collect();
        let values = runtime.block_on(join_all(tasks));
        assert_eq!(*values[0].as_ref().expect("no panic"), 5_358_359_254_990_966_640_871_840);
        assert_eq!(RUNS.load(SeqCst), 121);
        assert_eq!(smol::block_on(depth(200)), 200);
    });
}

#[test]
fn the_context_carries_the_chain_to_threads_and_tasks() {
    #[memoize]
    fn hands_to_thread(key: Key) -> u64 {
        let run = key.job().work();
        if run > 1 {
            return run;
        }
        let context = memo::context();
        10 + thread::spawn(move || context.enter(|| hands_to_thread(key))).join().expect("no panic")
    }
    #[memoize]
    fn hands_to_task(key: Key) -> BoxFuture<'static, u64> {
        Box::pin(async move {
            let run = key.job().work_async().await;
            if run > 1 {
                return run;
            }
            let context = memo::context();
            10 + tokio::spawn(context.wrap(hands_to_task(key))).await.expect("no panic")
        })
    }
    within_20_s(|| {
        assert_eq!(hands_to_thread(black_box(Job::new(0)).key()), 12);
        assert_eq!(threads(2).block_on(hands_to_task(Job::new(0).key())), 12);
        assert_eq!(one_thread().block_on(hands_to_task(Job::new(0).key())), 12);
    });
}
