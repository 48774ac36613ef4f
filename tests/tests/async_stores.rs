//! Rows 33, 40, 57; promises 1, 3, 5, 10, 11: stores whose clients are async, behind functions and caches of both faces.

use std::{
    collections::HashMap,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    thread,
};

use distant::Distant;
use futures::FutureExt as _;
use memo::{
    Cache, Error, SetOptions, Tier,
    backend::{Answer, AsyncBackend, Item, UnixMillis, conformance, register_async_backend},
    cache_delete, cache_entry, cache_get, cache_info, cache_set, memoize, overwrite_cache,
};
use memo_tests::within_20_s;

mod distant;

/// The least that an async store can be.
#[derive(Default)]
struct Least(Mutex<HashMap<Vec<u8>, Vec<u8>>>);

impl AsyncBackend for Least {
    fn name(&self) -> &'static str {
        "least"
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async { Ok(self.0.lock().expect("no panic").get(key).cloned()) })
    }

    fn set<'a>(&'a self, key: &'a [u8], item: Item<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut entries = self.0.lock().expect("no panic");
            // Forgets at once what has expired before the year 2000.
            match item.expires {
                Some(expires) if expires < 946_684_800_000 => entries.remove(key),
                _ => entries.insert(key.to_vec(), item.bytes.to_vec()),
            };
            Ok(())
        })
    }

    fn remove<'a>(&'a self, key: &'a [u8]) -> Answer<'a, bool> {
        Box::pin(async { Ok(self.0.lock().expect("no panic").remove(key).is_some()) })
    }

    fn remove_prefix<'a>(&'a self, prefix: &'a [u8]) -> Answer<'a, u64> {
        Box::pin(async {
            let mut entries = self.0.lock().expect("no panic");
            let before = entries.len();
            entries.retain(|key, _| !key.starts_with(prefix));
            Ok((before - entries.len()) as u64)
        })
    }
}

#[test]
fn async_stores_conform() {
    within_20_s(|| {
        conformance::check_async(Arc::new(Least::default()));
        conformance::check_async(Arc::new(Distant::default()));
    });
}

#[test]
fn the_suite_notices_a_future_that_counts_on_its_first_waker() {
    /// Answers once the waker of its first poll was called, by whoever.
    #[derive(Default)]
    struct Stubborn(Arc<Distant>);

    impl AsyncBackend for Stubborn {
        fn name(&self) -> &'static str {
            "stubborn"
        }
        fn get<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Vec<u8>>> {
            let (store, key) = (self.0.clone(), key.to_vec());
            let mut asked: Option<thread::JoinHandle<_>> = None;
            Box::pin(std::future::poll_fn(move |cx| match &asked {
                Some(answer) if answer.is_finished() => {
                    Poll::Ready(asked.take().expect("there").join().expect("no panic"))
                }
                Some(_) => Poll::Pending,
                None => {
                    let (store, key, waker) = (store.clone(), key.clone(), cx.waker().clone());
                    asked = Some(thread::spawn(move || {
                        let answer = futures::executor::block_on(store.get(&key));
                        waker.wake();
                        answer
                    }));
                    Poll::Pending
                }
            }))
        }
        fn set<'a>(&'a self, key: &'a [u8], item: Item<'a>) -> Answer<'a, ()> {
            self.0.set(key, item)
        }
        fn remove<'a>(&'a self, key: &'a [u8]) -> Answer<'a, bool> {
            self.0.remove(key)
        }
        fn remove_prefix<'a>(&'a self, prefix: &'a [u8]) -> Answer<'a, u64> {
            self.0.remove_prefix(prefix)
        }
    }
    // It is never woken again, so only a bound on the wait ends it.
    let check = thread::spawn(|| conformance::check_async(Arc::new(Stubborn::default())));
    let panicked = within_20_s(|| check.join()).expect_err("it does not conform");
    let message = panicked.downcast_ref::<&str>().expect("a text");
    assert!(message.contains("latest poll"), "{message}");
}

#[test]
fn a_scheme_has_one_store_of_one_kind() {
    let distant = Distant::under("distant-one");
    let store = memo::backend("distant-one://x").expect("opens");
    store.set(b"k", Item::new(b"v")).expect("sets");
    assert_eq!((store.name(), distant.count_now()), ("distant", 1));
    let twice = register_async_backend("distant-one", |_| Ok(Arc::new(Least::default())));
    assert!(twice.expect_err("registered before").to_string().contains("before"));
    let ours = register_async_backend("memory", |_| Ok(Arc::new(Least::default())));
    assert!(ours.expect_err("the library's own").is_config());
}

#[test]
fn a_function_on_threads_is_stored() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "distant-threads://", ttl = "5m", tag = "distant", tags = [format!("n:{n}")])]
    fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    within_20_s(|| {
        let store = Distant::under("distant-threads");
        assert_eq!((number(10), number(10)), (10, 10));
        assert_eq!((cache_get!(number(10)), store.count_now()), (Some(10), 1));
        assert_eq!((overwrite_cache!(number(10)), number(10)), (11, 11));
        assert_eq!(cache_entry!(number(10)).expect("there").tags().collect::<Vec<_>>(), ["distant", "n:10"]);
        cache_set!(number(10), 99).expect("reachable");
        assert_eq!(number(10), 99);
        assert!(cache_delete!(number(10)).expect("reachable"));
        assert!(!cache_delete!(number(10)).expect("reachable"));
        assert_eq!((number(10), number(20)), (12, 23));
        assert_eq!(memo::clear_tag("n:20").expect("clears").removed(), 1);
        assert_eq!(memo::cache_clear(number).expect("clears").removed(), 1);
        let info = cache_info(number);
        assert_eq!((&*info.backend, info.size, info.errors), ("distant-threads", 0, 0));
        store.fail(true);
        assert_eq!(number(10), 14, "a broken store breaks no call");
        assert!(cache_delete!(number(10)).expect_err("it may be there").is_unavailable());
    });
}

#[test]
fn a_function_in_tasks_is_stored_on_any_executor() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = ["memory", "distant-tasks://"])]
    async fn number(n: u32) -> u32 {
        n + RUNS.fetch_add(1, Ordering::SeqCst)
    }
    async fn use_it() {
        RUNS.store(0, Ordering::SeqCst);
        assert_eq!((number(10).await, number(10).await), (10, 10));
        assert_eq!(cache_get!(number(10)).await, Some(10));
        cache_set!(number(10), 99).await.expect("reachable");
        assert_eq!(number(10).await, 99);
        assert!(cache_delete!(number(10)).await.expect("reachable"));
        assert_eq!(cache_get!(number(10)).await, None);
        assert_eq!(number(10).await, 11);
        assert_eq!(memo::aio::cache_clear(number).await.expect("clears").removed(), 1);
    }
    within_20_s(|| {
        let _store = Distant::under("distant-tasks");
        tokio::runtime::Builder::new_current_thread().build().expect("runs").block_on(use_it());
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("runs").block_on(use_it());
        smol::block_on(use_it());
        futures::executor::block_on(use_it());
    });
}

#[test]
fn both_faces_of_a_cache_are_stored() {
    within_20_s(|| {
        let store = Arc::new(Distant::default());
        let users: Cache<String, u64> =
            Cache::builder("users").tier(Tier::of_async(store.clone())).build().expect("nothing is wrong");
        users.set_many([("ada".to_owned(), 1), ("bob".to_owned(), 2)]).expect("set");
        assert_eq!(users.get_many(["bob", "eve", "ada"]).expect("read"), [Some(2), None, Some(1)]);
        assert!(!users.set_with("ada".to_owned(), 3, SetOptions::new().if_absent()).expect("yields"));
        assert!(users.expire_in("ada", 100).expect("there"));
        assert_eq!(users.get_or_compute("eve", || 5).expect("computed"), 5);
        let mut all: Vec<_> = users.iter().expect("enumerates").collect();
        all.sort_unstable();
        assert_eq!(all, [("ada".to_owned(), 1), ("bob".to_owned(), 2), ("eve".to_owned(), 5)]);
        assert_eq!((users.len().expect("counts"), users.stats().size), (3, 3));
        let tasks = memo::aio::Cache::from(users.clone());
        futures::executor::block_on(async {
            assert_eq!(tasks.get("eve").await.expect("read"), Some(5));
            assert_eq!(tasks.delete_many(["eve", "mia"]).await.expect("deleted"), 1);
            assert_eq!(tasks.take("bob").await.expect("there"), Some(2));
            assert_eq!(tasks.get_or_compute("mia", async { 7 }).await.expect("computed"), 7);
            assert!(tasks.persist("ada").await.expect("there"));
            assert_eq!(tasks.len().await.expect("counts"), 2);
            assert_eq!(tasks.purge_expired().await.expect("purges"), 0);
            assert_eq!(tasks.clear().await.expect("clears"), 2);
        });
        users.close().expect("flushes");
        assert_eq!(store.count_now(), 0);
    });
}

#[test]
fn concurrent_misses_are_one_run() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(backend = "distant-run://")]
    fn slow(n: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::SeqCst);
        n
    }
    within_20_s(|| {
        let _store = Distant::under("distant-run");
        for n in 0..50 {
            let barrier = Barrier::new(8);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        barrier.wait();
                        assert_eq!(slow(n), n);
                    });
                }
            });
        }
        assert_eq!(RUNS.load(Ordering::SeqCst), 50);
    });
}

#[test]
fn the_executor_is_not_blocked() {
    #[memoize(backend = "distant-ticks://")]
    async fn number(n: u32) -> u32 {
        n
    }
    within_20_s(|| {
        let store = Distant::under("distant-ticks");
        store.hold();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        let ticking = async {
            // The only thread of the executor comes here while the write is on its way, and goes on.
            while store.held() == 0 {
                tokio::task::yield_now().await;
            }
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(store.held(), 1, "the write is still on its way");
            store.release();
        };
        assert_eq!(runtime.block_on(async { tokio::join!(number(1), ticking) }).0, 1);
    });
}

/// A client that needs a runtime: it brings one.
struct Hosted {
    runtime: tokio::runtime::Runtime,
    inner: Arc<Distant>,
}

impl Hosted {
    fn ask<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Answer<'static, T> {
        let asked = self.runtime.spawn(async move {
            // This panics outside of a runtime, as sockets and timers do.
            tokio::task::spawn_blocking(|| ()).await.expect("no panic");
            request.await
        });
        Box::pin(async { asked.await.map_err(|error| Error::unavailable("the client has ended").with_source(error))? })
    }
}

impl AsyncBackend for Hosted {
    fn name(&self) -> &'static str {
        "hosted"
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Vec<u8>>> {
        let (inner, key) = (self.inner.clone(), key.to_vec());
        self.ask(async move { inner.get(&key).await })
    }

    fn set<'a>(&'a self, key: &'a [u8], item: Item<'a>) -> Answer<'a, ()> {
        let (inner, key, bytes) = (self.inner.clone(), key.to_vec(), item.bytes.to_vec());
        let expires = item.expires;
        self.ask(async move { inner.set(&key, Item::new(&bytes).expires(expires)).await })
    }

    fn remove<'a>(&'a self, key: &'a [u8]) -> Answer<'a, bool> {
        let (inner, key) = (self.inner.clone(), key.to_vec());
        self.ask(async move { inner.remove(&key).await })
    }

    fn remove_prefix<'a>(&'a self, prefix: &'a [u8]) -> Answer<'a, u64> {
        let (inner, prefix) = (self.inner.clone(), prefix.to_vec());
        self.ask(async move { inner.remove_prefix(&prefix).await })
    }

    fn purge(&self, now: UnixMillis) -> Answer<'_, u64> {
        let inner = self.inner.clone();
        self.ask(async move { inner.purge(now).await })
    }
}

#[test]
fn a_client_with_a_runtime_of_its_own_serves_everybody() {
    within_20_s(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("runs");
        let store = Arc::new(Hosted { runtime, inner: Arc::default() });
        conformance::check_async(store.clone());
        let cache: Cache<u32, u32> =
            Cache::builder("hosted").tier(Tier::of_async(store.clone())).build().expect("builds");
        cache.set(1, 10).expect("from a plain thread");
        let tasks = memo::aio::Cache::from(cache.clone());
        let one_thread = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        one_thread.block_on(async {
            tasks.set(2, 20).await.expect("from a task of another runtime");
            // Blocks the only thread of this runtime, which is not the one that serves the store.
            assert_eq!(cache.get(&1).expect("reads"), Some(10));
        });
        assert_eq!(smol::block_on(tasks.get(&2)).expect("reads"), Some(20));
        // The only thread that serves the store has something else to do.
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        store.runtime.spawn(async move { held.recv() });
        let now = tasks.get(&2).now_or_never();
        assert!(now.is_none(), "it has to wait for an answer");
        let_go.send(()).expect("it waits");
        drop((cache, tasks));
        let store = Arc::into_inner(store);
        assert!(store.is_some(), "nobody holds the store any more");
    });
}
