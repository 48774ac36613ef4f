//! Row 21: `scope = "thread"`.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::mpsc,
    thread,
};

use memo::{
    cache_clear, cache_delete, cache_entry, cache_get, cache_info, cache_set, memoize, overwrite_cache, skip_cache,
};
use memo_tests::fresh;

#[test]
fn values_and_keys_need_not_be_send() {
    #[memoize(scope = "thread")]
    fn cached(key: Rc<str>) -> Rc<RefCell<u64>> {
        Rc::new(RefCell::new(key.len() as u64 + fresh()))
    }
    let first = cached("a".into());
    *first.borrow_mut() += 1;
    assert!(Rc::ptr_eq(&first, &cached("a".into())));
    assert!(!Rc::ptr_eq(&first, &cached("b".into())));
    assert!(cache_get!(cached("a".into())).is_some_and(|value| Rc::ptr_eq(&value, &first)));
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses, info.size), (1, 2, 2));
}

#[test]
fn each_thread_has_a_store_of_its_own() {
    #[memoize(scope = "thread")]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let here = cached(1);
    let there = thread::spawn(move || {
        assert_eq!(cache_get!(cached(1)), None);
        let there = cached(1);
        assert_eq!(cached(1), there);
        there
    });
    assert_ne!(there.join().expect("no panic"), here);
    assert_eq!(cached(1), here);
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses), (2, 2));
}

#[test]
fn the_bound_is_per_thread() {
    #[memoize(scope = "thread", max_entries = 10, policy = "lru")]
    fn cached(n: u64) -> u64 {
        n
    }
    let fill = || {
        for n in 0..100 {
            cached(n);
        }
        (0..100).filter(|n| cache_get!(cached(*n)).is_some()).count()
    };
    assert_eq!(fill(), 10);
    assert_eq!(thread::spawn(fill).join().expect("no panic"), 10);
    assert_eq!(fill(), 10);
}

/// A thread that runs what it is sent.
struct Worker {
    send: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

impl Worker {
    fn new() -> Self {
        let (send, receive) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        thread::spawn(move || receive.into_iter().for_each(|work| work()));
        Self { send }
    }

    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (send, receive) = mpsc::channel();
        self.send.send(Box::new(move || _ = send.send(work()))).expect("lives");
        receive.recv().expect("no panic")
    }
}

#[test]
fn clears_from_another_thread_reach_every_store() {
    #[memoize(scope = "thread", tags = ["threads", format!("thread:{n}")], tags = |value| [format!("value:{value}")])]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let worker = Worker::new();
    let mut last = (cached(1), worker.run(|| cached(1)));
    let mut changed = |what: &str| {
        let next = (worker.run(|| cached(1)), worker.run(|| cached(1)));
        assert_ne!(next.0, last.1, "{what}");
        assert_eq!(next.0, next.1, "{what}");
        last.1 = next.1;
    };
    cache_clear(cached).expect("memory");
    changed("function");
    memo::clear_tag("threads").expect("memory");
    changed("literal tag");
    memo::clear_tag("thread:1").expect("memory");
    changed("tag of the argument");
    assert!(cache_delete!(cached(1)).is_ok());
    changed("key");
    memo::Clear::new().tag("threads").tag("thread:1").run().expect("memory");
    changed("selection");
    memo::clear_tag("thread:2").expect("memory");
    assert_eq!(worker.run(|| cached(1)), worker.run(|| cached(1)));
}

#[test]
fn a_tag_of_the_value_is_cleared_on_other_threads_too() {
    #[memoize(scope = "thread", tags = |value| [format!("own:{value}")])]
    fn cached(n: u64) -> u64 {
        RUNS.with(|runs| runs.set(runs.get() + 1));
        n
    }
    thread_local!(static RUNS: Cell<u32> = const { Cell::new(0) });
    let worker = Worker::new();
    let runs = || {
        let _ = (cached(1), cached(2));
        RUNS.with(Cell::get)
    };
    assert_eq!(worker.run(runs), 2);
    memo::clear_tag("own:1").expect("memory");
    assert_eq!(worker.run(runs), 3);
    memo::clear_tag("own:3").expect("memory");
    assert_eq!(worker.run(runs), 3);
}

#[test]
fn everything_else_works_as_usual() {
    #[memoize(scope = "thread", ttl = 300, cache_if = |value| value.is_some(), exclude(log))]
    fn cached(log: &Cell<u32>, n: u64) -> Result<Option<Rc<u64>>, Rc<str>> {
        log.set(log.get() + 1);
        match n {
            0 => Err("zero".into()),
            1 => Ok(None),
            n => Ok(Some(Rc::new(n))),
        }
    }
    let log = Cell::new(0);
    for n in [0, 0, 1, 1, 2, 2] {
        cached(&log, n).ok();
    }
    assert_eq!(log.get(), 5);
    assert!(skip_cache!(cached(&log, 2)).is_ok());
    assert!(overwrite_cache!(cached(&log, 2)).is_ok());
    assert_eq!(log.get(), 7);
    assert!(cache_set!(cached(_, 3), Some(Rc::new(9))).is_ok());
    assert_eq!(cached(&log, 3), Ok(Some(Rc::new(9))));
    assert!(cache_entry!(cached(_, 3)).is_some_and(|entry| entry.expires_at().is_some()));
    assert_eq!(cache_delete!(cached(_, 3)).ok(), Some(true));
    assert_eq!(cache_get!(cached(_, 3)), None);
    let info = cache_info(cached);
    assert_eq!((info.hits, info.misses, info.skipped), (2, 6, 1));
}

#[test]
fn instantiations_and_methods_have_stores_of_their_own() {
    struct Repo<T>(Rc<T>);
    impl<T: Clone + 'static> Repo<T> {
        #[memoize(scope = "thread", exclude(self))]
        fn get(&self, n: usize) -> (usize, Rc<T>) {
            (n * size_of::<T>(), self.0.clone())
        }
    }
    assert_eq!(Repo(Rc::new(1_u8)).get(2), (2, Rc::new(1)));
    assert_eq!(Repo(Rc::new(9_u8)).get(2), (2, Rc::new(1)));
    assert_eq!(Repo(Rc::new(9_u16)).get(2), (4, Rc::new(9)));
}

#[test]
fn recursion_works() {
    #[memoize(scope = "thread")]
    fn fib(n: u64) -> u64 {
        if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
    }
    assert_eq!(fib(90), 2_880_067_194_370_816_120);
    assert_eq!(cache_info(fib).misses, 91);
}

#[test]
fn values_are_dropped_with_their_thread() {
    #[derive(Clone)]
    struct Held(#[expect(dead_code, reason = "held")] std::sync::Arc<u8>);
    #[memoize(scope = "thread", exclude(held))]
    fn cached(held: &std::sync::Arc<u8>) -> Held {
        Held(held.clone())
    }
    let held = std::sync::Arc::new(1);
    let weak = std::sync::Arc::downgrade(&held);
    thread::spawn(move || drop(cached(&held))).join().expect("no panic");
    assert!(weak.upgrade().is_none());
}
