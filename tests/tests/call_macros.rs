//! Row 11: what the eight macros do to one call.
#![allow(
    clippy::items_after_statements,
    clippy::unused_self,
    clippy::useless_vec,
    reason = "forms that users write, in the tests that they belong to"
)]

use memo::{
    Mode, cache_delete, cache_entry, cache_get, cache_set, call_with, clock::TestClock, explain_cache, memoize,
    overwrite_cache, skip_cache,
};
use memo_tests::{counts, fresh};

/// Hits, misses, skipped, stores, size.
macro_rules! all_counts {
    ($function:expr) => {{
        let info = memo::cache_info($function);
        (info.hits, info.misses, info.skipped, info.stores, info.size)
    }};
}

#[test]
fn skipping_reads_and_writes_nothing_and_counts_as_skipped_only() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    skip_cache!(cached(1));
    assert_eq!(all_counts!(cached), (0, 0, 1, 0, 0));
    let first = cached(1);
    assert_ne!(skip_cache!(cached(1)), first);
    assert_eq!(cached(1), first);
    assert_eq!(all_counts!(cached), (1, 1, 2, 1, 1));
}

#[test]
fn overwriting_runs_stores_and_is_a_miss() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let first = overwrite_cache!(cached(1));
    assert_eq!(cached(1), first);
    let second = overwrite_cache!(cached(1));
    assert_ne!(second, first);
    assert_eq!(cached(1), second);
    assert_eq!(all_counts!(cached), (2, 2, 0, 2, 1));
}

#[test]
fn a_mode_may_be_a_value_of_run_time() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let mut seen = Vec::new();
    for mode in [Mode::default(), Mode::Normal, Mode::Skip, Mode::Overwrite, Mode::Normal] {
        seen.push(call_with!(mode, cached(1)));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[2] != seen[1] && seen[3] != seen[1] && seen[3] != seen[2]);
    assert_eq!(seen[4], seen[3]);
    assert_eq!(all_counts!(cached), (2, 2, 1, 2, 1));
}

#[test]
fn results_are_returned_as_they_are() {
    #[memoize]
    fn cached(n: u64) -> Result<u64, String> {
        if n == 0 { Err("zero".into()) } else { Ok(fresh()) }
    }
    let first: Result<u64, String> = skip_cache!(cached(1));
    assert_ne!(overwrite_cache!(cached(1)), first);
    assert_eq!(overwrite_cache!(cached(0)), Err("zero".into()));
    assert_eq!(skip_cache!(cached(0)), Err("zero".into()));
    let stored: Option<u64> = cache_get!(cached(1));
    assert!(stored.is_some());
    assert_eq!(cache_get!(cached(0)), None);
}

#[test]
fn addresses_never_run_the_body_and_count_nothing() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        assert!(n < 100, "runs");
        n
    }
    assert_eq!(cache_get!(cached(100)), None);
    assert!(cache_entry!(cached(100)).is_none());
    assert_eq!(explain_cache!(cached(100)), memo::Explanation::Absent);
    assert_eq!(cache_delete!(cached(100)).ok(), Some(false));
    assert!(cache_set!(cached(100), 7).is_ok());
    assert_eq!(cache_get!(cached(100)), Some(7));
    assert!(explain_cache!(cached(100)).is_hit());
    let info = memo::cache_info(cached);
    assert_eq!((info.hits, info.misses, info.skipped, info.size), (0, 0, 0, 1));
    assert_eq!(cached(100), 7);
    assert_eq!(cache_delete!(cached(100)).ok(), Some(true));
    assert_eq!(cache_delete!(cached(100)).ok(), Some(false));
    assert_eq!(counts(cached), (1, 0, 0));
}

#[test]
fn a_value_can_be_set_before_the_first_call() {
    #[memoize(ttl = 50, max_entries = 3, tag = "set-first")]
    fn cached(text: &str) -> Option<u64> {
        Some(text.len() as u64 + fresh())
    }
    assert!(cache_set!(cached("a"), Some(1)).is_ok());
    assert!(cache_set!(cached("b"), None).is_ok());
    assert_eq!((cached("a"), cached("b")), (Some(1), None));
    assert_eq!(counts(cached), (2, 0, 2));
    assert_eq!(memo::clear_tag("set-first").expect("memory").removed(), 2);
}

#[test]
fn setting_replaces_and_filters_are_for_computed_values_only() {
    #[memoize(cache_if = |value| *value > 10)]
    fn cached(n: u64) -> u64 {
        n
    }
    cached(20);
    assert!(cache_set!(cached(20), 5).is_ok());
    assert_eq!(cached(20), 5);
    assert!(cache_set!(cached(21), 6).is_ok());
    assert_eq!(cached(21), 6);
}

#[test]
fn an_entry_has_value_times_and_tags() {
    #[memoize(ttl = 100, tags = ["entries", format!("entry:{n}")])]
    fn cached(n: u8) -> String {
        format!("{n}")
    }
    let clock = TestClock::install();
    cached(7);
    clock.advance(std::time::Duration::from_secs(30));
    let entry = cache_entry!(cached(7)).expect("stored");
    assert_eq!(entry.value(), "7");
    assert_eq!(entry.age().as_secs(), 30);
    assert_eq!(entry.remaining().map(|left| left.as_secs()), Some(70));
    assert!(entry.created_at() < entry.expires_at().expect("expires"));
    assert_eq!(entry.tags().collect::<Vec<_>>(), ["entries", "entry:7"]);
    assert_eq!(entry.into_value(), "7");
    let text = explain_cache!(cached(7)).to_string();
    assert!(text.contains("memory") && text.contains("30s") && text.contains("70s"), "{text}");
}

#[test]
fn arguments_are_evaluated_once() {
    struct Counted(std::cell::Cell<u32>);
    impl Counted {
        fn next(&self) -> u32 {
            self.0.set(self.0.get() + 1);
            self.0.get()
        }
        #[memoize]
        fn method(&self, n: u32, m: u32) -> u64 {
            u64::from(n + m) + fresh()
        }
    }
    #[memoize]
    fn cached(n: u32, m: u32) -> u64 {
        u64::from(n + m) + fresh()
    }
    let counted = Counted(std::cell::Cell::default());
    let evaluated = || counted.0.replace(0);
    skip_cache!(cached(counted.next(), counted.next()));
    assert_eq!(evaluated(), 2);
    overwrite_cache!(cached(counted.next(), counted.next()));
    assert_eq!(evaluated(), 2);
    call_with!(Mode::Normal, cached(counted.next(), counted.next()));
    assert_eq!(evaluated(), 2);
    assert!(cache_get!(cached(counted.next(), counted.next())).is_some());
    assert_eq!(evaluated(), 2);
    assert!(cache_entry!(cached(counted.next(), counted.next())).is_some());
    assert_eq!(evaluated(), 2);
    assert!(explain_cache!(cached(counted.next(), counted.next())).is_hit());
    assert_eq!(evaluated(), 2);
    assert!(cache_set!(cached(counted.next(), counted.next()), u64::from(counted.next())).is_ok());
    assert_eq!(evaluated(), 3);
    assert_eq!(cache_delete!(cached(counted.next(), counted.next())).ok(), Some(true));
    assert_eq!(evaluated(), 2);
    skip_cache!(counted.method(counted.next(), counted.next()));
    assert_eq!(evaluated(), 2);
    assert!(cache_get!(Counted::method(&counted, counted.next(), counted.next())).is_none());
    assert_eq!(evaluated(), 2);
}

#[test]
fn a_mode_is_for_the_wrapped_call_and_not_for_what_stands_in_its_arguments_or_body() {
    #[memoize]
    fn argument(n: u64) -> u64 {
        n + fresh()
    }
    #[memoize]
    fn inner(n: u64) -> u64 {
        n + fresh()
    }
    #[memoize]
    fn outer(n: u64, m: u64) -> u64 {
        inner(n);
        inner(m)
    }
    struct Maker;
    impl Maker {
        #[memoize]
        fn make() -> Self
        where
            Self: Clone,
        {
            Self
        }
        #[memoize]
        fn used(&self) -> u64 {
            fresh()
        }
    }
    impl Clone for Maker {
        fn clone(&self) -> Self {
            Self
        }
    }
    skip_cache!(outer(argument(1), argument(1)));
    skip_cache!(outer(argument(1), argument(1)));
    assert_eq!(counts(argument), (3, 1, 1));
    assert_eq!(counts(inner), (3, 1, 1));
    assert_eq!(all_counts!(outer), (0, 0, 2, 0, 0));
    skip_cache!(Maker::make().used());
    assert_eq!(all_counts!(Maker::make), (0, 1, 0, 1, 1));
    assert_eq!(all_counts!(Maker::used), (0, 0, 1, 0, 0));
}

#[test]
fn a_mode_that_met_no_memoized_function_is_gone() {
    fn plain(n: u64) -> u64 {
        n
    }
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    assert_eq!(skip_cache!(plain(1)), 1);
    assert_eq!(cached(1), cached(1));
    assert!(std::panic::catch_unwind(|| skip_cache!(plain(if cached(1) > 0 { panic!("here") } else { 1 }))).is_err());
    assert_eq!(cached(1), cached(1));
    assert_eq!(memo::cache_info(cached).skipped, 0);
}

#[test]
fn macros_nest() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let first = cached(1);
    cached(first);
    assert_ne!(skip_cache!(cached(overwrite_cache!(cached(1)))), first);
    assert_eq!(all_counts!(cached), (0, 3, 1, 3, 2));
    assert!(cache_get!(cached(cache_get!(cached(1)).unwrap_or(0))).is_none());
}

#[test]
fn an_underscore_stands_for_what_is_not_in_the_key() {
    struct Logger;
    #[memoize(exclude(logger))]
    fn cached(logger: &Logger, id: u64, _trace: String) -> u64 {
        let _ = logger;
        id + fresh()
    }
    struct Repo;
    impl Repo {
        #[memoize]
        fn get(&self, id: u64) -> u64 {
            id + fresh()
        }
        #[memoize]
        fn change(&mut self, id: u64) -> u64 {
            id + fresh()
        }
    }
    let first = cached(&Logger, 1, "x".into());
    assert_eq!(cache_get!(cached(_, 1, _)), Some(first));
    assert_eq!(cache_get!(cached(&Logger, 1, String::new())), Some(first));
    assert!(cache_entry!(cached(_, 1, _)).is_some());
    assert!(explain_cache!(cached(_, 1, _)).is_hit());
    assert!(cache_set!(cached(_, 2, _), 5).is_ok());
    assert_eq!(cached(&Logger, 2, String::new()), 5);
    assert_eq!(cache_delete!(cached(_, 1, _)).ok(), Some(true));
    let got = (Repo.get(1), Repo.change(1));
    assert_eq!((cache_get!(Repo::get(_, 1)), cache_get!(Repo::change(_, 1))), (Some(got.0), Some(got.1)));
    assert_eq!(cache_delete!(Repo::get(_, 1)).ok(), Some(true));
    assert_eq!(cache_get!(Repo.get(1)), None);
}

#[test]
fn deleting_one_entry_leaves_the_others() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n
    }
    let _ = (cached(1), cached(2));
    assert_eq!(cache_delete!(cached(1)).ok(), Some(true));
    assert_eq!((cache_get!(cached(1)), cache_get!(cached(2))), (None, Some(2)));
    assert_eq!(memo::cache_info(cached).invalidations, 1);
}

#[test]
fn temporaries_and_closures_can_be_arguments() {
    #[memoize]
    fn cached(text: &str, _map: impl Fn(u8) -> u8, items: &[String]) -> u64 {
        (text.len() + items.len()) as u64 + fresh()
    }
    let first = skip_cache!(cached(&format!("{}", 1), |n| n + 1, &["a".to_string()]));
    assert_ne!(skip_cache!(cached(&format!("{}", 1), |n| n, &vec!["a".to_string()])), first);
    #[memoize]
    fn plain(text: &str, items: &[String]) -> u64 {
        (text.len() + items.len()) as u64 + fresh()
    }
    let first = overwrite_cache!(plain(&format!("{}", 1), &["a".to_string()]));
    assert_eq!(cache_get!(plain(&String::from("1"), &vec!["a".to_string()])), Some(first));
    assert!(cache_set!(plain("1", &[]), 3).is_ok());
    assert_eq!(plain("1", &[]), 3);
}

mod keys_that_call {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use memo::{Mode, call_with, memoize, overwrite_cache, skip_cache};

    static NORMALIZED: AtomicUsize = AtomicUsize::new(0);

    #[memoize]
    fn normalized(name: &str) -> String {
        NORMALIZED.fetch_add(1, Ordering::Relaxed);
        name.to_lowercase()
    }

    #[memoize(key = normalized(name))]
    fn greeting(name: &str) -> String {
        format!("Hello, {name}")
    }

    #[test]
    fn the_mode_of_a_call_is_not_for_the_functions_in_its_key() {
        assert_eq!(greeting("ANNA"), "Hello, ANNA");
        assert_eq!(greeting("Anna"), "Hello, ANNA");
        assert_eq!(skip_cache!(greeting("anna")), "Hello, anna");
        assert_eq!(overwrite_cache!(greeting("aNNa")), "Hello, aNNa");
        assert_eq!(call_with!(Mode::Normal, greeting("anna")), "Hello, aNNa");
        let info = memo::cache_info(greeting);
        assert_eq!((info.skipped, info.misses, info.hits), (1, 2, 2));
        assert_eq!(memo::cache_info(normalized).skipped, 0);
        assert_eq!(NORMALIZED.load(Ordering::Relaxed), 4, "each spelling once");
    }
}
