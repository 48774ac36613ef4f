//! Row 33; promises 2, 3, 5, 11: what a task began in a store comes to its end, also when nobody polls the task any more.

use std::{
    future::Future as _,
    pin::pin,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    task::{Context, Waker},
    thread,
};

use memo::{backend::register_backend, cache_delete, cache_get, memoize};
use memo_tests::{moody::moody, within_20_s};

/// Has the next change of a store wait, until there is a read after it; gives what says go.
fn held(store: &memo_tests::moody::Moody) -> mpsc::Sender<()> {
    let (go_on, held) = mpsc::channel();
    *store.held.lock().expect("no panic") = Some(held);
    go_on
}

#[test]
fn a_clear_that_nobody_polls_keeps_no_thread() {
    #[memoize(backend = "moody-clear://")]
    fn number(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let store = moody("moody-clear");
        number(1);
        let go_on = held(&store);
        let mut clearing = pin!(memo::aio::cache_clear(number));
        assert!(clearing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        while store.held.lock().expect("no panic").is_some() {
            thread::yield_now();
        }
        let calling = thread::spawn(|| number(7));
        go_on.send(()).expect("it waits");
        // It needs the turn that the clear has.
        assert_eq!(calling.join().expect("no panic"), 7);
        assert_eq!(cache_get!(number(1)), None);
    });
}

#[test]
fn a_run_that_nobody_polls_ends_when_its_value_is_stored() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "moody-leads://")]
    async fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    within_20_s(|| {
        let store = moody("moody-leads");
        let go_on = held(&store);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        runtime.block_on(async {
            let mut held_back = pin!(number(10));
            let mut cx = Context::from_waker(Waker::noop());
            while store.held.lock().expect("no panic").is_some() {
                assert!(held_back.as_mut().poll(&mut cx).is_pending());
                tokio::task::yield_now().await;
            }
            // The body is done; the value is on its way. This very task asks again.
            go_on.send(()).expect("it waits");
            assert_eq!(number(10).await, 10);
            assert_eq!(cache_delete!(number(10)).await.ok(), Some(true));
            assert_eq!(held_back.await, 10);
        });
        assert_eq!(RUNS.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_store_that_does_not_open_keeps_nobody_from_the_others() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory://opens", "never-opens://x"])]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    register_backend("never-opens", |_| Err(memo::Error::unavailable("it is away"))).expect("it is new");
    assert_eq!((number(10), number(10)), (10, 10), "the first tier has it");
    assert!(cache_delete!(number(10)).expect_err("one is away").is_unavailable());
    assert_eq!(number(10), 11, "it was deleted where it could be");
    assert!(memo::cache_clear(number).expect_err("one is away").is_unavailable());
    assert_eq!(number(10), 12);
}
