//! Promise 2: code of users that runs inside of a call may call the same function.
#![allow(clippy::needless_pass_by_value, reason = "forms that users write, in the tests that they belong to")]

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use memo::{cache_clear, cache_delete, cache_get, cache_info, memoize};
use memo_tests::within_20_s;

#[test]
fn a_value_may_call_its_own_function_while_it_is_cloned() {
    within_20_s(clones);
}

fn clones() {
    struct Reentrant(u64);
    impl Clone for Reentrant {
        fn clone(&self) -> Self {
            if self.0 > 0 {
                cached(self.0 - 1);
                cached(self.0);
                let _ = cache_get!(cached(self.0));
                plain(self.0);
            }
            Self(self.0)
        }
    }
    #[memoize]
    fn plain(n: u64) -> u64 {
        n
    }
    #[memoize(max_entries = 10)]
    fn cached(n: u64) -> Reentrant {
        Reentrant(n)
    }
    for _ in 0..3 {
        assert_eq!(cached(3).0, 3);
    }
    assert!(cache_info(cached).hits > 0);
}

#[test]
fn a_key_may_call_its_own_function_while_it_is_compared() {
    within_20_s(comparisons);
}

fn comparisons() {
    #[derive(Clone)]
    struct Key(u64);
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            if self.0 > 0 && other.0 > 0 {
                cached(Key(0));
                // Refused where the comparison runs under a lock, and said so; never a false `Ok`.
                if let Err(error) = cache_delete!(cached(Key(0))) {
                    assert!(error.is_unavailable(), "{error}");
                }
            }
            self.0 == other.0
        }
    }
    impl Eq for Key {}
    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            0.hash(state);
        }
    }
    #[memoize]
    fn cached(key: Key) -> u64 {
        key.0
    }
    for _ in 0..3 {
        for n in 0..5 {
            assert_eq!(cached(Key(n)), n);
        }
    }
}

#[test]
fn a_value_may_call_its_own_function_while_it_is_dropped() {
    within_20_s(drops);
}

fn drops() {
    #[derive(Clone)]
    struct Dropping(u64);
    impl Drop for Dropping {
        fn drop(&mut self) {
            if self.0 == 1 {
                plain(1);
                cache_delete!(plain(1)).expect("memory");
                let _ = cache_get!(cached(7));
            }
        }
    }
    #[memoize]
    fn plain(n: u64) -> u64 {
        n
    }
    #[memoize(max_entries = 2)]
    fn cached(n: u64) -> Dropping {
        Dropping(n)
    }
    for n in [1, 2, 3, 1, 2, 1] {
        cached(n);
    }
    assert!(cache_delete!(cached(1)).is_ok());
    cached(1);
    cache_clear(cached).expect("memory");
    assert_eq!(cache_info(cached).size, 0);
}

/// Clears its own function and deletes from another when its last copy is dropped.
#[derive(Clone)]
struct Clearing(Arc<ClearsOnDrop>);

struct ClearsOnDrop;

impl Drop for ClearsOnDrop {
    fn drop(&mut self) {
        memo::clear_tag("cleared on drop").expect("memory");
        assert!(cache_delete!(other(1)).expect("no lock is held"), "the deletion acts");
        other(1);
    }
}

#[memoize]
fn other(n: u64) -> u64 {
    n
}

#[test]
fn a_value_that_is_dropped_may_clear_and_delete() {
    #[memoize(max_entries = 1, tag = "cleared on drop")]
    fn cached(n: u64) -> Clearing {
        let _ = n;
        let value = Clearing(Arc::new(ClearsOnDrop));
        assert_eq!(Arc::strong_count(&value.0), 1);
        value
    }
    within_20_s(|| {
        other(1);
        for n in [1, 2, 3] {
            // Evicted by the next one, overwritten, deleted.
            drop(cached(n));
            drop(memo::overwrite_cache!(cached(n)));
        }
        assert!(cache_delete!(cached(3)).is_ok());
    });
}

macro_rules! closures {
    ($($test:ident: $($option:ident = $closure:expr),+;)*) => {$(
        #[test]
        fn $test() {
            #[memoize($($option = $closure),+)]
            fn cached(n: u64) -> u64 {
                n
            }
            within_20_s(|| {
                for _ in 0..3 {
                    assert_eq!(cached(3), 3);
                }
            });
        }
    )*};
}

closures! {
    a_filter_may_call_the_function: cache_if = |value| *value == 0 || cached(*value - 1) < cached(*value);
    a_test_of_entries_may_call_the_function: validate = |entry| *entry.value() == 0 || cached(*entry.value() - 1) < 9;
    a_ttl_may_call_the_function: ttl = |value| if *value == 0 { 1 } else { 9 + cached(*value - 1) + cached(*value) };
    tags_may_call_the_function: tags = |value| [format!("{}", if *value == 0 { 1 } else { cached(*value - 1) + cached(*value) })];
    a_weight_may_call_the_function: max_weight = 1_000, weigh = |_key, value| if *value == 0 { 1 } else { cached(*value - 1) + cached(*value) };
}
