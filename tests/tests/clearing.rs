//! Row 17: clearing functions and tags. Clearing everything has a process of its own, `clear_all.rs`.
#![allow(clippy::unused_self, reason = "forms that users write, in the tests that they belong to")]

use memo::{Clear, cache_clear, cache_get, memoize};
use memo_tests::fresh;

#[test]
fn a_function_is_cleared_and_says_how_many() {
    #[memoize]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    #[memoize]
    fn other(n: u64) -> u64 {
        n + fresh()
    }
    let kept = other(1);
    for n in 0..10 {
        cached(n);
    }
    assert_eq!(cache_clear(cached).expect("memory").removed(), 10);
    assert_eq!(cache_clear(cached).expect("memory").removed(), 0);
    assert_eq!(memo::cache_len(cached).expect("memory"), 0);
    assert_eq!(other(1), kept);
    assert_eq!(memo::cache_info(cached).invalidations, 10);
}

#[test]
fn functions_that_are_not_memoized_are_errors() {
    fn plain() {}
    for error in [
        cache_clear(plain).expect_err("not memoized"),
        memo::cache_len(plain).expect_err("not memoized"),
        memo::reset_stats(plain).expect_err("not memoized"),
    ] {
        assert!(error.is_not_memoized());
        assert!(error.to_string().contains("plain"), "{error}");
    }
    assert!(memo::try_cache_info(plain).is_none());
    assert!(memo::info_of("clearing::plain").is_none());
    let panic = std::panic::catch_unwind(|| memo::cache_info(plain)).expect_err("panics");
    assert!(panic.downcast::<String>().expect("a text").contains("plain"));
}

#[test]
fn methods_generics_and_trait_methods_are_cleared_by_name() {
    struct Repo<T>(T);
    trait Load {
        fn load(n: u8) -> u64;
    }
    impl<T: Send + Sync + 'static> Repo<T> {
        #[memoize]
        fn get(&self, n: u8) -> u64 {
            u64::from(n) + fresh()
        }
    }
    #[memoize]
    impl<T: Send + Sync + 'static> Load for Repo<T> {
        #[memoize]
        fn load(n: u8) -> u64 {
            u64::from(n) + fresh()
        }
    }
    let _ = (Repo(0).0, Repo(1_u8).get(1), Repo(1_u16).get(1), Repo::<u8>::load(1), Repo::<u16>::load(1));
    assert_eq!(cache_clear(Repo::<u8>::get).expect("memory").removed(), 2, "all instantiations");
    assert_eq!(cache_clear(<Repo<u32> as Load>::load).expect("memory").removed(), 2, "also by one never called");
}

#[test]
fn async_functions_are_cleared() {
    #[memoize]
    async fn cached(n: u64) -> u64 {
        n + fresh()
    }
    smol::block_on(async {
        let first = cached(1).await;
        assert_eq!(cache_clear(cached).expect("memory").removed(), 1);
        assert_ne!(cached(1).await, first);
    });
}

#[test]
fn an_empty_selection_is_an_error() {
    let error = Clear::new().run().expect_err("empty");
    assert!(error.is_selector());
    assert!(error.to_string().contains("clear_all"), "{error}");
}

#[test]
fn an_unknown_backend_is_an_error() {
    #[memoize(tag = "unknown-backend")]
    fn cached(n: u64) -> u64 {
        n
    }
    cached(1);
    let error = Clear::new().tag("unknown-backend").backend("sqlight").run().expect_err("unknown");
    assert!(error.is_selector());
    assert!(error.to_string().contains("sqlight"), "{error}");
    assert!(cache_get!(cached(1)).is_some());
    assert_eq!(Clear::new().tag("unknown-backend").backend("memory").run().expect("memory").removed(), 1);
}

#[test]
fn all_of_several_tags_are_asked_for() {
    #[memoize(tags = ["several", format!("several:{a}"), format!("also:{b}")], tags = |value| [format!("value:{value}")])]
    fn cached(a: u64, b: u64) -> u64 {
        a + b
    }
    let fill = || (0..3).for_each(|a| (0..3).for_each(|b| _ = cached(a, b)));
    let stored = || {
        (0..3).flat_map(|a| (0..3).map(move |b| (a, b))).filter(|(a, b)| cache_get!(cached(*a, *b)).is_some()).count()
    };
    fill();
    assert_eq!(Clear::new().tag("several:1").tag("also:2").run().expect("memory").removed(), 1);
    assert_eq!(cache_get!(cached(1, 2)), None);
    assert_eq!(stored(), 8);
    fill();
    assert_eq!(Clear::new().tag("several").tag("several:1").run().expect("memory").removed(), 3);
    fill();
    assert_eq!(Clear::new().tag("several:1").tag("several:2").run().expect("memory").removed(), 0);
    assert_eq!(Clear::new().tag("several").tag("missing").run().expect("memory").removed(), 0);
    assert_eq!(Clear::new().tag("value:2").tag("several:1").run().expect("memory").removed(), 1);
    assert_eq!(stored(), 8);
    fill();
    assert_eq!(Clear::new().tag("several").tag("several").run().expect("memory").removed(), 9);
}

#[test]
fn the_declared_ttl_selects() {
    #[memoize(ttl = 12_345, tag = "ttl")]
    fn seconds(n: u64) -> u64 {
        n
    }
    #[memoize(ttl = "12345s")]
    fn text(n: u64) -> u64 {
        n
    }
    #[memoize(ttl = 12_346, tag = "ttl")]
    fn longer(n: u64) -> u64 {
        n
    }
    #[memoize(tag = "ttl")]
    fn forever(n: u64) -> u64 {
        n
    }
    let fill = || (seconds(1), text(1), longer(1), forever(1));
    fill();
    assert_eq!(Clear::new().ttl(12_345).run().expect("memory").removed(), 2);
    fill();
    assert_eq!(Clear::new().ttl(std::time::Duration::from_secs(12_345)).tag("ttl").run().expect("memory").removed(), 1);
    assert!(cache_get!(text(1)).is_some() && cache_get!(longer(1)).is_some() && cache_get!(forever(1)).is_some());
}

#[test]
fn the_crate_selects() {
    #[memoize(tag = "of-crate")]
    fn cached(n: u64) -> u64 {
        n
    }
    cached(1);
    let clear = |name: &str| Clear::new().tag("of-crate").crate_name(name).run().expect("memory").removed();
    assert_eq!(clear("another"), 0);
    assert_eq!(clear("clear"), 0, "no part of a name");
    assert_eq!(clear("clearing"), 1);
}

#[test]
fn a_selection_can_be_run_again() {
    #[memoize(tag = "again")]
    fn cached(n: u64) -> u64 {
        n
    }
    let clear = Clear::new().tag("again");
    for _ in 0..2 {
        cached(1);
        assert_eq!(clear.run().expect("memory").removed(), 1);
    }
}

#[test]
fn a_cleared_value_is_dropped_at_once() {
    use std::sync::{Arc, Weak};
    #[memoize(tag = "dropped")]
    fn cached(n: u64) -> Arc<u64> {
        Arc::new(n)
    }
    let weak: Weak<u64> = Arc::downgrade(&cached(1));
    cached(1);
    cache_clear(cached).expect("memory");
    assert!(weak.upgrade().is_none());
    let weak: Weak<u64> = Arc::downgrade(&cached(1));
    memo::clear_tag("dropped").expect("memory");
    assert!(weak.upgrade().is_none());
}
