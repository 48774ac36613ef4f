//! Row 23: names and lints of the user's place don't disturb what the attribute makes.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::too_many_arguments, clippy::trivially_copy_pass_by_ref, reason = "many names are what is tested")]
#![forbid(unsafe_code)]
#![forbid(unused_variables, unused_mut, unused_must_use, clippy::unwrap_used)]

use memo::memoize;
use memo_tests::fresh;

#[memoize(ttl = 300, tags = ["hygiene", key], tags = |value| [format!("{value}")], cache_if = |value| *value > 0)]
fn names(key: &str, value: u64, cache: u8, result: u8, run: u8, site: u8, begun: u8, extras: u8) -> u64 {
    let all = [cache, result, run, site, begun, extras];
    key.len() as u64 + value + u64::from(all.into_iter().sum::<u8>()) + fresh()
}

#[memoize]
async fn async_names(
    wait: u8,
    waited: u8,
    future: u8,
    output: u8,
    private: u8,
    then: u8,
    address: u8,
    answer: u8,
) -> u64 {
    u64::from(wait + waited + future + output + private + then + address + answer) + fresh()
}

#[memoize(exclude(armed), max_weight = 100, weigh = |_key, _value| 1, validate = |_entry| set == 6)]
fn more_names(armed: u8, query: u8, marker: u8, kind: u8, guard: u8, set: u8, ttl: u8, tags0: u8, kept0: u8) -> u64 {
    u64::from(armed + query + marker + kind + guard + set + ttl + tags0 + kept0) + fresh()
}

static OBJECT: std::sync::LazyLock<memo::Cache<(u8, u8, u8, u8), u64>> =
    std::sync::LazyLock::new(|| memo::Cache::builder("hygiene").build().expect("memory"));

#[memoize(cache = OBJECT, ttl = 300, jitter = 0.1, if_absent, validate = |_entry| mode > 0, tag = "hygiene")]
fn names_in_a_cache(key: u8, found: u8, mode: u8, object: u8) -> u64 {
    u64::from(key + found + mode + object) + fresh()
}

#[memoize(cache = OBJECT, key = (1, 2, 3, later), cache_if = |value| *value > u64::from(later))]
async fn async_names_in_a_cache(later: u8, kept: &str) -> u64 {
    u64::from(later) + kept.len() as u64 + fresh()
}

#[memo::invalidates(OBJECT[&(plan, result, 3, 4)])]
fn invalidating_names(plan: u8, result: u8) -> u8 {
    plan + result
}

#[test]
fn parameters_may_have_any_name() {
    let first = names_in_a_cache(1, 2, 3, 4);
    assert_eq!(names_in_a_cache(1, 2, 3, 4), first);
    assert_eq!(smol::block_on(async_names_in_a_cache(4, "")), first);
    assert_eq!(memo::cache_get!(names_in_a_cache(1, 2, 3, 4)), Some(first));
    assert_eq!(invalidating_names(1, 2), 3);
    assert_ne!(names_in_a_cache(1, 2, 3, 4), first);
    let first = names("a", 1, 2, 3, 4, 5, 6, 7);
    assert_eq!(names("a", 1, 2, 3, 4, 5, 6, 7), first);
    assert_eq!(memo::cache_get!(names("a", 1, 2, 3, 4, 5, 6, 7)), Some(first));
    assert_ne!(memo::skip_cache!(names("a", 1, 2, 3, 4, 5, 6, 7)), first);
    let first = more_names(1, 2, 3, 4, 5, 6, 7, 8, 9);
    assert_eq!(more_names(9, 2, 3, 4, 5, 6, 7, 8, 9), first);
    smol::block_on(async {
        let first = async_names(1, 2, 3, 4, 5, 6, 7, 8).await;
        assert_eq!(async_names(1, 2, 3, 4, 5, 6, 7, 8).await, first);
        assert_eq!(memo::cache_get!(async_names(1, 2, 3, 4, 5, 6, 7, 8)).await, Some(first));
    });
}

#[test]
fn locals_around_a_macro_may_have_any_name() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let (answer, value, armed, address) = (1, 2, 3, 4);
    cached(answer);
    assert!(memo::cache_get!(cached(answer)).is_some());
    assert_ne!(memo::skip_cache!(cached(armed)), 0);
    assert_ne!(memo::overwrite_cache!(cached(address)), 0);
    assert!(memo::cache_set!(cached(value), value + answer).is_ok());
    assert_eq!(cached(value), 3);
}

#[memo::invalidates(names(key, 1, 2, 3, 4, 5, 6, 7), tag = "plan", tags = ["result"])]
fn invalidating(key: &str, plan: u8, result: &mut u8) {
    *result += plan + u8::from(key.is_empty());
}

#[memo::invalidates(names(&key, 1, 2, 3, 4, 5, 6, 7))]
async fn invalidating_later(key: String, plan: u8) -> Result<(), u8> {
    if plan > 0 { Ok(()) } else { Err(u8::from(key.is_empty())) }
}

#[memo::invalidates(names(key, 1, 2, 3, 4, 5, 6, 7))]
async fn invalidating_nothing(key: &str) {
    let _ = key;
}

#[memo::invalidates(names("b", 1, 2, 3, 4, 5, 6, 7))]
fn invalidating_a_future(plan: u64) -> impl Future<Output = u64> {
    futures::future::ready(plan)
}

#[test]
fn functions_that_invalidate_are_hygienic_too() {
    let mut result = 0;
    names("b", 1, 2, 3, 4, 5, 6, 7);
    invalidating("b", 1, &mut result);
    assert_eq!(result, 1);
    assert!(memo::cache_get!(names("b", 1, 2, 3, 4, 5, 6, 7)).is_none());
    names("b", 1, 2, 3, 4, 5, 6, 7);
    assert_eq!(smol::block_on(invalidating_later("b".into(), 1)), Ok(()));
    smol::block_on(invalidating_nothing("c"));
    assert_eq!(smol::block_on(invalidating_a_future(1)), 1);
    assert!(memo::cache_get!(names("b", 1, 2, 3, 4, 5, 6, 7)).is_none());
}

mod load {
    #[memo::memoize]
    pub(crate) fn load(n: u64) -> u64 {
        n + memo_tests::fresh()
    }
}
use load::load;

#[test]
fn a_module_and_its_function_may_share_a_name() {
    let first = load(1);
    assert_eq!(load(1), first);
    assert_ne!(memo::skip_cache!(load(1)), first);
    assert_eq!(memo::cache_get!(load::load(1)), Some(first));
    assert_eq!(memo::cache_info(load).hits, 1);
}

#[memoize]
fn futures(n: u64) -> u64 {
    let ready = futures::future::ready(n);
    smol::block_on(ready) + fresh()
}

#[memoize]
fn memo(n: u64) -> u64 {
    n + fresh()
}

#[test]
fn a_function_may_have_the_name_of_a_crate() {
    assert_eq!(futures(1), futures(1));
    assert_eq!(memo(1), memo(1));
    assert_eq!(memo::cache_get!(memo(1)), Some(memo(1)));
}

macro_rules! getters {
    ($($(#[$attribute:meta])* $name:ident: $type:ty = $value:expr, $ttl:literal;)*) => {$(
        $(#[$attribute])*
        #[memoize(ttl = $ttl, tag = stringify!($name), max_entries = 5 + 5)]
        fn $name(argument: $type) -> (u64, u64) {
            let _ = &argument;
            ($value, fresh())
        }
    )*};
}

getters! {
    #[inline]
    one: &str = 1, "5m";
    two: Option<&[u8]> = 2, 300;
    three: Vec<&str> = 3, 0.5;
}

macro_rules! hygienic_included {
    ($name:ident, $outer:ident, $body:expr) => {
        #[memoize(exclude(inner))]
        fn $name($outer: u8, inner: u8) -> u64 {
            let _ = inner;
            $body
        }
    };
}

hygienic_included!(included, outer, u64::from(outer) + fresh());

#[test]
fn macros_may_make_functions() {
    assert_eq!(one("a"), one("a"));
    assert_eq!(two(Some(&[1])), two(Some(&[1])));
    assert_eq!(three(vec!["a"]), three(vec!["a"]));
    assert_eq!(included(1, 1), included(1, 2));
    assert_ne!(included(1, 1), included(2, 1));
    assert_eq!(memo::clear_tag("one").map(|cleared| cleared.removed()).ok(), Some(1));
}

mod shadowed {
    #![allow(dead_code, non_camel_case_types, reason = "names that stand in the way")]

    pub(super) struct Option;
    pub(super) struct Result;
    pub(super) struct Some;
    pub(super) struct None;
    pub(super) struct Ok;
    pub(super) struct Err;
    pub(super) struct Box;
    pub(super) struct Vec;
    pub(super) struct String;
    pub(super) struct Clone;
    pub(super) struct Send;
    pub(super) struct Default;
    pub(super) struct Into;
    pub(super) struct Iterator;
    pub(super) struct Pin;
    pub(super) struct Future;
    pub(super) struct Fn;
    pub(super) struct u8;
    pub(super) struct u64;
    pub(super) struct usize;
    pub(super) struct bool;
    pub(super) struct str;
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod alloc {}

    #[memo::memoize(ttl = 300, tags = ["shadowed", text], tags = |value| [*value], max_entries = 10, cache_if = |_value| true, validate = |_entry| true, exclude(log))]
    pub(super) fn cached<'a>(
        text: &'static ::std::primitive::str,
        more: &'a [::std::primitive::u8],
        log: &'a (),
    ) -> &'static ::std::primitive::str {
        let () = *log;
        match more {
            [] => text,
            _ => "more",
        }
    }

    #[memo::memoize(err_ttl = 5)]
    pub(super) async fn fallible(n: ::std::primitive::u8) -> ::std::result::Result<::std::primitive::u8, ()> {
        ::std::result::Result::Ok(n)
    }

    pub(super) fn calls() {
        cached("a", &[], &());
        assert!(memo::cache_get!(cached("a", &[], &())).is_some());
        assert!(memo::cache_set!(cached("a", &[], _), "b").is_ok());
        assert!(memo::skip_cache!(cached("a", &[], &())) == "a");
        assert!(memo::overwrite_cache!(cached("a", &[], &())) == "a");
        assert!(memo::cache_delete!(cached("a", &[], _)).is_ok());
        assert!(memo::cache_entry!(cached("a", &[], _)).is_none());
        assert!(!memo::explain_cache!(cached("a", &[], _)).is_hit());
        assert!(smol::block_on(memo::call_with!(memo::Mode::Normal, fallible(1))).is_ok());
    }
}

#[test]
fn shadowed_names_do_no_harm() {
    shadowed::calls();
    assert_eq!(shadowed::cached("x", &[1], &()), "more");
}
