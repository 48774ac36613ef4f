//! Row 19: the global switch, for the process, a thread and a task. Each test holds a lock, for the switch is one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use memo::{
    cache_clear, cache_delete, cache_get, cache_set, explain_cache, invalidates, memoize, overwrite_cache, skip_cache,
};
use memo_tests::{counts, fresh};

fn alone() -> MutexGuard<'static, ()> {
    static SWITCH: Mutex<()> = Mutex::new(());
    SWITCH.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn while_off_calls_neither_read_nor_write_nor_count() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let _alone = alone();
    let first = cached(1);
    memo::disable();
    assert!(memo::is_disabled());
    assert_ne!(cached(1), first);
    cached(2);
    skip_cache!(cached(1));
    overwrite_cache!(cached(1));
    memo::enable();
    assert!(!memo::is_disabled());
    assert_eq!(cached(1), first);
    assert_eq!(cache_get!(cached(2)), None);
    let info = memo::cache_info(cached);
    assert_eq!((info.hits, info.misses, info.skipped, info.stores, info.size), (1, 1, 0, 1, 1));
}

#[test]
fn disabling_twice_is_taken_back_once() {
    let _alone = alone();
    memo::disable();
    memo::disable();
    memo::enable();
    assert!(!memo::is_disabled());
}

#[test]
fn while_off_nothing_is_looked_up_by_address_either() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let _alone = alone();
    let first = cached(1);
    {
        let _off = memo::disabled();
        assert_eq!(cache_get!(cached(1)), None);
        assert_eq!(explain_cache!(cached(1)), memo::Explanation::Disabled);
        assert!(cache_set!(cached(1), 5).is_ok());
    }
    assert_eq!(cached(1), first);
}

#[test]
fn deletes_and_clears_still_act() {
    #[memoize(tag = "switch")]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    #[invalidates(cached(n))]
    fn invalidate(n: u64) {
        let _ = n;
    }
    let _alone = alone();
    for n in 0..5 {
        cached(n);
    }
    {
        let _off = memo::disabled();
        assert_eq!(cache_delete!(cached(0)).ok(), Some(true));
        invalidate(1);
    }
    assert_eq!([0, 1, 2].map(|n| cache_get!(cached(n)).is_some()), [false, false, true]);
    {
        let _off = memo::disabled();
        assert_eq!(memo::clear_tag("switch").expect("memory").removed(), 3);
    }
    cached(1);
    {
        let _off = memo::disabled_here();
        assert_eq!(cache_clear(cached).expect("memory").removed(), 1);
    }
    assert_eq!(memo::cache_info(cached).size, 0);
}

#[test]
fn guards_nest_and_restore() {
    let _alone = alone();
    let one = memo::disabled();
    let two = memo::disabled();
    drop(one);
    assert!(memo::is_disabled());
    drop(two);
    assert!(!memo::is_disabled());
    {
        let _one = memo::disabled_here();
        let _two = memo::disabled_here();
        memo::disable();
        memo::enable();
        assert!(memo::is_disabled(), "guards hold");
    }
    assert!(!memo::is_disabled());
    memo::disable();
    drop(memo::disabled());
    assert!(memo::is_disabled(), "a guard restores what was before");
    memo::enable();
    let caught = std::panic::catch_unwind(|| {
        let _off = memo::disabled();
        panic!("unwinds");
    });
    assert!(caught.is_err() && !memo::is_disabled());
}

#[test]
fn the_process_guard_is_seen_by_all_threads() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let _alone = alone();
    let first = cached(1);
    let off = memo::disabled();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(memo::is_disabled() && cached(1) != first));
    });
    drop(off);
    assert_eq!(cached(1), first);
}

#[test]
fn the_thread_guard_is_for_one_thread() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let _alone = alone();
    let first = cached(1);
    let _off = memo::disabled_here();
    assert_ne!(cached(1), first);
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(!memo::is_disabled() && cached(1) == first));
    });
}

#[test]
fn a_task_is_switched_off_wherever_it_is_polled() {
    #[memoize]
    async fn cached(n: u64) -> u64 {
        smol::future::yield_now().await;
        n + fresh()
    }
    #[memoize]
    fn blocking(n: u64) -> u64 {
        n + fresh()
    }
    let _alone = alone();
    smol::block_on(async {
        let first = (cached(1).await, blocking(1));
        let off = memo::disabled_in(async {
            let mut seen = Vec::new();
            for _ in 0..3 {
                seen.push((cached(1).await, blocking(1)));
                assert!(memo::is_disabled());
                smol::future::yield_now().await;
            }
            seen
        });
        let on = async {
            for _ in 0..5 {
                assert_eq!((cached(1).await, blocking(1)), first);
                smol::future::yield_now().await;
            }
        };
        let (seen, ()) = futures::join!(off, on);
        assert!(seen.iter().all(|value| value.0 != first.0 && value.1 != first.1));
        assert!(!memo::is_disabled());
        let moved = memo::disabled_in(async {
            smol::future::yield_now().await;
            cached(1).await
        });
        assert_ne!(smol::spawn(moved).await, first.0);
        assert_eq!(counts(cached), (5, 1, 1));
    });
}

#[test]
fn switching_off_during_a_run_stores_nothing() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        memo::disable();
        n + fresh()
    }
    let _alone = alone();
    cached(1);
    memo::enable();
    assert_eq!(cache_get!(cached(1)), None);
}
