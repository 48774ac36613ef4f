//! Row 23: the `memo` crate under other names.
#![allow(unused_extern_crates, reason = "renaming is what is tested")]

/// So that generated code that names `::memo` by itself doesn't compile.
extern crate futures as memo;
extern crate memo as cache_library;

mod inner {
    pub(crate) mod deep {
        pub(crate) use cache_library as renamed;
    }

    #[cache_library::memoize(crate = crate::inner::deep::renamed, ttl = 300, tags = [format!("renamed:{n}")])]
    pub(crate) fn cached(n: u64) -> u64 {
        n + memo_tests::fresh()
    }

    #[cache_library::memoize(crate = cache_library)]
    pub(crate) async fn later(n: u64) -> u64 {
        n + memo_tests::fresh()
    }

    #[cache_library::invalidates(crate = cache_library, cached(n))]
    pub(crate) fn invalidate(n: u64) {
        let _ = n;
    }

    pub(crate) trait Load {
        fn load(&self) -> u64;
    }

    pub(crate) struct Repo;

    #[cache_library::memoize]
    impl Load for Repo {
        #[cache_library::memoize(crate = cache_library)]
        fn load(&self) -> u64 {
            memo_tests::fresh()
        }
    }
}

#[test]
fn the_path_of_the_crate_can_be_given() {
    use inner::{Load as _, Repo, cached, deep::renamed, invalidate, later};
    let first = cached(1);
    assert_eq!(cached(1), first);
    assert_eq!(cache_library::cache_get!(inner::cached(1)), Some(first));
    assert_eq!(renamed::cache_get!(inner::cached(1)), Some(first));
    assert_ne!(renamed::skip_cache!(cached(1)), first);
    invalidate(1);
    assert_eq!(renamed::cache_get!(inner::cached(1)), None);
    assert_eq!(smol::block_on(later(1)), smol::block_on(later(1)));
    assert_eq!(Repo.load(), Repo.load());
}
