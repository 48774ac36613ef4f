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

use memo::{Cache, SetOptions, cache_delete, cache_entry, cache_get, cache_info, clock::TestClock, memoize};
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
