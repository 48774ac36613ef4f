//! Row 11: what an address takes for arguments that are not in the key: `_`, or an argument, which is not coerced.

use std::{fmt::Debug, sync::Arc};

use memo::{cache_get, invalidates, memoize};
use memo_tests::fresh;

#[derive(Debug)]
struct Logger;

#[test]
fn excluded_values() {
    #[memoize(exclude(level, logger, name))]
    fn find(level: u8, logger: Option<&Logger>, name: String, id: u64) -> u64 {
        let _ = (level, logger, name);
        id + fresh()
    }
    let first = find(1, None, "a".into(), 1);
    assert_eq!(cache_get!(find(2, Some(&Logger), String::new(), 1)), Some(first));
    assert_eq!(cache_get!(find(_, None::<&Logger>, _, 1)), Some(first));
    assert_eq!(cache_get!(find(2, _, String::from("a"), 1)), Some(first));
    assert_eq!(cache_get!(find(_, _, _, 1)), Some(first));
}

#[test]
fn an_excluded_function() {
    #[memoize(exclude(report))]
    fn find(report: fn(u8) -> u8, id: u64) -> u64 {
        let _ = report;
        id + fresh()
    }
    let first = find(|n| n, 1);
    assert_eq!(cache_get!(find(_, 1)), Some(first));
    assert_eq!(cache_get!(find(u8::count_ones, 1)), Some(first));
}

#[test]
fn an_excluded_trait_object() {
    #[memoize(exclude(logger))]
    fn find(logger: &dyn Debug, id: u64) -> u64 {
        let _ = logger;
        id + fresh()
    }
    let first = find(&Logger, 1);
    assert_eq!(cache_get!(find(_, 1)), Some(first));
    assert_eq!(cache_get!(find(&Logger, 1)), Some(first));
}

#[test]
fn an_excluded_reference_that_a_call_would_dereference() {
    #[memoize(exclude(logger))]
    fn find(logger: &Logger, id: u64) -> u64 {
        let _ = logger;
        id + fresh()
    }
    #[invalidates(find(logger, id))]
    fn update(logger: &Arc<Logger>, id: u64) {
        let _ = (logger, id);
    }
    let logger = Arc::new(Logger);
    let first = find(&logger, 1);
    assert_eq!(cache_get!(find(&logger, 1)), Some(first));
    update(&logger, 1);
    assert_ne!(find(&logger, 1), first);
}

#[test]
fn an_excluded_slice() {
    #[memoize(exclude(hints))]
    fn find(hints: &[&str], id: u64) -> u64 {
        hints.len() as u64 + id + fresh()
    }
    let first = find(&["a"], 1);
    assert_eq!(cache_get!(find(&["a"], 1)), Some(first));
    assert_eq!(cache_get!(find(&vec!["b", "c"], 1)), Some(first));
}

#[test]
fn an_excluded_mutable_reference() {
    #[memoize(exclude(log))]
    fn find(log: &mut Vec<u64>, id: u64) -> u64 {
        log.push(id);
        id + fresh()
    }
    let mut log = Vec::new();
    let first = find(&mut log, 1);
    assert_eq!(cache_get!(find(&mut log, 1)), Some(first));
    let borrowed = &mut log;
    assert_eq!(cache_get!(find(&mut *borrowed, 1)), Some(first));
    borrowed.push(5);
    assert_eq!(log, [1, 5]);
}
