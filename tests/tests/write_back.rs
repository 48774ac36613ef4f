//! Rows 33, 56; promises 3, 5, 10, 11: `write = "back"`: the first tier at once, the others in the background.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use distant::{Distant, Numbers, numbers, stored};
use memo::{
    SetOptions, Tier, Write,
    backend::{Backend as _, Memory},
    cache_delete, cache_get, cache_info, cache_set,
    clock::TestClock,
    memoize, overwrite_cache,
};
use memo_tests::{until, within_20_s};

mod distant;

#[test]
fn a_call_does_not_wait_for_the_tiers_behind_the_first() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "back-waits://"], write = "back")]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    within_20_s(|| {
        let store = Distant::under("back-waits");
        store.hold();
        assert_eq!((number(10), number(10), number(20)), (10, 10, 21));
        cache_set!(number(30), 99).expect("queued");
        assert_eq!(cache_get!(number(30)), Some(99));
        store.until_held(1);
        let info = cache_info(number);
        assert_eq!((info.queued, info.size, info.stores, info.errors), (3, 0, 3, 0), "{info:?}");
        store.release();
        until(|| cache_info(number).queued == 0);
        let info = cache_info(number);
        assert_eq!((info.queued, info.size, store.count_now()), (0, 3, 3), "{info:?}");
    });
}

#[test]
fn a_blocking_store_may_stand_behind_a_blocking_one() {
    #[memoize(backend = ["memory://back-near", "memory://back-far?codec=json"], write = "back")]
    fn number(n: u32) -> u32 {
        n
    }
    let near = memo::backend("memory://back-near").expect("opens");
    let far = memo::backend("memory://back-far").expect("opens");
    assert_eq!((number(1), number(2)), (1, 2));
    assert_eq!(near.count(b"").expect("counts"), 2, "the first tier has it at once");
    within_20_s(|| until(|| cache_info(number).queued == 0));
    assert_eq!(far.count(b"").expect("counts"), 2);
}

#[test]
fn tasks_do_not_wait_either() {
    #[memoize(backend = ["memory", "back-tasks://"], write = "back")]
    async fn number(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let store = Distant::under("back-tasks");
        let cache = memo::aio::Cache::from(numbers("back-tasks", &store));
        store.hold();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        runtime.block_on(async {
            assert_eq!((number(1).await, number(2).await), (1, 2));
            cache.set(1, 1).await.expect("queued");
            store.until_held(2);
            let releasing = async {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                store.release();
            };
            let (flushed, ()) = tokio::join!(cache.flush(), releasing);
            flushed.expect("the store takes everything");
            until(|| cache_info(number).queued == 0);
            assert_eq!(store.count_now(), 3);
        });
    });
}

#[test]
fn of_a_key_the_newest_value_is_written() {
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let cache = numbers("newest", &store);
        store.hold();
        cache.set(1, 0).expect("queued");
        store.until_held(1);
        for value in 1..=100 {
            cache.set(1, value).expect("queued");
        }
        assert_eq!((store.writes(), cache.stats().queued), (1, 1));
        store.release();
        cache.flush().expect("the store takes everything");
        assert_eq!((store.writes(), stored("newest", &store)[&1]), (2, 100));
    });
}

#[test]
fn what_waits_is_written_together() {
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let cache = numbers("together", &store);
        store.hold();
        cache.set(0, 0).expect("queued");
        store.until_held(1);
        cache.set_many((1..=100).map(|n| (n, n))).expect("queued");
        store.release();
        cache.flush().expect("the store takes everything");
        assert_eq!((store.writes(), store.count_now()), (3, 101), "one, then 64 and 36");
    });
}

#[test]
fn what_waits_can_be_read() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "back-reads://"], write = "back", max_entries = 1)]
    fn number(n: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    within_20_s(|| {
        let store = Distant::under("back-reads");
        let cache = Numbers::builder("back-reads").tier("memory").tier(Tier::of_async(store.clone()));
        let cache = cache.max_entries(1).write(Write::Back).build().expect("nothing is wrong");
        cache.set(3, 1).expect("queued");
        cache.flush().expect("the store takes everything");
        store.hold();
        for n in 0..5 {
            cache.set(n, n).expect("queued");
            assert_eq!(number(n), n);
        }
        for n in 0..5 {
            assert_eq!(cache.get(&n).expect("reads"), Some(n), "not what the store still has");
            assert_eq!(number(n), n);
        }
        assert_eq!(cache.get_many(&[4, 3, 9, 0]).expect("reads"), [Some(4), Some(3), None, Some(0)]);
        assert_eq!(RUNS.load(Ordering::SeqCst), 5, "memory has one of them, the queue has all");
        store.release();
        let mut all: Vec<_> = cache.iter().expect("enumerates").collect();
        all.sort_unstable();
        assert_eq!(all, (0..5).map(|n| (n, n)).collect::<Vec<_>>(), "what waited is written first");
        assert_eq!(cache.len().expect("counts"), 5);
    });
}

#[test]
fn a_deletion_beats_what_waits_and_what_is_on_its_way() {
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let cache = numbers("deleted", &store);
        store.hold();
        cache.set(1, 1).expect("queued");
        store.until_held(1);
        cache.set(2, 2).expect("queued");
        let deleting = {
            let cache = cache.clone();
            thread::spawn(move || (cache.delete(&1), cache.delete(&2), cache.delete(&3)))
        };
        // Before the deletion has asked the store, and after: it waits for what is on its way.
        until(|| cache.stats().queued == 1);
        assert!(!deleting.is_finished());
        store.release();
        let (first, second, third) = deleting.join().expect("no panic");
        assert!(first.expect("reachable") && second.expect("reachable") && !third.expect("reachable"));
        assert_eq!((cache.get(&1).expect("reads"), cache.get(&2).expect("reads")), (None, None));
        cache.flush().expect("nothing is left");
        assert_eq!(store.count_now(), 0, "neither comes back");
    });
}

#[test]
fn clears_beat_what_waits() {
    #[memoize(backend = ["memory", "back-clears://"], write = "back", tags = [format!("n:{n}")])]
    fn number(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let store = Distant::under("back-clears");
        let clock = TestClock::install();
        store.fail(true);
        for n in 0..4 {
            number(n);
        }
        until(|| store.writes() > 0);
        store.fail(false);
        memo::clear_tag("n:2").expect("reachable");
        assert_eq!((cache_info(number).queued, cache_get!(number(2))), (3, None));
        assert!(cache_delete!(number(3)).expect("reachable"));
        assert_eq!(cache_info(number).queued, 2);
        clock.advance(Duration::from_millis(100));
        until(|| cache_info(number).queued == 0);
        assert_eq!(store.count_now(), 2);
        store.fail(true);
        let writes = store.writes();
        number(2);
        until(|| store.writes() > writes);
        store.fail(false);
        assert_eq!(cache_info(number).queued, 1);
        memo::cache_clear(number).expect("reachable");
        clock.advance(Duration::from_mins(1));
        assert_eq!((cache_info(number).queued, store.count_now()), (0, 0));
    });
}

#[test]
fn a_clear_of_tags_does_not_bring_back_what_was_replaced() {
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let cache = numbers("cleared", &store);
        cache.set_many([(1, 1), (2, 1)]).expect("queued");
        cache.flush().expect("the store takes everything");
        store.hold();
        cache.set(3, 3).expect("queued");
        store.until_held(1);
        cache.set_with(1, 2, SetOptions::new().tag("new")).expect("queued");
        let clearing = {
            let cache = cache.clone();
            thread::spawn(move || cache.clear_tag("new"))
        };
        until(|| cache.stats().queued == 1);
        store.release();
        clearing.join().expect("no panic").expect("reachable");
        assert_eq!(cache.get(&1).expect("reads"), None, "not the one without the tag");
        cache.flush().expect("the store takes everything");
        assert_eq!(stored("cleared", &store), HashMap::from([(2, 1), (3, 3)]));
    });
}

#[test]
fn an_overwrite_replaces_what_waits() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "back-overwrites://"], write = "back")]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    within_20_s(|| {
        let store = Distant::under("back-overwrites");
        store.hold();
        assert_eq!((number(10), overwrite_cache!(number(10)), number(10)), (10, 11, 11));
        store.release();
        until(|| cache_info(number).queued == 0);
        assert_eq!(store.count_now(), 1);
    });
}

/// On a thread, the store behind memory is asked without a future.
#[test]
fn a_call_takes_what_waits_rather_than_what_it_is_to_replace() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "back-replaced://"], write = "back", max_entries = 1, policy = "fifo")]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    within_20_s(|| {
        let store = memo_tests::moody::moody("back-replaced");
        assert_eq!(number(10), 10);
        until(|| cache_info(number).queued == 0);
        let (go, held) = std::sync::mpsc::channel();
        *store.held.lock().expect("no panic") = Some(held);
        assert_eq!(overwrite_cache!(number(10)), 11);
        assert_eq!(number(20), 22, "memory has room for one");
        assert_eq!(number(10), 11, "not the one that is still in the store");
        go.send(()).expect("a write waits");
        until(|| cache_info(number).queued == 0);
    });
}

#[test]
fn values_that_yield_see_what_waits() {
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let cache = numbers("yields", &store);
        store.hold();
        cache.set(1, 1).expect("queued");
        store.until_held(1);
        let yielding = {
            let cache = cache.clone();
            let once = || SetOptions::new().if_absent();
            thread::spawn(move || (cache.set_with(1, 2, once()), cache.set_with(2, 2, once())))
        };
        store.release();
        let (there, absent) = yielding.join().expect("no panic");
        assert!(!there.expect("reachable") && absent.expect("reachable"));
        assert_eq!((cache.get(&1).expect("reads"), cache.get(&2).expect("reads")), (Some(1), Some(2)));
    });
}

#[test]
fn the_last_object_writes_what_waits_before_it_is_gone() {
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let cache = numbers("dropped", &store);
        let clone = cache.clone();
        cache.set_many((0..500).map(|n| (n, n))).expect("queued");
        drop(cache);
        drop(clone);
        assert_eq!(store.count_now(), 500);

        let cache = numbers("closed", &store);
        cache.set(1, 1).expect("queued");
        cache.close().expect("the store takes it");
        assert_eq!(store.count_now(), 501);

        let cache = numbers("closed-in-vain", &store);
        store.fail(true);
        cache.set(1, 1).expect("queued");
        assert!(cache.close().expect_err("never silently").is_unavailable());
    });
}

#[test]
fn an_object_of_tasks_does_not_wait_when_it_is_dropped() {
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let cache = memo::aio::Cache::from(numbers("dropped-in-a-task", &store));
        store.hold();
        futures::executor::block_on(cache.set(1, 1)).expect("queued");
        drop(cache);
        store.until_held(1);
        store.release();
        until(|| store.count_now() == 1);
    });
}

#[test]
fn there_must_be_something_behind_the_first_tier() {
    for tiers in [vec!["memory"], vec!["memory://alone"], vec![]] {
        let error = Numbers::builder("alone").backends(tiers).write(Write::Back).build().expect_err("one tier");
        assert!(error.is_config() && error.to_string().contains("behind the first"), "{error}");
    }
    let view = Numbers::builder("viewed").backends(["memory", "memory://viewed"]).write(Write::Back).build();
    let view = view.expect("two tiers").view::<u32, String>("names").build().expect("writes back, too");
    view.set(1, "a".to_owned()).expect("queued");
    view.flush().expect("memory takes it");
}

#[test]
fn three_tiers_are_written_from_the_last_to_the_first() {
    within_20_s(|| {
        let (near, far) = (Arc::new(Memory::new()), Arc::new(Distant::default()));
        let builder = Numbers::builder("three").tier("memory").tier(Tier::of(near.clone()));
        let cache = builder.tier(Tier::of_async(far.clone())).write(Write::Back).build().expect("nothing is wrong");
        far.hold();
        cache.set(1, 1).expect("queued");
        far.until_held(1);
        assert_eq!(near.count(b"").expect("counts"), 0);
        far.release();
        cache.flush().expect("both take it");
        assert_eq!((near.count(b"").expect("counts"), far.count_now()), (1, 1));
        // One that expires before it is written lets none of them give an older one.
        let clock = TestClock::install();
        far.fail(true);
        cache.set_with(1, 2, SetOptions::new().ttl(10)).expect("queued");
        clock.advance(Duration::from_secs(10));
        far.fail(false);
        assert_eq!(cache.get(&1).expect("reads"), None);
        cache.flush().expect("both take it");
        assert_eq!((near.count(b"").expect("counts"), far.count_now()), (0, 0));
    });
}

/// What a thread sets it reads, what it deletes is gone, whatever the queue does meanwhile; in the end the store has it all.
#[test]
fn every_thread_reads_what_it_wrote() {
    const THREADS: u32 = 4;
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let builder = Numbers::builder("stress").tier("memory").tier(Tier::of_async(store.clone()));
        let cache = builder.max_entries(8).write(Write::Back).build().expect("nothing is wrong");
        let models: Vec<HashMap<u32, u32>> = thread::scope(|scope| {
            let work = |thread: u32| {
                let (cache, mut model, mut random) = (cache.clone(), HashMap::new(), thread + 1);
                move || {
                    for step in 0..1500 {
                        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        let key = THREADS * ((random >> 8) % 20) + thread;
                        match (random >> 16) % 8 {
                            0..=3 => {
                                cache.set(key, step).expect("queued");
                                model.insert(key, step);
                            }
                            4 => {
                                let existed = cache.delete(&key).expect("reachable");
                                assert_eq!(existed, model.remove(&key).is_some());
                            }
                            5 if step % 50 == 0 => cache.flush().expect("the store takes everything"),
                            _ => assert_eq!(cache.get(&key).expect("reads"), model.get(&key).copied()),
                        }
                    }
                    model
                }
            };
            let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(work(thread))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        cache.flush().expect("the store takes everything");
        assert_eq!(stored("stress", &store), models.into_iter().flatten().collect());
    });
}
