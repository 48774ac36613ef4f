//! Rows 1, 11, 19, 20, 35; promise 9: functions whose entries live in a cache object, with all that other options say.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use memo::{
    Cache, Explanation, SetOptions, cache_delete, cache_entry, cache_get, cache_info, cache_set, call_with,
    clock::TestClock, explain_cache, memoize, overwrite_cache, skip_cache,
};
use memo_tests::{counts, fresh};

fn built<K: memo::Key, V: memo::Value>(name: &str) -> Cache<K, V> {
    Cache::builder(name).build().expect("memory needs nothing")
}

#[test]
fn function_and_object_have_the_same_entries() {
    static USERS: LazyLock<Cache<u64, String>> = LazyLock::new(|| built("users"));
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[memoize(cache = USERS)]
    fn user(id: u64) -> String {
        RUNS.fetch_add(1, Relaxed);
        format!("user {id}")
    }
    assert_eq!((user(1), user(1)), ("user 1".to_owned(), "user 1".to_owned()));
    assert_eq!(USERS.get(&1).expect("memory"), Some("user 1".to_owned()));
    USERS.set(2, "set".to_owned()).expect("memory");
    assert_eq!(user(2), "set");
    assert!(USERS.delete(&1).expect("memory"));
    assert_eq!(user(1), "user 1");
    assert_eq!(USERS.get_or_compute(&1, || unreachable!("it is there")).expect("memory"), "user 1");
    assert_eq!(RUNS.load(Relaxed), 2);
    // The function counts its calls, the object everybody's.
    let (of_function, of_object) = (cache_info(user), USERS.stats());
    assert_eq!((of_function.hits, of_function.misses, of_function.stores, of_function.size), (2, 2, 2, 2));
    assert_eq!((of_object.hits, of_object.misses, of_object.stores, of_object.size), (4, 2, 3, 2));
    assert_eq!((of_function.invalidations, of_object.invalidations), (0, 1));
    assert!(of_function.name.ends_with("user") && of_object.name == "users");
    assert!(of_function.mean_cost() > Duration::ZERO);
    memo::reset_stats(user).expect("memoized");
    assert_eq!(cache_info(user).calls(), 0);
    assert_eq!(USERS.stats().calls(), 6);
}

#[test]
fn functions_share_an_object() {
    static LENGTHS: LazyLock<Cache<String, usize>> = LazyLock::new(|| built("lengths"));
    #[memoize(cache = LENGTHS)]
    fn of_text(text: &str) -> usize {
        text.len()
    }
    #[memoize(cache = LENGTHS)]
    fn of_string(text: String) -> usize {
        unreachable!("{text} is there")
    }
    assert_eq!((of_text("four"), of_string("four".to_owned())), (4, 4));
    assert_eq!((counts(of_text), counts(of_string)), ((0, 1, 1), (1, 0, 1)));
}

/// What a call stores is found by the object's key, and the other way round.
macro_rules! same_key {
    ($($name:ident: ($($arg:ident: $type:ty = $value:expr),*) as $key:ty = $owned:expr;)*) => {$(
        #[test]
        fn $name() {
            static OBJECT: LazyLock<Cache<$key, u64>> = LazyLock::new(|| built(stringify!($name)));
            #[memoize(cache = OBJECT)]
            fn computed($($arg: $type),*) -> u64 {
                $(let _ = $arg;)*
                fresh()
            }
            let value = computed($($value),*);
            assert_eq!(OBJECT.get(&$owned).expect("memory"), Some(value));
            OBJECT.set($owned, 7).expect("memory");
            assert_eq!(computed($($value),*), 7);
            assert_eq!(OBJECT.len().expect("memory"), 1);
        }
    )*};
}

mod keys {
    use super::*;

    same_key! {
        nothing: () as () = ();
        number: (n: u64 = 1) as u64 = 1;
        text: (text: &str = "a") as String = "a".to_owned();
        several: (text: &str = "a", n: u32 = 1, flag: bool = true) as (String, u32, bool) = ("a".to_owned(), 1, true);
        optional_number: (n: Option<u8> = Some(1)) as Option<u8> = Some(1);
        optional_text: (text: Option<&str> = Some("a")) as Option<String> = Some("a".to_owned());
        no_text: (text: Option<&str> = None) as Option<String> = None;
        bytes: (bytes: &[u8] = b"ab") as Vec<u8> = b"ab".to_vec();
        texts: (texts: &[&str] = &["a", "b"]) as Vec<String> = vec!["a".to_owned(), "b".to_owned()];
        optional_texts: (texts: &[Option<&str>] = &[Some("a"), None]) as Vec<Option<String>> = vec![Some("a".to_owned()), None];
        references_to_numbers: (numbers: &[&u8] = &[&1, &2]) as Vec<u8> = vec![1, 2];
        array_of_texts: (texts: [&str; 2] = ["a", "b"]) as [String; 2] = ["a".to_owned(), "b".to_owned()];
        array_of_references: (numbers: [&u16; 2] = [&1, &2]) as [u16; 2] = [1, 2];
        float: (x: f64 = -0.0) as u64 = 0;
        floats: (xs: &[f64] = &[1.0, 2.0]) as Vec<u64> = vec![1f64.to_bits(), 2f64.to_bits()];
        array_of_floats: (xs: [f32; 2] = [1.0, 2.0]) as [u32; 2] = [1f32.to_bits(), 2f32.to_bits()];
        pair: (pair: (&str, f64) = ("a", 1.0)) as (String, u64) = ("a".to_owned(), 1f64.to_bits());
        pairs: (pairs: &[(&str, &u8)] = &[("a", &1)]) as Vec<(String, u8)> = vec![("a".to_owned(), 1)];
        cow: (text: Cow<'_, str> = Cow::Borrowed("a")) as String = "a".to_owned();
        path: (path: &Path = Path::new("/a/b")) as PathBuf = PathBuf::from("/a/b");
        nested_references: (text: &&str = &"a") as String = "a".to_owned();
        arc: (text: Arc<str> = Arc::from("a")) as Arc<str> = Arc::<str>::from("a");
    }

    #[test]
    fn the_key_may_be_computed() {
        static FOUND: LazyLock<Cache<(String, usize), u64>> = LazyLock::new(|| built("found"));
        #[memoize(cache = FOUND, key = (name.to_lowercase(), limit))]
        fn find(name: &str, limit: usize, trace: bool) -> u64 {
            let _ = (name, limit, trace);
            fresh()
        }
        let value = find("ADA", 3, false);
        assert_eq!(find("ada", 3, true), value);
        assert_eq!(FOUND.get(&("ada".to_owned(), 3)).expect("memory"), Some(value));
        assert_eq!(cache_get!(find("Ada", 3, _)), Some(value));
    }

    #[test]
    fn more_parts_than_a_tuple_has() {
        type Key = (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, (u8, u8));
        static MANY: LazyLock<Cache<Key, u64>> = LazyLock::new(|| built("many"));
        #[memoize(cache = MANY)]
        #[expect(clippy::too_many_arguments, clippy::many_single_char_names, reason = "that is the point")]
        fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8) -> u64 {
            let _ = (a, b, c, d, e, f, g, h, i, j, k, l, m);
            fresh()
        }
        let value = many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);
        let key = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, (12, 13));
        assert_eq!(MANY.get(&key).expect("memory"), Some(value));
    }
}

/// The ways in which an expression leads to an object.
mod expressions {
    use super::*;

    #[test]
    fn a_parameter() {
        #[memoize(cache = cache)]
        fn by_reference(cache: &Cache<u64, u64>, n: u64) -> u64 {
            let _ = cache;
            n + fresh()
        }
        let (one, other) = (built("one"), built("other"));
        let value = by_reference(&one, 1);
        assert_eq!(by_reference(&one, 1), value);
        assert_ne!(by_reference(&other, 1), value);
        assert_eq!(cache_get!(by_reference(&one, 1)), Some(value));
        assert_eq!(counts(by_reference), (1, 2, 2));
    }

    #[test]
    fn a_parameter_that_the_body_consumes() {
        #[memoize(cache = cache)]
        fn number(cache: Arc<Cache<String, u64>>, name: String) -> u64 {
            drop((cache, name));
            fresh()
        }
        let cache = Arc::new(built("numbers"));
        let value = number(cache.clone(), "a".to_owned());
        assert_eq!(number(cache.clone(), "a".to_owned()), value);
        assert_eq!(cache.get("a").expect("memory"), Some(value));
        assert!(cache_delete!(number(cache.clone(), "a".to_owned())).expect("memory"));
        assert_ne!(number(cache, "a".to_owned()), value);
    }

    struct Repo {
        tenant: u8,
        cache: Cache<u64, String>,
    }

    impl Repo {
        // The body uses `self`, and the expression says what that means: every repository has entries of its own.
        #[memoize(cache = self.cache)]
        fn profile(&self, id: u64) -> String {
            format!("{id} of {}", self.tenant)
        }

        #[memoize(cache = self.cache)]
        fn consumed(self, id: u64) -> String {
            unreachable!("{id} of {} is there", self.tenant)
        }
    }

    trait Load {
        fn load(&self, id: u64) -> String;
    }

    #[memoize]
    impl Load for Repo {
        #[memoize(cache = &self.cache, key = id + 100)]
        fn load(&self, id: u64) -> String {
            format!("loaded {id} of {}", self.tenant)
        }
    }

    #[test]
    fn a_field_of_the_receiver() {
        let [one, two] = [1, 2].map(|tenant| Repo { tenant, cache: built("repo") });
        assert_eq!((one.profile(7), two.profile(7)), ("7 of 1".to_owned(), "7 of 2".to_owned()));
        assert_eq!((one.profile(7), two.profile(7)), ("7 of 1".to_owned(), "7 of 2".to_owned()));
        assert_eq!(counts(Repo::profile), (2, 2, 2));
        assert_eq!((one.load(7), two.load(7)), ("loaded 7 of 1".to_owned(), "loaded 7 of 2".to_owned()));
        assert_eq!(cache_get!(two.profile(7)), Some("7 of 2".to_owned()));
        assert_eq!(cache_get!(Repo::load(&two, 7)), Some("loaded 7 of 2".to_owned()));
        assert!(cache_delete!(Repo::profile(&one, 7)).expect("memory"));
        assert_eq!((cache_get!(one.profile(7)), two.cache.get(&7).expect("memory").is_some()), (None, true));
        assert_eq!(two.consumed(7), "7 of 2");
        assert_eq!(memo::cache_clear(Repo::profile).expect("memory").removed(), 1, "`two` is gone, and its entries");
    }

    static SHARDS: LazyLock<[Cache<u64, u64>; 2]> = LazyLock::new(|| [built("even"), built("odd")]);

    #[memoize(cache = SHARDS[usize::from(n % 2 == 1)])]
    fn sharded(n: u64) -> u64 {
        n + fresh()
    }

    #[test]
    fn an_expression_over_the_arguments() {
        for n in 0..5 {
            sharded(n);
        }
        assert_eq!(SHARDS.each_ref().map(|cache| cache.len().expect("memory")), [3, 2]);
        assert_eq!(cache_info(sharded).size, 5);
        assert!(cache_get!(sharded(3)).is_some());
    }

    #[test]
    fn a_cache_behind_a_lock_that_the_body_takes_too() {
        static CURRENT: LazyLock<Mutex<Cache<u64, u64>>> = LazyLock::new(|| Mutex::new(built("current")));
        #[memoize(cache = CURRENT.lock().expect("nobody panics"))]
        fn down(n: u64) -> u64 {
            assert!(CURRENT.try_lock().is_ok(), "the expression's lock is given back");
            if n == 0 { 0 } else { down(n - 1) + 1 }
        }
        assert_eq!(down(20), 20);
        assert_eq!(CURRENT.lock().expect("nobody panics").len().expect("memory"), 21);
    }

    trait Kind: Copy + Send + Sync + std::hash::Hash + Eq + 'static {
        fn cache() -> &'static Cache<Self, u64>;
    }

    impl Kind for u8 {
        fn cache() -> &'static Cache<u8, u64> {
            static BYTES: LazyLock<Cache<u8, u64>> = LazyLock::new(|| built("bytes"));
            &BYTES
        }
    }

    impl Kind for char {
        fn cache() -> &'static Cache<char, u64> {
            static CHARS: LazyLock<Cache<char, u64>> = LazyLock::new(|| built("chars"));
            &CHARS
        }
    }

    #[test]
    fn generic_functions() {
        #[memoize(cache = T::cache())]
        fn of<T: Kind>(kind: T) -> u64 {
            let _ = kind;
            fresh()
        }
        assert_eq!((of(1u8), of('1')), (of(1u8), of('1')));
        assert_eq!((<u8 as Kind>::cache().len().expect("memory"), cache_info(of::<u8>).instantiations().len()), (1, 2));
    }

    #[test]
    fn names_of_parameters_are_the_users() {
        static OBJECT: LazyLock<Cache<(u8, u8, u8), u64>> = LazyLock::new(|| built("object"));
        #[memoize(cache = OBJECT)]
        fn named(key: u8, found: u8, mode: u8) -> u64 {
            u64::from(key + found + mode)
        }
        assert_eq!((named(1, 2, 3), named(1, 2, 3)), (6, 6));
    }

    #[test]
    fn a_destructured_parameter() {
        struct Both(Cache<u64, u64>, u64);
        #[memoize(cache = cache, key = *n)]
        fn number(Both(cache, n): &Both) -> u64 {
            cache.get(n).expect("memory").unwrap_or_else(fresh)
        }
        let both = Both(built("both"), 1);
        assert_eq!(number(&both), number(&both));
        assert_eq!(both.0.len().expect("memory"), 1);
    }
}

mod values {
    use super::*;

    type Numbers = LazyLock<Cache<u64, u64>>;

    #[test]
    fn of_results_only_ok_is_stored() {
        static OBJECT: Numbers = LazyLock::new(|| built("ok"));
        #[memoize(cache = OBJECT)]
        fn parsed(n: u64) -> Result<u64, std::fmt::Error> {
            if n == 0 { Err(std::fmt::Error) } else { Ok(n + fresh()) }
        }
        assert_eq!((parsed(0), parsed(1)), (Err(std::fmt::Error), parsed(1)));
        assert_eq!((OBJECT.get(&0).expect("memory"), OBJECT.get(&1).expect("memory")), (None, parsed(1).ok()));
        assert_eq!(cache_get!(parsed(1)), parsed(1).ok());
    }

    #[test]
    fn whole_results_where_errors_are_stored() {
        static OBJECT: LazyLock<Cache<u64, Result<u64, String>>> = LazyLock::new(|| built("whole"));
        #[memoize(cache = OBJECT, err_ttl = 5, ttl = 60)]
        fn parsed(n: u64) -> Result<u64, String> {
            if n == 0 { Err(fresh().to_string()) } else { Ok(n + fresh()) }
        }
        let clock = TestClock::install();
        let (wrong, right) = (parsed(0), parsed(1));
        assert_eq!((parsed(0), OBJECT.get(&0).expect("memory")), (wrong.clone(), Some(wrong.clone())));
        clock.advance(Duration::from_secs(5));
        assert_ne!(parsed(0), wrong);
        assert_eq!(parsed(1), right);
    }

    #[test]
    fn times_are_those_of_the_function_else_of_the_object() {
        static OBJECT: Numbers =
            LazyLock::new(|| Cache::builder("times").ttl(100).build().expect("memory needs nothing"));
        #[memoize(cache = OBJECT)]
        fn plain(n: u64) -> u64 {
            n + fresh()
        }
        #[memoize(cache = OBJECT, ttl = 10, key = n + 1000)]
        fn short(n: u64) -> u64 {
            n + fresh()
        }
        #[memoize(cache = OBJECT, ttl = Duration::from_secs(n), key = n + 2000)]
        fn of_arguments(n: u64) -> u64 {
            fresh()
        }
        #[memoize(cache = OBJECT, ttl = |value| *value, key = n + 3000)]
        fn of_value(n: u64) -> u64 {
            n
        }
        let clock = TestClock::install();
        plain(1);
        short(1);
        of_arguments(20);
        of_value(30);
        let left = |key: u64| OBJECT.entry(&key).expect("memory").and_then(|entry| entry.remaining());
        assert_eq!([1, 1001, 2020, 3030].map(left), [100, 10, 20, 30].map(|secs| Some(Duration::from_secs(secs))));
        clock.advance(Duration::from_secs(10));
        assert_eq!((cache_get!(short(1)), cache_get!(plain(1)).is_some()), (None, true));
        cache_set!(short(1), 5).expect("memory");
        assert_eq!(left(1001), Some(Duration::from_secs(10)));
    }

    #[test]
    fn jitter_is_added_to_the_ttl_of_the_object() {
        static OBJECT: Numbers =
            LazyLock::new(|| Cache::builder("jitter").ttl(100).build().expect("memory needs nothing"));
        #[memoize(cache = OBJECT, jitter = "50s")]
        fn number(n: u64) -> u64 {
            n
        }
        let _clock = TestClock::install();
        let lives = |n| {
            number(n);
            cache_entry!(number(n)).expect("stored").remaining().expect("it expires")
        };
        let times: Vec<Duration> = (0..100).map(lives).collect();
        assert!(times.iter().all(|time| (100..=150).contains(&time.as_secs())), "{times:?}");
        assert!(times.iter().any(|time| *time != times[0]));
    }

    #[test]
    fn none_has_a_ttl_of_its_own() {
        static OBJECT: LazyLock<Cache<u64, Option<u64>>> = LazyLock::new(|| built("none"));
        #[memoize(cache = OBJECT, none_ttl = 5)]
        fn found(n: u64) -> Option<u64> {
            (n > 0).then_some(n)
        }
        let _clock = TestClock::install();
        let left = |n| {
            found(n);
            cache_entry!(found(n)).expect("stored").remaining()
        };
        assert_eq!((left(0), left(1)), (Some(Duration::from_secs(5)), None));
    }

    #[test]
    fn tags_of_all_kinds() {
        static OBJECT: Numbers = LazyLock::new(|| built("tags"));
        #[memoize(cache = OBJECT, tag = "option numbers", tags = [format!("option {n}")], tags = |value| [format!("option value {value}")])]
        fn number(n: u64) -> u64 {
            n * 10
        }
        let tags = || cache_entry!(number(1)).map(|entry| entry.tags().map(str::to_owned).collect::<Vec<_>>());
        number(1);
        assert_eq!(tags().expect("stored"), ["option 1", "option numbers", "option value 10"]);
        for tag in ["option numbers", "option 1", "option value 10"] {
            number(1);
            number(2);
            OBJECT.set(3, 3).expect("memory");
            let removed = if tag == "option numbers" { 2 } else { 1 };
            assert_eq!(memo::clear_tag(tag).expect("memory").removed(), removed, "{tag}");
            assert_eq!((tags(), OBJECT.get(&3).expect("memory")), (None, Some(3)), "{tag}");
        }
        cache_set!(number(1), 5).expect("memory");
        assert_eq!(tags().expect("stored"), ["option 1", "option numbers", "option value 5"]);
    }

    #[test]
    fn values_and_entries_are_tested() {
        static OBJECT: Numbers = LazyLock::new(|| built("tested"));
        #[memoize(cache = OBJECT, cache_if = |value| *value != 0, validate = |entry| *entry.value() < most, exclude(most))]
        fn below(n: u64, most: u64) -> u64 {
            n + most
        }
        below(0, 0);
        assert_eq!(OBJECT.len().expect("memory"), 0);
        OBJECT.set(1, 5).expect("memory");
        assert_eq!((below(1, 10), below(1, 5)), (5, 6));
        assert_eq!(counts(below), (1, 2, 1));
        assert_eq!((cache_get!(below(1, 6)), cache_get!(below(1, 7))), (None, Some(6)));
        assert_eq!(explain_cache!(below(1, 6)), Explanation::Invalid);
    }

    #[test]
    fn a_computed_value_may_yield() {
        static OBJECT: Numbers = LazyLock::new(|| built("yields"));
        #[memoize(cache = OBJECT, if_absent)]
        fn yields(n: u64) -> u64 {
            OBJECT.set(n, 7).expect("memory");
            n
        }
        #[memoize(cache = OBJECT)]
        fn replaces(n: u64) -> u64 {
            OBJECT.get_or_compute(&(n + 1), || 9).expect("memory");
            n
        }
        assert_eq!((yields(1), yields(1)), (1, 7));
        assert_eq!((replaces(2), cache_get!(replaces(2)), cache_get!(replaces(3))), (2, Some(2), Some(9)));
        cache_set!(yields(1), 8).expect("memory");
        assert_eq!(yields(1), 8);
    }

    #[test]
    fn bounds_and_weights_are_those_of_the_object() {
        static OBJECT: LazyLock<Cache<u64, String>> = LazyLock::new(|| {
            Cache::builder("weights").max_weight(10, |_, value: &String| value.len() as u64).build().expect("builds")
        });
        #[memoize(cache = OBJECT)]
        fn text(n: u64) -> String {
            format!("{n:04}")
        }
        for n in 0..10 {
            text(n);
        }
        cache_set!(text(99), "1234567890".to_owned()).expect("memory");
        let stats = OBJECT.stats();
        assert_eq!((stats.size, stats.weight), (1, 10));
        let info = cache_info(text);
        assert_eq!((info.size, info.weight, info.max_weight), (1, 10, Some(10)));
    }
}

mod calls {
    use super::*;

    #[test]
    fn single_calls_are_controlled() {
        static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("controlled"));
        #[memoize(cache = OBJECT)]
        fn number(n: u64) -> u64 {
            n + fresh()
        }
        let clock = TestClock::install();
        assert_eq!((cache_get!(number(1)), explain_cache!(number(1))), (None, Explanation::Absent));
        let first = number(1);
        assert_ne!(skip_cache!(number(1)), first);
        assert_eq!(call_with!(memo::Mode::Normal, number(1)), first);
        let second = overwrite_cache!(number(1));
        assert_eq!((number(1), OBJECT.get(&1).expect("memory")), (second, Some(second)));
        assert!(explain_cache!(number(1)).is_hit());
        cache_set!(number(1), 7).expect("memory");
        assert_eq!((number(1), cache_entry!(number(1)).map(memo::Entry::into_value)), (7, Some(7)));
        assert!(OBJECT.expire_in(&1, 5).expect("memory"));
        clock.advance(Duration::from_secs(5));
        assert_eq!(explain_cache!(number(1)), Explanation::Expired);
        number(1);
        assert!(cache_delete!(number(1)).expect("memory"));
        assert!(!cache_delete!(number(1)).expect("memory"));
        let info = cache_info(number);
        assert_eq!((info.hits, info.misses, info.skipped, info.stores), (3, 3, 1, 3));
        assert_eq!(OBJECT.stats().skipped, 1);
    }

    #[test]
    fn the_expression_does_not_take_the_mode() {
        static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("mode"));
        #[memoize]
        fn object() -> u64 {
            fresh()
        }
        fn chosen() -> &'static Cache<u64, u64> {
            object();
            &OBJECT
        }
        #[memoize(cache = chosen())]
        fn number(n: u64) -> u64 {
            n + fresh()
        }
        let first = number(1);
        assert_ne!(skip_cache!(number(1)), first);
        assert_eq!((number(1), cache_info(object).skipped, cache_info(number).skipped), (first, 0, 1));
    }

    #[test]
    fn caching_is_switched_off() {
        static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("off"));
        #[memoize(cache = OBJECT)]
        fn number(n: u64) -> u64 {
            n + fresh()
        }
        let first = number(1);
        let off = memo::disabled_here();
        assert_ne!(number(1), first);
        assert_eq!((cache_get!(number(1)), explain_cache!(number(1))), (None, Explanation::Disabled));
        cache_set!(number(1), 7).expect("nothing happens");
        drop(off);
        assert_eq!((number(1), counts(number)), (first, (1, 1, 1)));
        let _off = memo::disabled_here();
        assert!(cache_delete!(number(1)).expect("deletes act"));
    }
}

mod clearing {
    use super::*;

    #[test]
    fn clearing_a_function_clears_the_objects_that_it_used() {
        #[memoize(cache = cache)]
        fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
            let _ = cache;
            n
        }
        #[memoize(cache = cache)]
        fn never_called(cache: &Cache<u64, u64>, n: u64) -> u64 {
            let _ = cache;
            n
        }
        let objects = [built::<u64, u64>("used"), built("used"), built("not used")];
        for object in &objects {
            object.set(7, 7).expect("memory");
        }
        number(&objects[0], 1);
        assert_eq!(number(&objects[1], 7), 7, "a hit is a use, too");
        assert_eq!(memo::cache_len(number).expect("memory"), 3);
        assert_eq!(memo::cache_clear(never_called).expect("memory").removed(), 0);
        assert_eq!(memo::cache_clear(number).expect("memory").removed(), 3);
        assert_eq!(objects.map(|object| object.len().expect("memory")), [0, 0, 1]);
        assert_eq!(cache_info(number).size, 0, "the objects are gone");
    }

    #[test]
    fn an_entry_is_cleared_once() {
        static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("once"));
        #[memoize(cache = OBJECT, ttl = 12_345, tag = "cleared once")]
        fn number(n: u64) -> u64 {
            n
        }
        number(1);
        OBJECT.set(2, 2).expect("memory");
        // The entries are the object's: what selects functions does not select it.
        let of_crate = memo::Clear::new().crate_name("cache_option").tag("cleared once").run().expect("memory");
        let of_ttl = memo::Clear::new().ttl(12_345).run().expect("memory");
        assert_eq!((of_crate.removed(), of_ttl.removed(), OBJECT.len().expect("memory")), (0, 0, 2));
        assert_eq!(memo::clear_tag("cleared once").expect("memory").removed(), 1);
        assert_eq!(OBJECT.len().expect("memory"), 1);
    }

    #[test]
    fn the_report_has_both() {
        static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("reported object"));
        #[memoize(cache = OBJECT, name = "reported guest")]
        fn number(n: u64) -> u64 {
            n
        }
        number(1);
        let report = memo::report().to_string();
        assert!(report.contains("reported object") && report.contains("reported guest"), "{report}");
        assert_eq!(memo::info_of("reported guest").expect("it is there").misses, 1);
    }
}

mod stores {
    use super::*;

    /// A serde type, so that the object can store it; the function asks for nothing.
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Page(String);

    #[test]
    fn entries_of_an_object_with_stores() {
        #[memoize(cache = cache, ttl = 60, tag = "stored pages")]
        fn page(cache: &Cache<(String, u32), Page>, path: &str, number: u32) -> Result<Page, std::fmt::Error> {
            let _ = cache;
            if path.is_empty() { Err(std::fmt::Error) } else { Ok(Page(format!("{path} {number} {}", fresh()))) }
        }
        for urls in [&["memory://option-stores"][..], &["memory", "memory://option-tiers?codec=json"]] {
            let pages: Cache<(String, u32), Page> =
                Cache::builder("pages").backends(urls.iter().copied()).build().expect("memory needs nothing");
            memo::reset_stats(page).expect("memoized");
            let first = page(&pages, "a", 1).expect("not empty");
            assert_eq!(page(&pages, "a", 1), Ok(first.clone()));
            assert!(page(&pages, "", 1).is_err());
            let key = ("a".to_owned(), 1);
            assert_eq!(pages.get(&key).expect("memory"), Some(first.clone()));
            // Another object of the name and store: the entry is there, not only in this object's memory.
            let again: Cache<(String, u32), Page> =
                Cache::builder("pages").backends(urls.iter().copied()).build().expect("memory needs nothing");
            assert_eq!(page(&again, "a", 1), Ok(first.clone()));
            let entry = cache_entry!(page(&again, "a", 1)).expect("stored");
            assert_eq!(entry.tags().collect::<Vec<_>>(), ["stored pages"]);
            assert!(entry.remaining().is_some_and(|left| left.as_secs() > 50));
            cache_set!(page(&pages, "b", 2), Page("set".to_owned())).expect("memory");
            assert_eq!(pages.get(&("b".to_owned(), 2)).expect("memory"), Some(Page("set".to_owned())));
            assert_eq!(pages.iter().expect("memory").count(), 2);
            let info = cache_info(page);
            assert_eq!((info.hits, info.misses, info.stores, info.size), (2, 2, 1, 2), "{urls:?}");
            assert!(cache_delete!(page(&pages, "b", 2)).expect("memory"));
            assert_eq!(memo::clear_tag("stored pages").expect("memory").removed(), 1);
            assert_ne!(page(&pages, "a", 1), Ok(first));
            assert!(memo::cache_clear(page).expect("memory").removed() >= 1);
        }
    }
}

#[test]
fn what_the_object_is_set_with_stays() {
    static OBJECT: LazyLock<Cache<u64, u64>> = LazyLock::new(|| built("terms"));
    #[memoize(cache = OBJECT, ttl = 5)]
    fn number(n: u64) -> u64 {
        n
    }
    let _clock = TestClock::install();
    OBJECT.set_with(1, 9, SetOptions::new().ttl(100)).expect("memory");
    assert_eq!(number(1), 9);
    assert_eq!(cache_entry!(number(1)).expect("stored").remaining(), Some(Duration::from_secs(100)));
}
