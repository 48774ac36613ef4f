//! Row 18; promises 3 and 10: runs that were invalidated, in the cases that need a function of their own.

use std::{
    pin::pin,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    task::Poll,
    thread,
};

use memo::{cache_delete, cache_get, cache_set, memoize, overwrite_cache};

use crate::concurrent::{Job, Key, poll_once, within_20_s};

mod concurrent;

/// What is stored in place of a number of a run.
const SET: u64 = 1000;

fn clear_tag(tag: &str) {
    memo::clear_tag(tag).expect("memory");
}

/// A run, its tag is cleared, a caller comes later, then something else happens to the run, and it ends.
fn late_is_fresh<T: PartialEq + std::fmt::Debug, F: Future<Output = T>>(call: fn(Key) -> F, fresh: &T, then: fn(Key)) {
    let job = Job::new(1);
    let (mut early, mut late) = (pin!(call(job.key())), pin!(call(job.key())));
    assert!(poll_once(early.as_mut()).is_pending());
    clear_tag(&format!("late job {}", job.id()));
    let first = poll_once(late.as_mut());
    then(job.key());
    job.open(1);
    assert_ne!(smol::block_on(early), *fresh);
    match first {
        Poll::Ready(value) => assert_eq!(value, *fresh),
        Poll::Pending => assert_eq!(smol::block_on(late), *fresh),
    }
}

#[test]
fn a_value_that_is_not_stored_is_not_shared_past_a_clearing_of_its_tag() {
    #[memoize(tags = [format!("late job {}", key.job().id())], cache_if = |value| *value > 1)]
    async fn load(key: Key) -> u64 {
        key.job().work_async().await
    }
    within_20_s(|| late_is_fresh(load, &2, |_| {}));
}

#[test]
fn an_error_is_not_shared_past_a_clearing_of_its_tag() {
    #[memoize(tags = [format!("late job {}", key.job().id())])]
    async fn load(key: Key) -> Result<u64, String> {
        let run = key.job().work_async().await;
        if run > 1 { Ok(run) } else { Err("old".to_owned()) }
    }
    within_20_s(|| late_is_fresh(load, &Ok(2), |_| {}));
}

#[test]
fn a_run_whose_tag_and_then_whose_key_was_invalidated_gives_nothing_to_those_between() {
    #[memoize(tags = |value| [format!("late job {}", value.0)])]
    async fn load(key: Key) -> (u64, u64) {
        (key.job().id(), key.job().work_async().await)
    }
    fn fresh(then: fn(Key)) {
        let run = |key: Key| async { load(key).await.1 };
        within_20_s(move || late_is_fresh(run, &2, then));
    }
    fresh(|key| assert!(!smol::block_on(cache_delete!(load(key))).expect("memory")));
    fresh(|key| smol::block_on(cache_set!(load(key), (SET, 2))).expect("memory"));
    fresh(|key| assert_eq!(smol::block_on(overwrite_cache!(load(key))).1, 2));
    fresh(|_| {
        memo::cache_clear(load).expect("memory");
    });
}

#[test]
fn a_body_that_invalidates_its_own_key_is_not_stored() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[memoize]
    fn once(key: u64) -> u64 {
        cache_delete!(once(key)).expect("memory");
        RUNS.fetch_add(1, SeqCst)
    }
    #[memoize(scope = "thread", tags = |value| format!("thread {value}"))]
    fn local(key: u64) -> u64 {
        let run = RUNS.fetch_add(1, SeqCst);
        let clear = move || clear_tag(&format!("thread {run}"));
        if key == 0 {
            clear();
        } else {
            thread::spawn(clear).join().expect("no panic");
        }
        run
    }
    within_20_s(|| {
        assert_ne!(once(1), once(1));
        assert_ne!(local(0), local(0));
        assert_ne!(local(1), local(1));
    });
}

#[test]
fn what_is_set_or_overwritten_after_an_eviction_is_what_every_thread_sees() {
    static NOW: AtomicU64 = AtomicU64::new(0);
    #[memoize(max_entries = 8)]
    fn small(key: u64) -> u64 {
        key + NOW.load(SeqCst)
    }
    fn after_eviction(change: fn(u64)) {
        NOW.store(0, SeqCst);
        memo::cache_clear(small).expect("memory");
        // Read often enough that the thread has a copy of it.
        assert!((0..10).all(|_| small(0) == 0));
        // Others are asked for more often, until it has to leave.
        let evicted = |key| (0..10).all(|_| small(key) == key) && cache_get!(small(0)).is_none();
        assert!((1..10_000).any(evicted), "it is evicted some time");
        NOW.store(SET, SeqCst);
        thread::spawn(move || change(0)).join().expect("no panic");
        assert_eq!(cache_get!(small(0)), Some(SET));
        assert_eq!(small(0), SET);
    }
    within_20_s(|| after_eviction(|key| cache_set!(small(key), SET).expect("memory")));
    within_20_s(|| after_eviction(|key| assert_eq!(overwrite_cache!(small(key)), SET)));
}

#[test]
fn a_thread_that_read_a_value_often_sees_its_invalidation_elsewhere() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[memoize(tag = "copied", tags = [format!("copied {key}")], ttl = 9876)]
    fn load(key: u64) -> u64 {
        key + RUNS.fetch_add(1, SeqCst)
    }
    type Way = fn();
    let ways: [(&str, Way, Option<u64>); 7] = [
        ("delete", || assert!(cache_delete!(load(0)).expect("memory")), None),
        ("set", || cache_set!(load(0), SET).expect("memory"), Some(SET)),
        ("overwrite", || assert!(overwrite_cache!(load(0)) > 0), None),
        ("literal tag", || clear_tag("copied"), None),
        ("argument tag", || clear_tag("copied 0"), None),
        ("ttl", || assert!(memo::Clear::new().ttl(9876).run().expect("memory").removed() > 0), None),
        ("function", || assert!(memo::cache_clear(load).expect("memory").removed() > 0), None),
    ];
    within_20_s(move || {
        for (name, invalidate, set) in ways {
            let old = load(0);
            // Often enough that the thread keeps a copy of it.
            assert!((0..100).all(|_| load(0) == old), "{name}");
            thread::spawn(invalidate).join().expect("no panic");
            let new = load(0);
            assert_ne!(new, old, "{name}");
            assert!(set.is_none_or(|set| new == set), "{name}");
        }
    });
}
