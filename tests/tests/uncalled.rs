//! Row 17: clears and statistics reach functions that were never called; in a process of its own.
#![allow(clippy::unused_self, reason = "forms that users write, in the tests that they belong to")]

use memo::{cache_clear, cache_info, cache_set, memoize};

#[memoize(tag = "uncalled")]
fn set_only(n: u64) -> u64 {
    n
}

#[memoize(tag = "uncalled")]
fn untouched(n: u64) -> u64 {
    n
}

struct Repo<T>(T);

impl<T: Send + Sync + 'static> Repo<T> {
    #[memoize]
    fn get(&self, n: u64) -> u64 {
        n
    }
}

trait Load {
    fn load(n: u64) -> u64;
    fn all(&self) -> u64;
}

#[memoize]
impl<T: Send + Sync + 'static> Load for Repo<T> {
    #[memoize]
    fn load(n: u64) -> u64 {
        n
    }

    #[memoize]
    fn all(&self) -> u64 {
        1
    }
}

trait Blanket {
    fn blanket() -> usize;
}

#[memoize]
impl<T> Blanket for T {
    #[memoize]
    fn blanket() -> usize {
        size_of::<T>()
    }
}

#[test]
fn what_was_never_called_is_known() {
    assert_eq!(cache_info(untouched).calls(), 0);
    assert_eq!(cache_info(Repo::<u8>::get).calls(), 0);
    assert_eq!(cache_info(<Repo<u8> as Load>::load).calls(), 0);
    assert_eq!(cache_info(<Repo<Vec<u8>> as Load>::all).calls(), 0);
    assert_eq!(cache_clear(untouched).expect("memory").removed(), 0);
    assert_eq!(memo::reset_stats(Repo::<u8>::get).ok(), Some(()));
    assert_eq!(memo::info_of("uncalled::Repo::get").map(|info| info.calls()), Some(0));

    cache_set!(set_only(1), 5).expect("memory");
    assert_eq!(memo::clear_tag("uncalled").expect("memory").removed(), 1);
    cache_set!(set_only(1), 6).expect("memory");
    assert_eq!(set_only(1), 6);
    assert_eq!((Repo(1).get(1), Repo::<u8>::load(1), Repo(1).all(), Repo(2).0, untouched(3)), (1, 1, 1, 2, 3));
}

#[test]
fn a_blanket_impl_that_was_never_called_is_known() {
    assert_eq!(cache_info(<u8 as Blanket>::blanket).calls(), 0);
    assert_eq!(u8::blanket(), 1);
    assert_eq!(cache_info(<u8 as Blanket>::blanket).misses, 1);
}
