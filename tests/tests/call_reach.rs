//! Row 11: the call macros reach a function however it is named.
#![allow(
    clippy::items_after_statements,
    clippy::unused_self,
    reason = "forms that users write, in the tests that they belong to"
)]

use std::{ops::Deref, sync::Arc};

use memo::{cache_delete, cache_get, cache_set, memoize, overwrite_cache, skip_cache};
use memo_tests::fresh;

mod users {
    pub(crate) mod store {
        #[memo::memoize(handle = UserCache)]
        pub(crate) fn find(id: u64) -> u64 {
            id + memo_tests::fresh()
        }

        #[memo::memoize(handle = GenericCache)]
        pub(crate) fn sized<T>(id: u64) -> u64 {
            id + size_of::<T>() as u64 + memo_tests::fresh()
        }

        #[memo::memoize(handle = AsyncCache, exclude(log))]
        pub(crate) async fn fetch(log: &str, id: u64) -> Result<u64, String> {
            Ok(id + log.len() as u64 + memo_tests::fresh())
        }
    }
    pub(crate) use store::{AsyncCache, GenericCache, UserCache, fetch, find, find as look_up, sized};

    #[memo::memoize]
    pub(crate) fn plain(id: u64) -> u64 {
        id + memo_tests::fresh()
    }
}

#[test]
fn imported_renamed_and_re_exported_functions_can_be_skipped_and_overwritten() {
    use users::find;
    use users::look_up as renamed;
    let first = find(1);
    for skipped in [
        skip_cache!(find(1)),
        skip_cache!(renamed(1)),
        skip_cache!(users::find(1)),
        skip_cache!(users::look_up(1)),
        skip_cache!(users::store::find(1)),
        skip_cache!(crate::users::find(1)),
    ] {
        assert_ne!(skipped, first);
    }
    assert_eq!(renamed(1), first);
    let pointer: fn(u64) -> u64 = renamed;
    assert_ne!(skip_cache!(pointer(1)), first);
    assert_ne!(overwrite_cache!(renamed(1)), first);
    assert_ne!(find(1), first);
    assert_eq!(memo::cache_info(renamed).skipped, 7);
}

#[test]
fn addresses_take_the_functions_own_path() {
    let first = users::plain(1);
    assert_eq!(cache_get!(users::plain(1)), Some(first));
    assert_eq!(cache_get!(crate::users::plain(1)), Some(first));
    assert_eq!(cache_get!(self::users::plain(1)), Some(first));
    assert_eq!(cache_delete!(users::plain(1)).ok(), Some(true));
}

#[test]
fn a_handle_is_an_address_that_can_be_exported() {
    use users::UserCache as Renamed;
    let first = users::find(10);
    assert_eq!(cache_get!(users::UserCache(10)), Some(first));
    assert_eq!(cache_get!(Renamed(10)), Some(first));
    assert!(cache_set!(Renamed(11), 5).is_ok());
    assert_eq!(users::look_up(11), 5);
    assert_eq!(cache_delete!(users::store::UserCache(10)).ok(), Some(true));
    assert_ne!(users::find(10), first);
}

#[test]
fn handles_of_generic_and_of_async_functions() {
    let first = users::sized::<u8>(1);
    assert_eq!(cache_get!(users::GenericCache::<u8>(1)), Some(first));
    assert_eq!(cache_get!(users::GenericCache::<u16>(1)), None);
    smol::block_on(async {
        let first = users::fetch("log", 1).await;
        assert_eq!(cache_get!(users::AsyncCache(_, 1)).await, first.ok());
        assert_eq!(cache_delete!(users::AsyncCache(_, 1)).await.ok(), Some(true));
    });
}

struct Repo;

impl Repo {
    #[memoize]
    fn get(&self, id: u64) -> u64 {
        id + fresh()
    }

    #[memoize]
    fn make(id: u64) -> u64 {
        id + fresh()
    }

    fn inside(&self) -> (u64, Option<u64>, Option<u64>) {
        let skipped = skip_cache!(Self::make(5));
        let made = Self::make(5);
        assert_ne!(skipped, made);
        (made, cache_get!(Self::make(5)), cache_get!(Self::get(self, 5)))
    }
}

struct Wrapper(Repo);

impl Deref for Wrapper {
    type Target = Repo;

    fn deref(&self) -> &Repo {
        &self.0
    }
}

#[test]
fn methods_are_reached_through_deref_fields_and_self() {
    let wrapper = Arc::new(Wrapper(Repo));
    let first = wrapper.get(1);
    assert_ne!(skip_cache!(wrapper.get(1)), first);
    assert_ne!(skip_cache!(wrapper.0.get(1)), first);
    assert_ne!(skip_cache!(Repo::get(&wrapper, 1)), first);
    assert_eq!(cache_get!(wrapper.get(1)), Some(first));
    assert_eq!(cache_get!(wrapper.0.get(1)), Some(first));
    assert_eq!(cache_get!((*wrapper).get(1)), Some(first));
    assert_eq!(cache_get!(<Repo>::get(&wrapper.0, 1)), Some(first));
    type Alias = Repo;
    assert_eq!(cache_get!(Alias::get(_, 1)), Some(first));
    let (made, stored, absent) = wrapper.inside();
    assert_eq!((stored, absent), (Some(made), None));
}

trait Get {
    fn fetch(&self, id: u64) -> u64;
}

#[memoize]
impl Get for Repo {
    #[memoize]
    fn fetch(&self, id: u64) -> u64 {
        id + fresh()
    }
}

fn generic<G: Get + ?Sized>(get: &G) -> (u64, u64, u64) {
    (get.fetch(1), skip_cache!(get.fetch(1)), skip_cache!(G::fetch(get, 1)))
}

#[test]
fn trait_objects_and_bounds_reach_the_function() {
    let object: Box<dyn Get> = Box::new(Repo);
    let first = object.fetch(1);
    assert_ne!(skip_cache!(object.fetch(1)), first);
    assert_ne!(skip_cache!(Get::fetch(&*object, 1)), first);
    for (hit, one, two) in [generic(&Repo), generic(&*object)] {
        assert_eq!(hit, first);
        assert!(one != first && two != first);
    }
    assert_eq!(memo::cache_info(<Repo as Get>::fetch).skipped, 6);
}

#[test]
fn turbofishes_pick_the_instantiation() {
    #[memoize]
    fn load<T: Default + Clone + Send + Sync + 'static>(n: u8) -> (T, u64) {
        let _ = n;
        (T::default(), fresh())
    }
    let first = load::<u8>(1);
    assert_ne!(skip_cache!(load::<u8>(1)), first);
    assert_eq!(cache_get!(load::<u8>(1)), Some(first));
    assert_eq!(cache_get!(load::<u16>(1)), None);
    let inferred: Option<(u8, u64)> = cache_get!(load(1));
    assert_eq!(inferred, Some(first));
}

#[test]
fn local_functions_have_addresses() {
    #[memoize]
    fn local(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    assert!(cache_set!(local(1), 3).is_ok());
    assert_eq!(local(1), 3);
}

macro_rules! delegated {
    ($($call:tt)*) => {
        (cache_get!($($call)*), skip_cache!($($call)*))
    };
}

macro_rules! with_expressions {
    ($function:ident, $argument:expr) => {
        (cache_get!($function($argument)), skip_cache!($function($argument)))
    };
}

#[test]
fn calls_can_come_from_other_macros() {
    use users::plain;
    let _ = plain;
    #[memoize]
    fn local(n: u64) -> u64 {
        n + fresh()
    }
    let first = local(3);
    let (stored, skipped) = delegated!(local(3));
    assert_eq!(stored, Some(first));
    assert_ne!(skipped, first);
    let (stored, skipped) = with_expressions!(local, 1 + 2);
    assert_eq!(stored, Some(first));
    assert_ne!(skipped, first);
}
