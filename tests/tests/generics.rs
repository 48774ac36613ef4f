//! Row 1; promise 6: instantiations never share entries.
#![allow(
    clippy::needless_lifetimes,
    clippy::unused_self,
    reason = "forms that users write, in the tests that they belong to"
)]

use std::collections::BTreeSet;

use memo::{cache_delete, cache_get, cache_set, memoize};
use memo_tests::{counts, fresh};

#[memoize]
fn size<T>() -> usize {
    size_of::<T>()
}

#[test]
fn a_generic_that_shows_nowhere_in_the_signature_counts() {
    assert_eq!(size::<u8>(), 1);
    assert_eq!(size::<u32>(), 4);
    assert_eq!(size::<[u64; 9]>(), 72);
    assert_eq!(size::<u8>(), 1);
    assert_eq!(counts(size::<u8>), (1, 3, 3));
}

#[memoize]
fn number<T>(n: u8) -> (u8, u64) {
    (n, fresh())
}

#[test]
fn addresses_reach_their_own_instantiation() {
    struct Mine;
    cache_set!(number::<Mine>(1), (9, 9)).expect("memory");
    assert_eq!(cache_get!(number::<u8>(1)), None);
    assert_eq!(number::<Mine>(1), (9, 9));
    let other = number::<u8>(1);
    assert_ne!(other, (9, 9));
    assert_eq!(cache_delete!(number::<Mine>(1)).ok(), Some(true));
    assert_eq!(number::<u8>(1), other);
    assert_eq!(cache_get!(number::<Mine>(1)), None);
}

#[memoize]
fn apart<T>() -> u64 {
    fresh()
}

#[test]
fn local_types_of_one_name_are_different_types() {
    let first = {
        struct Same;
        assert_eq!(apart::<Same>(), apart::<Same>());
        apart::<Same>()
    };
    let second = {
        struct Same;
        assert_eq!(cache_get!(apart::<Same>()), None);
        apart::<Same>()
    };
    assert_ne!(first, second);
}

struct Holder<T>(std::marker::PhantomData<T>);

impl<T> Holder<T> {
    #[memoize]
    fn held() -> (usize, u64) {
        (size_of::<Self>(), fresh())
    }

    #[memoize]
    fn received(&self) -> u64 {
        fresh()
    }
}

trait Numbered {
    fn number() -> u64;
}

#[memoize]
impl<T> Numbered for Holder<T> {
    #[memoize]
    fn number() -> u64 {
        fresh()
    }
}

#[test]
fn local_types_of_one_name_are_different_types_to_methods_too() {
    let first = {
        struct Same;
        let holder = Holder::<Same>(std::marker::PhantomData);
        let values = (Holder::<Same>::held(), holder.received(), Holder::<Same>::number());
        assert_eq!(cache_get!(Holder::<Same>::held()), Some(values.0));
        assert_eq!(cache_get!(holder.received()), Some(values.1));
        assert_eq!(cache_get!(Holder::<Same>::number()), Some(values.2));
        values
    };
    {
        struct Same;
        let holder = Holder::<Same>(std::marker::PhantomData);
        assert_eq!(cache_get!(Holder::<Same>::held()), None, "it was never called");
        assert_eq!(cache_get!(Holder::<Same>::received(_)), None);
        assert_eq!(cache_get!(Holder::<Same>::number()), None);
        assert_ne!(Holder::<Same>::held(), first.0);
        assert_ne!(holder.received(), first.1);
        assert_ne!(Holder::<Same>::number(), first.2);
    }
}

#[test]
fn a_self_of_items_in_the_body_is_not_that_of_the_function() {
    #[memoize]
    fn counted(n: u8) -> (u8, u64) {
        struct Counter(u8);
        impl Counter {
            fn next(&self) -> Self {
                Self(self.0 + 1)
            }
        }
        (Counter(n).next().0, fresh())
    }
    let first = counted(1);
    assert_eq!(cache_get!(counted(1)), Some(first));
}

#[memoize]
fn converted<T: TryFrom<u16> + Clone + Send + Sync + 'static>(n: u16) -> Option<T> {
    T::try_from(n).ok()
}

#[test]
fn values_of_generic_types_are_stored() {
    assert_eq!(converted::<u8>(300), None);
    assert_eq!(converted::<u32>(300), Some(300));
    assert_eq!(converted::<u32>(300), Some(300));
    assert_eq!(cache_get!(converted::<u32>(300)), Some(Some(300)));
}

#[memoize]
fn shown<T: ToString + std::hash::Hash + Eq + Clone + Send + Sync + 'static>(value: T) -> (String, u64) {
    (value.to_string(), fresh())
}

#[test]
fn keys_of_generic_types_are_compared_by_their_own_equality() {
    assert_eq!(shown(1_u8), shown(1_u8));
    assert_ne!(shown(1_u8), shown(1_u16));
    assert_eq!(shown('1').0, shown(1_u8).0);
    assert_eq!(shown(String::from("x")), shown(String::from("x")));
}

#[memoize]
fn through_impl(value: impl AsRef<str> + std::hash::Hash + Eq + Clone + Send + Sync + 'static) -> (usize, u64) {
    (value.as_ref().len(), fresh())
}

#[test]
fn impl_trait_arguments_are_instantiations() {
    assert_eq!(through_impl("abc"), through_impl("abc"));
    assert_ne!(through_impl("abc"), through_impl(String::from("abc")));
    let info = memo::info_of("generics::through_impl").expect("known by its path");
    assert_eq!((info.hits, info.misses, info.size), (2, 2, 2));
}

trait Unit {
    const FACTOR: u32;
    fn scaled(n: u32) -> u32;
}

struct Kilo;
struct Mega;

macro_rules! unit {
    ($name:ident, $factor:expr) => {
        #[memoize]
        impl Unit for $name {
            const FACTOR: u32 = $factor;

            #[memoize]
            fn scaled(n: u32) -> u32 {
                n * Self::FACTOR
            }
        }
    };
}
unit!(Kilo, 1_000);
unit!(Mega, 1_000_000);

#[memoize]
fn scaled<U: Unit>(n: u32) -> u32 {
    U::scaled(n)
}

#[test]
fn marker_types_choose_the_instantiation() {
    assert_eq!((scaled::<Kilo>(2), scaled::<Mega>(2)), (2_000, 2_000_000));
    assert_eq!((scaled::<Kilo>(2), scaled::<Mega>(2)), (2_000, 2_000_000));
    assert_eq!((Kilo::scaled(3), Mega::scaled(3)), (3_000, 3_000_000));
}

#[test]
fn each_instantiation_is_listed_and_their_sum_is_the_function() {
    #[memoize]
    fn listed<T>(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    listed::<u8>(1);
    listed::<u8>(1);
    listed::<i64>(1);
    listed::<i64>(2);
    let info = memo::cache_info(listed::<u8>);
    assert_eq!((info.hits, info.misses, info.size), (1, 3, 3));
    let names: BTreeSet<_> =
        info.instantiations().iter().map(|one| one.name.rsplit("::").next().unwrap_or("")).collect();
    assert_eq!(names, BTreeSet::from(["listed<i64>", "listed<u8>"]));
    let of = |name: &str| {
        let one = info.instantiations().iter().find(|one| one.name.ends_with(name)).expect("listed");
        (one.info.hits, one.info.misses, one.info.size)
    };
    assert_eq!(of("<u8>"), (1, 1, 1));
    assert_eq!(of("<i64>"), (0, 2, 2));
}

#[test]
fn clearing_a_function_clears_all_its_instantiations() {
    #[memoize]
    fn cleared<T>(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    let (one, two) = (cleared::<u8>(1), cleared::<u16>(1));
    assert_eq!(memo::cache_clear(cleared::<u8>).expect("memory").removed(), 2);
    assert_ne!(cleared::<u8>(1), one);
    assert_ne!(cleared::<u16>(1), two);
}

#[memoize]
fn called<F: Fn(u8) -> u8>(n: u8, _call: F) -> u64 {
    u64::from(n) + fresh()
}

#[test]
fn closures_as_arguments_are_instantiations_of_their_own() {
    let plus = |n: u8| n + 1;
    let minus = |n: u8| n - 1;
    let first = called(1, plus);
    assert_eq!(called(1, plus), first);
    assert_ne!(called(1, minus), first);
}

#[test]
fn lifetimes_are_no_instantiations() {
    #[memoize]
    fn borrowed<'a, T: ?Sized + 'static>(text: &'a str) -> (usize, u64) {
        (text.len(), fresh())
    }
    let text = String::from("abc");
    assert_eq!(borrowed::<str>(&text), borrowed::<str>("abc"));
    assert_eq!(memo::cache_info(borrowed::<str>).instantiations().len(), 1);
}
