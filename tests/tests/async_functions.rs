//! Row 2; promise 11: async functions on tokio, smol and an executor of a few lines.
#![allow(clippy::items_after_statements, reason = "forms that users write, in the tests that they belong to")]

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::future::{BoxFuture, FutureExt as _, LocalBoxFuture};
use memo::{cache_delete, cache_get, cache_set, call_with, memoize, overwrite_cache, skip_cache};
use memo_tests::{counts, fresh};

/// Pending once, so that every body is suspended.
async fn tick() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

macro_rules! cached_twice {
    () => {{
        #[memoize(ttl = 300, max_entries = 10, tag = "async")]
        async fn fetch(url: &str) -> Result<String, String> {
            tick().await;
            if url.is_empty() { Err("empty".into()) } else { Ok(format!("{url}{}", fresh())) }
        }
        let first = fetch("a").await;
        assert_eq!(fetch("a").await, first);
        assert_ne!(fetch("b").await, first);
        assert_eq!((fetch("").await, fetch("").await), (Err("empty".into()), Err("empty".into())));
        assert_eq!(counts(fetch), (1, 4, 2));
    }};
}

#[tokio::test]
async fn on_tokio_with_one_thread() {
    cached_twice!();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_tokio_with_several_threads() {
    cached_twice!();
    #[memoize]
    async fn shared(n: u8) -> u64 {
        tokio::task::yield_now().await;
        u64::from(n) + fresh()
    }
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(shared(1))).collect();
    let mut values = Vec::new();
    for task in tasks {
        values.push(task.await.expect("no panic"));
    }
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
}

#[test]
fn on_smol() {
    smol::block_on(async {
        cached_twice!();
        #[memoize]
        async fn spawned(n: u8) -> u64 {
            smol::future::yield_now().await;
            u64::from(n) + fresh()
        }
        assert_eq!(smol::spawn(spawned(1)).await, smol::spawn(spawned(1)).await);
    });
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Polls a future as long as something wakes it.
fn by_hand<T>(future: impl Future<Output = T>) -> T {
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(flag.clone());
    let mut future = pin!(future);
    loop {
        assert!(flag.0.swap(false, Ordering::SeqCst), "pending, and nobody wakes it");
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
    }
}

#[test]
fn on_an_executor_written_by_hand() {
    by_hand(async {
        cached_twice!();
    });
}

#[memoize]
fn boxed(n: u8) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        tick().await;
        u64::from(n) + fresh()
    })
}

#[memoize]
fn boxed_by_alias(text: &str) -> BoxFuture<'_, (usize, u64)> {
    async move {
        tick().await;
        (text.len(), fresh())
    }
    .boxed()
}

#[memoize]
fn boxed_local(n: u8) -> LocalBoxFuture<'static, u64> {
    async move {
        let not_send = std::rc::Rc::new(n);
        tick().await;
        u64::from(*not_send) + fresh()
    }
    .boxed_local()
}

#[memoize]
fn opaque(n: u8) -> impl Future<Output = u64> + Send {
    async move {
        tick().await;
        u64::from(n) + fresh()
    }
}

#[memoize]
fn fallible_boxed(n: u8) -> Pin<Box<dyn Future<Output = Result<u64, String>> + Send>> {
    Box::pin(async move { if n == 0 { Err("zero".into()) } else { Ok(fresh()) } })
}

#[test]
fn boxed_and_opaque_futures_are_cached_by_their_output() {
    by_hand(async {
        assert_eq!(boxed(1).await, boxed(1).await);
        assert_eq!(boxed_by_alias("ab").await, boxed_by_alias("ab").await);
        assert_eq!(boxed_local(1).await, boxed_local(1).await);
        assert_eq!(opaque(1).await, opaque(1).await);
        assert_eq!(cache_get!(boxed(1)).await, Some(boxed(1).await));
        assert_eq!(cache_get!(opaque(2)).await, None);
        assert_eq!(fallible_boxed(0).await, Err("zero".into()));
        assert_eq!(fallible_boxed(1).await, fallible_boxed(1).await);
        assert_eq!(counts(fallible_boxed), (1, 2, 1));
    });
}

#[test]
fn futures_do_nothing_before_they_are_polled() {
    #[memoize]
    async fn lazy(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    drop(lazy(1));
    assert_eq!(counts(lazy), (0, 0, 0));
    by_hand(lazy(1));
    assert_eq!(counts(lazy), (0, 1, 1));
}

#[test]
fn futures_are_send_where_arguments_and_body_are() {
    fn is_send<T: Send>(_: &T) {}
    #[memoize(cache_if = |page| !page.is_empty(), validate = |entry| entry.value().len() > 1, tags = |page| [page.clone()])]
    async fn page(url: &str, n: Option<&str>) -> Result<String, String> {
        tick().await;
        Ok(format!("{url}{n:?}"))
    }
    struct Client;
    impl Client {
        #[memoize]
        async fn get(&self, key: std::borrow::Cow<'_, str>) -> usize {
            tick().await;
            key.len()
        }
    }
    is_send(&page("a", None));
    is_send(&boxed(1));
    is_send(&boxed_by_alias("x"));
    is_send(&opaque(1));
    is_send(&Client.get("x".into()));
    is_send(&skip_cache!(page("a", None)));
    is_send(&cache_get!(page("a", None)));
    by_hand(async {
        assert_eq!(Client.get("x".into()).await, 1);
        assert!(page("a", None).await.is_ok());
    });
}

#[test]
fn call_macros_give_futures() {
    by_hand(async {
        #[memoize]
        async fn fetch(url: &str) -> u64 {
            tick().await;
            url.len() as u64 + fresh()
        }
        let first = fetch("a").await;
        assert_ne!(skip_cache!(fetch("a")).await, first);
        assert_eq!(fetch("a").await, first);
        let second = overwrite_cache!(fetch("a")).await;
        assert_ne!(second, first);
        assert_eq!(fetch("a").await, second);
        assert_eq!(call_with!(memo::Mode::Normal, fetch("a")).await, second);
        assert_ne!(call_with!(memo::Mode::Skip, fetch("a")).await, second);
        assert!(cache_set!(fetch("a"), 5).await.is_ok());
        assert_eq!(cache_get!(fetch("a")).await, Some(5));
        assert_eq!(cache_delete!(fetch("a")).await.ok(), Some(true));
        assert_eq!(cache_get!(fetch("a")).await, None);
        let info = memo::cache_info(fetch);
        assert_eq!((info.hits, info.misses, info.skipped), (3, 2, 2));
    });
}

#[test]
fn a_mode_belongs_to_the_wrapped_call_only() {
    by_hand(async {
        #[memoize]
        async fn inner(n: u8) -> u64 {
            tick().await;
            u64::from(n) + fresh()
        }
        #[memoize]
        async fn outer(n: u8) -> u64 {
            tick().await;
            let value = inner(n).await;
            tick().await;
            value
        }
        let value = outer(1).await;
        assert_eq!(skip_cache!(outer(1)).await, value, "the inner call still hits");
        assert_eq!(memo::cache_info(inner).skipped, 0);
        assert_eq!(memo::cache_info(outer).skipped, 1);
        let (skipped, plain) = futures::join!(skip_cache!(inner(1)), inner(1));
        assert_eq!(plain, value);
        assert_ne!(skipped, value);
    });
}

#[test]
fn async_methods_and_generics_are_cached() {
    struct Repo<T>(T);
    impl<T: Send + Sync + 'static> Repo<T> {
        #[memoize(exclude(self))]
        async fn get(&self, n: usize) -> (usize, u64) {
            tick().await;
            (n * size_of_val(&self.0), fresh())
        }

        #[memoize]
        async fn size() -> usize {
            tick().await;
            size_of::<T>()
        }
    }
    by_hand(async {
        assert_eq!(Repo(1_u8).get(2).await, Repo(2_u8).get(2).await);
        assert_eq!(Repo(1_u16).get(2).await.0, 4);
        assert_eq!((Repo::<u8>::size().await, Repo::<u64>::size().await), (1, 8));
        assert_eq!(cache_get!(Repo::<u64>::size()).await, Some(8));
    });
}

#[test]
fn a_body_that_is_not_send_may_run_on_one_thread() {
    #[memoize]
    async fn local(n: u8) -> u64 {
        let not_send = std::rc::Rc::new(n);
        tick().await;
        u64::from(*not_send) + fresh()
    }
    by_hand(async {
        assert_eq!(local(1).await, local(1).await);
    });
}
