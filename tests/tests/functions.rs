//! Row 1: free and local functions of every form.
#![allow(unsafe_code, reason = "`unsafe fn` is one of the forms")]

use memo::{cache_get, memoize};
use memo_tests::{counts, fresh};

#[memoize]
fn number(n: u64) -> u64 {
    n + fresh()
}

#[test]
fn a_second_call_returns_the_first_value() {
    let first = number(1);
    assert_eq!(number(1), first);
    assert_ne!(number(2), first);
    assert_eq!(counts(number), (1, 2, 2));
}

#[memoize]
fn nullary() -> u64 {
    fresh()
}

#[test]
fn a_function_without_parameters_has_one_entry() {
    assert_eq!(nullary(), nullary());
    assert_eq!(counts(nullary), (1, 1, 1));
}

#[memoize]
fn unit(n: u8) {
    let _ = n;
}

#[test]
fn a_function_that_returns_nothing_runs_once() {
    unit(1);
    unit(1);
    assert_eq!(counts(unit), (1, 1, 1));
}

fn one() -> u64 {
    #[memoize]
    fn local(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    local(1)
}

fn other() -> u64 {
    #[memoize]
    fn local(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    local(1)
}

#[test]
fn local_functions_of_one_name_have_separate_caches() {
    assert_eq!(one(), one());
    assert_eq!(other(), other());
    assert_ne!(one(), other());
}

#[test]
fn local_functions_of_one_name_in_sibling_blocks_have_separate_caches() {
    let first = {
        #[memoize]
        fn same(n: u8) -> u64 {
            u64::from(n) + fresh()
        }
        assert_eq!(same(1), same(1));
        same(1)
    };
    let second = {
        #[memoize]
        fn same(n: u8) -> u64 {
            u64::from(n) + fresh()
        }
        assert_eq!(cache_get!(same(1)), None);
        assert_eq!(same(1), same(1));
        same(1)
    };
    assert_ne!(first, second);
}

#[test]
fn a_memoized_function_inside_a_memoized_one_has_its_own_cache() {
    #[memoize]
    fn outer(n: u8) -> (u64, u64) {
        #[memoize]
        fn inner(n: u8) -> u64 {
            u64::from(n) + fresh()
        }
        (fresh(), inner(n / 2))
    }
    let (two, three) = (outer(2), outer(3));
    assert_eq!(outer(2), two);
    assert_ne!(two.0, three.0);
    assert_eq!(two.1, three.1);
}

#[memoize]
fn sized<const N: usize>() -> (usize, u64) {
    (N, fresh())
}

#[test]
fn const_generics_have_a_cache_each() {
    let (three, four) = (sized::<3>(), sized::<4>());
    assert_eq!((three.0, four.0), (3, 4));
    assert_eq!(sized::<3>(), three);
    assert_eq!(sized::<4>(), four);
    assert_eq!(cache_get!(sized::<3>()), Some(three));
    assert_eq!(cache_get!(sized::<5>()), None);
}

#[memoize]
fn summed<const N: usize>(array: [u32; N]) -> (u32, u64) {
    (array.iter().sum(), fresh())
}

#[test]
fn const_generics_come_from_the_arguments() {
    assert_eq!(summed([1, 2]), summed([1, 2]));
    assert_eq!(summed([1, 2]).0, summed([1, 1, 1]).0);
    assert_ne!(summed([1, 2]).1, summed([1, 1, 1]).1);
}

#[memoize]
unsafe fn trusted(n: u8) -> u64 {
    u64::from(n) + fresh()
}

#[test]
fn unsafe_functions_stay_unsafe_and_are_cached() {
    let function: unsafe fn(u8) -> u64 = trusted;
    // SAFETY: the function asks for nothing.
    let (first, second) = unsafe { (trusted(1), function(1)) };
    assert_eq!(first, second);
}

#[memoize]
extern "C" fn foreign(n: u8) -> u64 {
    u64::from(n) + fresh()
}

#[test]
fn an_abi_is_kept() {
    let function: extern "C" fn(u8) -> u64 = foreign;
    assert_eq!(function(1), foreign(1));
}

#[memoize]
fn r#match(r#type: u8) -> u64 {
    u64::from(r#type) + fresh()
}

#[test]
fn raw_identifiers_are_names_like_others() {
    let first = r#match(1);
    assert_eq!(r#match(1), first);
    assert_eq!(cache_get!(r#match(1)), Some(first));
    assert_eq!(memo::cache_info(r#match).hits, 1);
}

#[test]
fn a_function_is_still_a_value() {
    #[memoize]
    fn valued(n: u64) -> u64 {
        n + fresh()
    }
    let pointer: fn(u64) -> u64 = valued;
    let mapped: Vec<u64> = [1, 2, 1].into_iter().map(valued).collect();
    assert_eq!(mapped[0], mapped[2]);
    assert_eq!(pointer(2), mapped[1]);
}

#[memoize]
fn returns_early(text: &str) -> Result<u64, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    let parsed: u64 = text.parse()?;
    Ok(parsed + fresh())
}

#[test]
fn return_and_question_mark_leave_the_body_only() {
    assert_eq!(returns_early(""), Ok(0));
    assert_eq!(returns_early(""), Ok(0));
    assert!(returns_early("x").is_err());
    assert_eq!(returns_early("1"), returns_early("1"));
    assert_eq!(memo::cache_info(returns_early).size, 2);
}

mod visible {
    /// Documented.
    #[must_use]
    #[memo::memoize]
    #[inline(never)]
    pub(crate) fn before_and_after(n: u8) -> u64 {
        u64::from(n) + memo_tests::fresh()
    }

    #[memo::memoize]
    #[cfg(any())]
    fn left_out(n: Missing) -> Missing {
        n
    }

    #[cfg(any())]
    #[memo::memoize]
    fn left_out_too(n: Missing) -> Missing {
        n
    }

    pub(super) mod deep {
        #[memo::memoize]
        pub(in crate::visible) fn restricted(n: u8) -> u64 {
            u64::from(n) + memo_tests::fresh()
        }
    }

    pub(crate) fn through(n: u8) -> (u64, Option<u64>) {
        (deep::restricted(n), memo::cache_get!(deep::restricted(n)))
    }
}

#[test]
fn visibility_and_other_attributes_are_kept() {
    assert_eq!(visible::before_and_after(1), visible::before_and_after(1));
    let (value, stored) = visible::through(1);
    assert_eq!(stored, Some(value));
    assert_eq!(cache_get!(visible::before_and_after(1)), Some(visible::before_and_after(1)));
}

#[memoize]
fn with_where<'a, T>(items: &'a [T], text: &'a str) -> u64
where
    T: std::hash::Hash + Eq + Clone + Send + Sync + 'static,
{
    (items.len() + text.len()) as u64 + fresh()
}

#[test]
fn lifetimes_and_where_clauses_are_kept() {
    let text = String::from("ab");
    assert_eq!(with_where(&[1, 2], &text), with_where(&[1, 2], "ab"));
    assert_ne!(with_where(&['a'], &text), with_where(&["a"], &text));
}

#[memoize]
fn with_mut(mut n: u64) -> u64 {
    n += 1;
    n += fresh();
    n
}

#[test]
fn mut_parameters_keep_their_key() {
    let first = with_mut(1);
    assert_eq!(with_mut(1), first);
    assert_eq!(cache_get!(with_mut(1)), Some(first));
}

#[memoize]
fn with_inner_attributes(n: u8) -> u64 {
    #![allow(unused_variables)]
    let unused = n;
    fresh()
}

#[test]
fn inner_attributes_are_kept() {
    assert_eq!(with_inner_attributes(1), with_inner_attributes(1));
}

#[test]
fn a_panic_of_the_body_reaches_the_caller_and_stores_nothing() {
    #[memoize]
    fn fragile(n: u8, _times: u8) -> u8 {
        assert!(n > 0, "zero");
        n
    }
    for _ in 0..2 {
        let caught = std::panic::catch_unwind(|| fragile(0, 1)).expect_err("panics");
        assert_eq!(*caught.downcast::<&str>().expect("a text"), "zero");
    }
    assert_eq!(fragile(1, 1), 1);
    assert_eq!(memo::cache_info(fragile).size, 1);
}
