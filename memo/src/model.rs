//! The concurrency proof: the shipped modules under shuttle, which runs them in thousands of interleavings.
//!
//! Run with `RUSTFLAGS="--cfg shuttle" cargo test -p memo --lib model`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::SeqCst},
};

use shuttle::{sync::atomic::AtomicU64, thread};

use crate::{
    Tag,
    call::{
        begun::Started,
        extras::Extras,
        home::OfProcess,
        instance::{AnyInstance, Typed},
        kind::Plain,
        run::{Run, Running},
        site::Options,
        start::start,
    },
    key::{Asking, Query, key, shape::Val},
    stats::counters::Counters,
};

type Cache = &'static Typed<u64, u64>;

const ITERATIONS: usize = 3_000;

/// A cache of its own for one execution. It is leaked: the library's are never dropped.
fn cache(options: Options) -> Cache {
    Box::leak(Box::new(Typed::new(0, ("model".into(), options), Arc::new(Counters::default()), u64::eq, None)))
}

fn erased(cache: Cache) -> &'static AnyInstance {
    cache
}

fn flights(cache: Cache) -> usize {
    erased(cache).store.flights()
}

/// What an annotated function does.
fn call(cache: Cache, argument: u64, body: impl FnOnce() -> u64) -> u64 {
    call_with(cache, argument, body, Extras::new())
}

fn call_with(cache: Cache, argument: u64, body: impl FnOnce() -> u64, extras: Extras<'_, u64, u64>) -> u64 {
    let query = key((Val,), (&argument,));
    match start::<Plain<u64>, _>(cache, &query) {
        Started::Done(value) => value,
        Started::Run(mut run) => {
            let result = run.call(body);
            run.finish_with(result, extras)
        }
    }
}

fn delete(cache: Cache, argument: u64) {
    let query = key((Val,), (&argument,));
    erased(cache).delete(query.hash(), &Asking::shared(&query));
}

/// Explores schedules at random and by priorities, which finds orderings that random ones rarely hit.
fn explore(test: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(test.clone(), ITERATIONS);
    shuttle::check_pct(test, ITERATIONS, 3);
}

fn join<T>(threads: impl IntoIterator<Item = thread::JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().expect("the thread ends well")).collect()
}

#[test]
fn one_run_serves_all_concurrent_callers() {
    explore(|| {
        let cache = cache(Options::NEW);
        let runs = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let runs = runs.clone();
                thread::spawn(move || call(cache, 1, || runs.fetch_add(1, SeqCst) + 10))
            })
            .collect();
        assert_eq!(join(threads), [10, 10, 10]);
        assert_eq!(runs.load(SeqCst), 1);
        assert_eq!(flights(cache), 0);
    });
}

#[test]
fn no_caller_sees_what_was_there_before_a_deletion_that_returned() {
    explore(|| {
        let cache = cache(Options::NEW);
        let database = Arc::new(AtomicU64::new(1));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let database = database.clone();
                thread::spawn(move || {
                    for _ in 0..2 {
                        call(cache, 1, || database.load(SeqCst));
                    }
                })
            })
            .collect();
        let writer = {
            let database = database.clone();
            thread::spawn(move || {
                database.store(2, SeqCst);
                delete(cache, 1);
                assert_eq!(call(cache, 1, || database.load(SeqCst)), 2);
            })
        };
        join(readers);
        join([writer]);
        // Nobody put the old value back.
        assert_eq!(call(cache, 1, || 2), 2);
    });
}

#[test]
fn a_front_never_serves_what_another_thread_deleted() {
    explore(|| {
        let cache = cache(Options::NEW);
        let (database, deleted) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(1)));
        call(cache, 1, || 1);
        let reader = {
            let (database, deleted) = (database.clone(), deleted.clone());
            thread::spawn(move || {
                // The first hit fills the front.
                for _ in 0..4 {
                    let known = deleted.load(SeqCst);
                    let value = call(cache, 1, || database.load(SeqCst));
                    assert!(value >= known, "the front served a deleted value");
                }
            })
        };
        database.store(2, SeqCst);
        delete(cache, 1);
        deleted.store(2, SeqCst);
        join([reader]);
    });
}

#[test]
fn a_tag_that_comes_from_the_value_fences_the_run_and_its_late_followers() {
    let options = Options { value_tags: true, ..Options::NEW };
    explore(move || {
        let cache = cache(options);
        let database = Arc::new(AtomicU64::new(1));
        let read = move |database: Arc<AtomicU64>| {
            let tags = |_: &u64| vec![Tag::from("user")];
            call_with(cache, 1, || database.load(SeqCst), Extras::new().tags_of(&tags))
        };
        let early = thread::spawn({
            let database = database.clone();
            move || read(database)
        });
        database.store(2, SeqCst);
        erased(cache).clear_tags(&[Tag::from("user")].into());
        // Whether it leads or follows: it began after the clearing had returned.
        assert_eq!(read(database.clone()), 2);
        join([early]);
        assert_eq!(read(database), 2);
    });
}

#[test]
fn an_overwrite_that_began_later_wins() {
    explore(|| {
        let cache = cache(Options::NEW);
        let overwrite = move |value: u64| {
            let query = key((Val,), (&1u64,));
            let flight = erased(cache).store.supersede(query.hash(), &Asking::shared(&query), None);
            let running = Running::new(query.hash(), flight, None, true);
            let mut run = Run::<_, u64, Plain<u64>>::new(OfProcess(cache), Some(running));
            let result = run.call(|| value);
            run.finish(result);
        };
        let first = thread::spawn(move || call(cache, 1, || 1));
        let second = thread::spawn(move || overwrite(2));
        join([second]);
        let after = call(cache, 1, || 3);
        assert_eq!(after, 2, "the value of the run that began earlier came back");
        join([first]);
        assert_eq!(call(cache, 1, || 3), 2);
    });
}

#[test]
fn a_follower_takes_over_from_a_leader_that_panics() {
    explore(|| {
        let cache = cache(Options::NEW);
        let runs = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let runs = runs.clone();
                thread::spawn(move || {
                    let body = || {
                        assert!(runs.fetch_add(1, SeqCst) > 0, "the first run fails");
                        7
                    };
                    catch_unwind(AssertUnwindSafe(|| call(cache, 1, body))).ok()
                })
            })
            .collect();
        let values = join(threads);
        assert_eq!(values.iter().flatten().count(), 2);
        assert!(values.iter().flatten().all(|value| *value == 7));
        assert_eq!(runs.load(SeqCst), 2);
        assert_eq!(flights(cache), 0);
    });
}

#[test]
fn callers_that_wait_for_each_other_do_not_deadlock() {
    fn ring(cache: Cache, at: u64, depth: u64) -> u64 {
        if depth == 0 {
            return 0;
        }
        call(cache, at, || ring(cache, (at + 1) % 3, depth - 1) + 1)
    }
    explore(|| {
        let cache = cache(Options::NEW);
        let threads: Vec<_> = (0..3).map(|at| thread::spawn(move || ring(cache, at, 4))).collect();
        join(threads);
        assert_eq!(flights(cache), 0);
    });
}

#[test]
fn the_bound_holds_at_every_moment() {
    let options = Options { max_entries: Some(2), ..Options::NEW };
    explore(move || {
        let cache = cache(options);
        let threads: Vec<_> = (0..3)
            .map(|thread_number| {
                thread::spawn(move || {
                    for argument in 0..3 {
                        call(cache, thread_number * 10 + argument, || argument);
                        assert!(cache.store.len() <= 2);
                    }
                })
            })
            .collect();
        join(threads);
        assert_eq!(cache.store.len(), 2);
    });
}
