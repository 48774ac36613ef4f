//! Rows 13, 14, 15, 18; promises 1 to 4, 10, 11: runs of functions whose entries live in a cache object, on threads and in tasks.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, Barrier, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use memo::{
    Cache, Explanation, aio, cache_delete, cache_entry, cache_get, cache_info, cache_set, explain_cache, memoize,
    overwrite_cache,
};

use crate::concurrent::{Job, Key, poll_once, threads, within_20_s};

mod concurrent;

static JOBS: LazyLock<Cache<Key, u64>> = LazyLock::new(|| in_use("jobs"));

/// A cache whose first use is over: who waits for that copies the key once more, and some tests count the copies.
fn in_use(name: &str) -> Cache<Key, u64> {
    let cache = Cache::builder(name).build().expect("memory");
    assert!(cache.is_empty().expect("memory"));
    cache
}

#[memoize(cache = JOBS, tags = [format!("job {}", key.job().id())])]
fn work(key: Key) -> u64 {
    key.job().work()
}

#[memoize(cache = JOBS)]
fn work_too(key: &Key) -> Result<u64, std::io::Error> {
    Ok(key.job().work())
}

#[memoize(cache = JOBS)]
fn fallible(key: Key) -> Result<u64, String> {
    match key.job().work() {
        1 if key.job().id().is_multiple_of(2) => Err("even".to_owned()),
        run => Ok(run),
    }
}

#[memoize(cache = JOBS)]
async fn work_async(key: Key) -> u64 {
    key.job().work_async().await
}

fn computed(key: &Key) -> u64 {
    JOBS.get_or_compute(key, || key.job().work()).expect("memory")
}

/// A job with an even or odd number, its first run held.
fn job(even: bool) -> &'static Job {
    loop {
        let job = Job::new(1);
        if job.id().is_multiple_of(2) == even {
            return job;
        }
    }
}

#[test]
fn all_who_ask_for_a_key_of_the_object_share_one_run() {
    type Caller = fn(Key) -> u64;
    let callers: [Caller; 5] = [
        work,
        |key| work_too(&key).expect("it works"),
        |key| fallible(key).expect("its number is odd"),
        |key| smol::block_on(work_async(key)),
        |key| computed(&key),
    ];
    for leader in callers {
        within_20_s(move || {
            let job = job(false);
            let before = JOBS.stats();
            let first = thread::spawn(move || leader(job.key()));
            job.until_runs(1);
            let others: Vec<_> =
                callers.iter().flat_map(|call| [*call; 3]).map(|call| thread::spawn(move || call(job.key()))).collect();
            job.until_missed(1 + others.len());
            job.open(1);
            for caller in others.into_iter().chain([first]) {
                assert_eq!(caller.join().expect("no panic"), 1);
            }
            assert_eq!((job.runs(), JOBS.get(&job.key()).expect("memory")), (1, Some(1)));
            let after = JOBS.stats();
            assert!(after.misses > before.misses && after.coalesced >= before.coalesced + 15);
        });
    }
}

#[test]
fn an_error_is_shared_where_it_means_something() {
    within_20_s(|| {
        let job = job(true);
        let leader = thread::spawn(move || fallible(job.key()));
        job.until_runs(1);
        let (same, other) = (thread::spawn(move || fallible(job.key())), thread::spawn(move || work(job.key())));
        job.until_missed(3);
        job.open(1);
        assert_eq!(leader.join().expect("no panic"), Err("even".to_owned()));
        assert_eq!(same.join().expect("no panic"), Err("even".to_owned()));
        assert_eq!(other.join().expect("no panic"), 2, "it has no use for the error");
        assert_eq!((job.runs(), JOBS.get(&job.key()).expect("memory")), (2, Some(2)));
    });
}

#[test]
fn recursion_runs_every_key_once() {
    static NUMBERS: LazyLock<Cache<u64, u128>> = LazyLock::new(|| Cache::builder("fib").build().expect("memory"));
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[memoize(cache = NUMBERS)]
    fn fib(n: u64) -> u128 {
        RUNS.fetch_add(1, SeqCst);
        if n < 2 { n.into() } else { fib(n - 1) + NUMBERS.get_or_compute(&(n - 2), || fib(n - 2)).expect("memory") }
    }
    within_20_s(|| {
        let callers: Vec<_> = (0..8).map(|_| thread::spawn(|| fib(150))).collect();
        for caller in callers {
            assert_eq!(caller.join().expect("no panic"), 9_969_216_677_189_303_386_214_405_760_200);
        }
        assert_eq!(RUNS.load(SeqCst), 151);
    });
}

#[test]
fn functions_of_one_object_that_wait_for_each_other_come_to_an_end() {
    static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| Cache::builder("ring").build().expect("memory"));
    static MEET: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));
    static RUNS: AtomicU64 = AtomicU64::new(0);
    fn met(round: u64) {
        if RUNS.fetch_add(1, SeqCst) < 2 * round + 2 {
            MEET.wait();
        }
    }
    #[memoize(cache = OBJECT, exclude(round))]
    fn one(n: u64, round: u64) -> u64 {
        met(round);
        if n.is_multiple_of(2) { other(n + 1, round) + 1 } else { n }
    }
    #[memoize(cache = OBJECT, exclude(round))]
    fn other(n: u64, round: u64) -> u64 {
        if !n.is_multiple_of(2) {
            met(round);
            return smol::block_on(third(n - 1)) + 1;
        }
        n
    }
    #[memoize(cache = OBJECT)]
    async fn third(n: u64) -> u64 {
        n * 2
    }
    within_20_s(|| {
        for round in 0..20 {
            RUNS.store(2 * round, SeqCst);
            let key = round * 2;
            let pair = [thread::spawn(move || one(key, round)), thread::spawn(move || other(key + 1, round))];
            for caller in pair {
                caller.join().expect("no panic, no deadlock");
            }
        }
    });
}

/// All ways to invalidate a key of the object while a run of it goes on.
#[test]
fn what_is_invalidated_does_not_come_back() {
    static OBJECT: LazyLock<Cache<Key, u64>> = LazyLock::new(|| in_use("cleared"));
    #[memoize(cache = OBJECT)]
    fn work(key: Key) -> u64 {
        key.job().work()
    }
    let ways: [fn(Key); 4] = [
        |key| assert!(!OBJECT.delete(&key).expect("memory")),
        |key| assert!(!cache_delete!(work(key)).expect("memory")),
        |_| memo::cache_clear(work).map(|_| ()).expect("memory"),
        |_| OBJECT.clear().map(|_| ()).expect("memory"),
    ];
    for invalidate in ways {
        within_20_s(move || {
            let job = Job::new(1);
            let early = thread::spawn(move || work(job.key()));
            job.until_runs(1);
            invalidate(job.key());
            assert_eq!(work(job.key()), 2, "who comes later does not join");
            job.open(1);
            assert_eq!(early.join().expect("no panic"), 1);
            assert_eq!((work(job.key()), job.runs()), (2, 2));
        });
    }
}

#[test]
fn what_is_invalidated_by_its_tag_does_not_come_back() {
    within_20_s(|| {
        let job = Job::new(1);
        let early = thread::spawn(move || work(job.key()));
        job.until_runs(1);
        assert_eq!(memo::clear_tag(format!("job {}", job.id())).expect("memory").removed(), 0);
        let late = thread::spawn(move || work(job.key()));
        job.until_missed(2);
        job.open(1);
        assert_eq!((early.join().expect("no panic"), late.join().expect("no panic")), (1, 2));
        assert_eq!((work(job.key()), job.runs()), (2, 2));
    });
}

#[test]
fn of_two_overwrites_the_later_wins() {
    within_20_s(|| {
        let job = Job::new(1);
        let early = thread::spawn(move || overwrite_cache!(work(job.key())));
        job.until_runs(1);
        assert_eq!(overwrite_cache!(smol::block_on(work_async(job.key()))), 2);
        job.open(1);
        assert_eq!((early.join().expect("no panic"), work(job.key())), (1, 2));
    });
}

#[test]
fn a_panic_and_a_dropped_future_let_others_take_over() {
    static OBJECT: LazyLock<Cache<Key, u64>> = LazyLock::new(|| in_use("panics"));
    #[memoize(cache = OBJECT)]
    fn panics_first(key: Key) -> u64 {
        let run = key.job().work();
        assert!(run > 1, "the first run");
        run
    }
    #[memoize(cache = OBJECT)]
    async fn held(key: Key) -> u64 {
        key.job().work_async().await
    }
    within_20_s(|| {
        let job = Job::new(1);
        let leader = thread::spawn(move || catch_unwind(AssertUnwindSafe(|| panics_first(job.key()))));
        job.until_runs(1);
        let follower = thread::spawn(move || panics_first(job.key()));
        job.until_missed(2);
        job.open(1);
        assert!(leader.join().expect("caught").is_err());
        assert_eq!(follower.join().expect("no panic"), 2);

        let job = Job::new(1);
        let mut dropped = Box::pin(held(job.key()));
        assert!(poll_once(dropped.as_mut()).is_pending());
        let follower = thread::spawn(move || panics_first(job.key()));
        job.until_missed(2);
        drop(dropped);
        assert_eq!(follower.join().expect("no panic"), 2);
    });
}

#[test]
fn every_function_waits_in_its_own_way() {
    static OBJECT: LazyLock<Cache<Key, u64>> = LazyLock::new(|| in_use("waits"));
    #[memoize(cache = OBJECT)]
    fn patient(key: Key) -> u64 {
        key.job().work()
    }
    #[memoize(cache = OBJECT, wait_timeout = 0.01, on_timeout = "fail", name = "hasty function")]
    fn hasty(key: Key) -> Result<u64, memo::Error> {
        Ok(key.job().work())
    }
    #[memoize(cache = OBJECT, single_flight = false)]
    fn alone(key: Key) -> u64 {
        key.job().work()
    }
    within_20_s(|| {
        let job = Job::new(1);
        let leader = thread::spawn(move || patient(job.key()));
        job.until_runs(1);
        let error = hasty(job.key()).expect_err("it waited too long");
        assert!(error.to_string().contains("hasty function"), "{error}");
        assert_eq!(cache_info(hasty).errors, 1);
        assert_eq!(alone(job.key()), 2);
        job.open(1);
        assert_eq!(leader.join().expect("no panic"), 1);
    });
}

mod tasks {
    use super::*;

    type Pages = aio::Cache<String, u64>;

    fn pages(name: &str, url: Option<&str>) -> Pages {
        let builder = Cache::builder(name);
        let builder = match url {
            Some(url) => builder.backends(["memory", url]),
            None => builder,
        };
        builder.build().expect("memory needs nothing").into()
    }

    #[derive(Clone)]
    struct Site {
        pages: Pages,
        /// Its own: the tests run at once.
        tag: &'static str,
        runs: Arc<AtomicU64>,
    }

    impl Site {
        #[memoize(cache = self.pages, validate = |entry| *entry.value() < 1000, tag = self.tag)]
        async fn page(&self, path: &str) -> Result<u64, std::fmt::Error> {
            tokio::task::yield_now().await;
            if path.is_empty() {
                return Err(std::fmt::Error);
            }
            Ok(self.runs.fetch_add(1, SeqCst) + 1)
        }

        #[memoize(cache = self.pages)]
        fn boxed<'a>(&'a self, path: &'a str) -> Pin<Box<dyn Future<Output = u64> + Send + 'a>> {
            Box::pin(async move { path.len() as u64 + self.runs.fetch_add(1, SeqCst) })
        }

        #[memoize(cache = self.pages, key = path.to_uppercase())]
        fn opaque(&self, path: String) -> impl Future<Output = u64> + Send {
            let runs = self.runs.clone();
            async move { path.len() as u64 + runs.fetch_add(1, SeqCst) }
        }
    }

    async fn is_cached(site: Site) {
        let mut all = Vec::new();
        for _ in 0..8 {
            let site = site.clone();
            all.push(tokio::spawn(async move { site.page("a").await }));
        }
        for task in all {
            assert_eq!(task.await.expect("no panic"), Ok(1));
        }
        assert_eq!(site.pages.get("a").await.expect("memory"), Some(1));
        assert_eq!(site.page("").await, Err(std::fmt::Error));
        assert_eq!(cache_get!(site.page("a")).await, Some(1));
        assert!(explain_cache!(site.page("a")).await.is_hit());
        cache_set!(site.page("a"), 2000).await.expect("memory");
        assert_eq!(explain_cache!(site.page("a")).await, Explanation::Invalid);
        assert_eq!(site.page("a").await, Ok(2));
        let entry = cache_entry!(Site::page(&site, "a")).await.expect("stored");
        assert_eq!(entry.tags().collect::<Vec<_>>(), [site.tag]);
        assert!(cache_delete!(site.page("a")).await.expect("memory"));
        assert_eq!(site.page("a").await, Ok(3));
        assert_eq!(overwrite_cache!(site.page("a")).await, Ok(4));
        assert_eq!(aio::clear_tag(site.tag).await.expect("memory").removed(), 1);
        assert_eq!(site.page("a").await, Ok(5));
        assert_eq!((site.boxed("four").await, site.boxed("four").await), (9, 9));
        assert_eq!((site.opaque("five".to_owned()).await, site.opaque("Five".to_owned()).await), (10, 10));
        assert_eq!(site.pages.get("FIVE").await.expect("memory"), Some(10));
        assert_eq!(site.page("four").await, Ok(9), "stored by another function");
    }

    #[test]
    fn an_object_in_memory() {
        let site = Site { pages: pages("site", None), tag: "site in memory", runs: Arc::default() };
        within_20_s(|| threads(2).block_on(is_cached(site)));
    }

    #[test]
    fn an_object_in_tiers() {
        let site =
            Site { pages: pages("site", Some("memory://option-site")), tag: "site in tiers", runs: Arc::default() };
        within_20_s(|| threads(2).block_on(is_cached(site)));
    }

    #[test]
    fn an_object_on_disk() {
        let dir = tempfile::tempdir().expect("a place");
        let url = format!("sqlite://{}/cache.db", dir.path().display());
        let site = Site { pages: pages("site", Some(&url)), tag: "site on disk", runs: Arc::default() };
        within_20_s(|| threads(2).block_on(is_cached(site)));
        drop(dir);
    }

    /// The lock that the expression takes is not held across an `.await`: the future could not be sent, and others would wait.
    #[test]
    fn what_the_expression_holds_is_gone_before_the_body_runs() {
        static CURRENT: LazyLock<Mutex<Pages>> = LazyLock::new(|| Mutex::new(pages("current", None)));
        #[memoize(cache = CURRENT.lock().expect("nobody panics"))]
        async fn page(path: String) -> u64 {
            tokio::task::yield_now().await;
            assert!(CURRENT.try_lock().is_ok());
            path.len() as u64
        }
        within_20_s(|| {
            threads(2).block_on(async {
                assert_eq!(tokio::spawn(page("four".to_owned())).await.expect("no panic"), 4);
                assert_eq!(cache_get!(page("four".to_owned())).await, Some(4));
            });
        });
    }

    #[test]
    fn a_run_is_shared_within_one_task() {
        static OBJECT: LazyLock<aio::Cache<Key, u64>> =
            LazyLock::new(|| Cache::builder("one task").build().expect("memory").into());
        #[memoize(cache = OBJECT)]
        async fn held(key: Key) -> u64 {
            key.job().work_async().await
        }
        within_20_s(|| {
            smol::block_on(async {
                let job = Job::new(1);
                let (mut first, mut second) = (pin!(held(job.key())), pin!(held(job.key())));
                assert!(futures::poll!(first.as_mut()).is_pending() && futures::poll!(second.as_mut()).is_pending());
                job.open(1);
                assert_eq!(futures::join!(first, second), (1, 1));
                let (key, run) = (job.key(), job.runs());
                assert_eq!((OBJECT.get_or_compute(&key, async { 9 }).await.expect("memory"), run), (1, 1));
            });
        });
    }
}
