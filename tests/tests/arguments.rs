//! Row 3: every form of argument, and what makes two calls equal.
#![allow(
    clippy::many_single_char_names,
    clippy::needless_pass_by_value,
    clippy::option_option,
    clippy::ptr_arg,
    clippy::ref_option,
    clippy::too_many_arguments,
    clippy::trivially_copy_pass_by_ref,
    clippy::useless_vec,
    clippy::vec_box,
    reason = "forms of arguments are what is tested"
)]

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use memo::{cache_get, memoize};
use memo_tests::{counts, fresh};

macro_rules! equal_and_different {
    ($($test:ident: $type:ty, $equal:expr, $same:expr, $different:expr;)*) => {$(
        #[test]
        fn $test() {
            #[memoize]
            fn cached(argument: $type) -> u64 {
                fresh()
            }
            let first = cached($equal);
            assert_eq!(cached($same), first);
            assert_ne!(cached($different), first);
            assert_eq!(cache_get!(cached($equal)), Some(first));
            assert_eq!(counts(cached), (1, 2, 2));
        }
    )*};
}

equal_and_different! {
    strings_by_reference: &str, "a", &String::from("a"), "b";
    strings: String, "a".into(), String::from("a"), "b".into();
    references_to_strings: &String, &"a".into(), &String::from("a"), &"b".into();
    slices: &[u8], &[1, 2], &vec![1, 2], &[1, 2, 3];
    vectors: Vec<u8>, vec![1, 2], Vec::from([1, 2]), vec![2, 1];
    references_to_vectors: &Vec<u8>, &vec![1, 2], &Vec::from([1, 2]), &vec![2, 1];
    arrays: [u16; 2], [1, 2], [1, 2], [2, 1];
    references_to_arrays: &[u16; 2], &[1, 2], &[1, 2], &[2, 1];
    tuples: (u8, &str), (1, "a"), (1, &String::from("a")), (1, "b");
    nested_tuples: ((u8, f32), Option<(u8, &str)>), ((1, 0.5), Some((1, "a"))), ((1, 0.5), Some((1, "a"))), ((1, 0.5), None);
    paths: &Path, Path::new("a/b"), &PathBuf::from("a/b"), Path::new("a/c");
    owned_paths: PathBuf, "a/b".into(), PathBuf::from("a").join("b"), "a/c".into();
    optional_texts: Option<&str>, Some("a"), Some(&String::from("a")), None;
    optional_empty_texts: Option<&str>, Some(""), Some(""), None;
    optional_references: Option<&u32>, Some(&1), Some(&1), Some(&2);
    references_to_options: &Option<String>, &Some("a".into()), &Some(String::from("a")), &None;
    nested_options: Option<Option<u8>>, Some(None), Some(None), None;
    slices_of_texts: &[&str], &["a", "bc"], &[&String::from("a"), "bc"], &["ab", "c"];
    slices_of_strings: &[String], &["a".into()], &[String::from("a")], &["b".into()];
    vectors_of_texts: Vec<&str>, vec!["a"], vec![&String::from("a")], vec!["b"];
    slices_of_slices: &[&[u8]], &[&[1], &[2]], &[&[1], &[2]], &[&[1, 2], &[]];
    slices_of_optional_texts: &[Option<&str>], &[Some("a"), None], &[Some("a"), None], &[None, Some("a")];
    cows: Cow<'_, str>, Cow::Borrowed("a"), Cow::Owned("a".into()), Cow::Borrowed("b");
    cows_of_slices: Cow<'_, [u8]>, Cow::Borrowed(&[1]), Cow::Owned(vec![1]), Cow::Borrowed(&[]);
    characters_and_booleans: (char, bool), ('a', true), ('a', true), ('a', false);
    big_integers: (u128, i128), (u128::MAX, i128::MIN), (u128::MAX, i128::MIN), (u128::MAX, 0);
    doubles: f64, 0.1, 0.1, 0.2;
    singles: f32, 0.1, 0.1, 0.2;
    references_to_floats: &f64, &0.1, &0.1, &0.2;
    slices_of_floats: &[f64], &[0.1, f64::NAN], &[0.1, -f64::NAN], &[0.1];
    vectors_of_floats: Vec<f32>, vec![0.0], vec![-0.0], vec![1.0];
    arrays_of_floats: [f64; 2], [0.0, 1.0], [-0.0, 1.0], [1.0, 0.0];
    optional_floats: Option<f64>, Some(0.0), Some(-0.0), None;
    hash_maps: HashMap<u32, &'static str>, (0..99).map(|n| (n, "x")).collect(), (0..99).rev().map(|n| (n, "x")).collect(), (0..99).map(|n| (n, "y")).collect();
    references_to_hash_maps: &HashMap<u32, u32>, &(0..99).map(|n| (n, n)).collect(), &(0..99).rev().map(|n| (n, n)).collect(), &(1..99).map(|n| (n, n)).collect();
    hash_sets: HashSet<u32>, (0..99).collect(), (0..99).rev().collect(), (0..98).collect();
    references_to_hash_sets: &HashSet<u32>, &(0..99).collect(), &(0..99).rev().collect(), &(0..98).collect();
    ordered_maps: &BTreeMap<u8, u8>, &BTreeMap::from([(1, 2), (2, 3)]), &BTreeMap::from([(2, 3), (1, 2)]), &BTreeMap::new();
    durations: Duration, Duration::from_millis(1500), Duration::new(1, 500_000_000), Duration::from_secs(3);
    shared_texts: Arc<str>, "a".into(), Arc::from(String::from("a")), "b".into();
    references_to_shared: &Arc<str>, &"a".into(), &Arc::from(String::from("a")), &"b".into();
    boxes: Box<[u8]>, [1].into(), vec![1].into(), [2].into();
    boxed_texts: Box<str>, "a".into(), String::from("a").into(), "b".into();
    units: (u8, ()), (1, ()), (1, ()), (2, ());
    results: Result<u8, String>, Ok(1), Ok(1), Err("a".into());
    function_pointers: fn(i32) -> i32, i32::abs, i32::abs, i32::signum;
}

#[test]
fn zeroes_are_one_and_all_nans_are_one() {
    #[memoize]
    fn cached(x: f64) -> u64 {
        fresh()
    }
    assert_eq!(cached(0.0), cached(-0.0));
    assert_eq!(cached(f64::NAN), cached(-f64::NAN));
    assert_eq!(cached(f64::NAN), cached(f64::from_bits(f64::NAN.to_bits() | 1)));
    assert_ne!(cached(f64::NAN), cached(f64::INFINITY));
    assert_ne!(cached(f64::INFINITY), cached(f64::NEG_INFINITY));
    assert_ne!(cached(0.0), cached(f64::MIN_POSITIVE));
    assert_eq!(memo::cache_info(cached).size, 5);
}

#[test]
fn keys_with_one_hash_are_told_apart_by_equality() {
    #[derive(Clone, PartialEq, Eq)]
    struct Colliding(u32);
    impl std::hash::Hash for Colliding {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }
    #[memoize]
    fn cached(key: Colliding) -> u32 {
        key.0
    }
    for _ in 0..2 {
        for n in 0..100 {
            assert_eq!(cached(Colliding(n)), n);
        }
    }
    assert_eq!(counts(cached), (100, 100, 100));
}

#[test]
fn borders_between_arguments_count() {
    #[memoize]
    fn cached(a: &str, b: &str) -> u64 {
        fresh()
    }
    assert_ne!(cached("ab", "c"), cached("a", "bc"));
    assert_ne!(cached("", "abc"), cached("abc", ""));
}

#[test]
fn enums_and_structs_of_users_work() {
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    enum Query<'a> {
        ById(u32),
        ByName { name: &'a str },
    }
    #[memoize]
    fn cached(query: Query<'static>) -> u64 {
        fresh()
    }
    #[memoize]
    fn borrowed(query: &Query<'static>) -> u64 {
        fresh()
    }
    assert_eq!(cached(Query::ById(1)), cached(Query::ById(1)));
    assert_ne!(cached(Query::ById(1)), cached(Query::ByName { name: "1" }));
    assert_eq!(borrowed(&Query::ById(1)), borrowed(&Query::ById(1)));
    assert_ne!(borrowed(&Query::ById(1)), borrowed(&Query::ById(2)));
}

#[test]
fn shared_values_are_compared_by_what_they_hold() {
    #[memoize(scope = "thread")]
    fn cached(text: Rc<str>) -> u64 {
        fresh()
    }
    assert_eq!(cached("a".into()), cached(Rc::from(String::from("a"))));
}

struct Point {
    x: u8,
    y: u8,
}

#[memoize(key = (x, y))]
fn destructured(Point { x, y }: Point) -> (u8, u64) {
    (x + y, fresh())
}

#[memoize]
fn patterns((a, b): (u8, &str), [first, .., last]: [u8; 3], &n: &u32) -> (u32, u64) {
    (u32::from(a + first + last) + n + u32::try_from(b.len()).unwrap_or(0), fresh())
}

#[memoize]
fn nested_patterns((mut a, (b, _)): (u8, (u8, u8)), ref text @ String { .. }: String) -> (u8, u64) {
    a += b;
    (a + u8::try_from(text.len()).unwrap_or(0), fresh())
}

#[test]
fn patterns_are_keys_as_a_whole() {
    assert_eq!(destructured(Point { x: 1, y: 2 }), destructured(Point { x: 1, y: 2 }));
    assert_ne!(destructured(Point { x: 1, y: 2 }), destructured(Point { x: 2, y: 1 }));
    let first = patterns((1, "ab"), [1, 2, 3], &4);
    assert_eq!(first.0, 11);
    assert_eq!(patterns((1, "ab"), [1, 2, 3], &4), first);
    assert_ne!(patterns((1, "ab"), [1, 9, 3], &4), first, "also what the pattern does not bind");
    assert_eq!(cache_get!(patterns((1, "ab"), [1, 2, 3], &4)), Some(first));
    let first = nested_patterns((1, (2, 3)), "ab".into());
    assert_eq!(first.0, 5);
    assert_eq!(nested_patterns((1, (2, 3)), "ab".into()), first);
    assert_ne!(nested_patterns((1, (2, 4)), "ab".into()), first);
}

#[test]
fn the_body_gets_its_arguments_unharmed() {
    #[memoize]
    fn consumed(text: String, items: Vec<Box<u8>>, cow: Cow<'_, str>) -> (Vec<u8>, Vec<Box<u8>>, String) {
        (text.into_bytes(), items, cow.into_owned())
    }
    let expected = (vec![b'a'], vec![Box::new(1)], String::from("c"));
    for _ in 0..2 {
        assert_eq!(consumed("a".into(), vec![Box::new(1)], "c".into()), expected);
    }
    assert_eq!(counts(consumed), (1, 1, 1));
}

macro_rules! many {
    ($($test:ident: $($name:ident $n:literal)+;)*) => {$(
        #[test]
        fn $test() {
            #[memoize]
            fn cached($($name: u64),+) -> (u64, u64) {
                (0 $(+ $name)+, fresh())
            }
            let sum: u64 = [$($n),+].iter().sum();
            let first = cached($($n),+);
            assert_eq!(first.0, sum);
            assert_eq!(cached($($n),+), first);
            assert_eq!(cache_get!(cached($($n),+)), Some(first));
            assert_ne!(cached($(sum - $n),+), first);
            assert_eq!(counts(cached), (1, 2, 2));
        }
    )*};
}

many! {
    twelve_parameters: a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12;
    thirteen_parameters: a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12 m 13;
    sixteen_parameters: a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12 m 13 n 14 o 15 p 16;
    twenty_parameters: a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12 m 13 n 14 o 15 p 16 q 17 r 18 s 19 t 20;
}

#[test]
fn the_last_of_many_parameters_counts() {
    #[memoize]
    fn cached(
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
        m: u8,
        n: u8,
        o: u8,
        p: &str,
    ) -> u64 {
        fresh()
    }
    let call = |last: &str| cached(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);
    assert_eq!(call("x"), call("x"));
    assert_ne!(call("x"), call("y"));
}
