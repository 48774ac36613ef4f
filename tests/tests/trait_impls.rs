//! Row 1: methods of trait impls, with the attribute on the impl block too.

use std::fmt::Debug;

use memo::{cache_clear, cache_delete, cache_get, memoize, skip_cache};
use memo_tests::{counts, fresh};

trait Store {
    type Item: Clone;
    fn load(&self, n: u8) -> Self::Item;
    fn make(n: u8) -> u64;
    fn plain(&self) -> u8 {
        7
    }
}

struct Pg;
struct Lite;

#[memoize]
impl Store for Pg {
    type Item = (u8, u64);

    #[memoize]
    fn load(&self, n: u8) -> Self::Item {
        (n, fresh())
    }

    #[memoize]
    fn make(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

#[memoize]
impl Store for Lite {
    type Item = String;

    #[memoize]
    fn load(&self, n: u8) -> Self::Item {
        format!("{n}:{}", fresh())
    }

    fn make(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

#[test]
fn methods_of_a_trait_are_cached_per_type() {
    assert_eq!(Pg.load(1), Pg.load(1));
    assert_eq!(Lite.load(1), Lite.load(1));
    assert_eq!(Pg::make(1), Pg::make(1));
    assert_ne!(Lite::make(1), Lite::make(1), "has no attribute");
    assert_eq!(Pg.plain(), 7);
    assert_eq!(counts(<Pg as Store>::make), (1, 1, 1));
}

#[test]
fn they_are_addressed_by_type_and_by_trait() {
    let value = Pg.load(10);
    assert_eq!(cache_get!(Pg.load(10)), Some(value));
    assert_eq!(cache_get!(Pg::load(_, 10)), Some(value));
    assert_eq!(cache_get!(<Pg as Store>::load(&Pg, 10)), Some(value));
    assert_eq!(cache_delete!(<Pg as Store>::load(_, 10)).ok(), Some(true));
    assert_eq!(cache_get!(Pg.load(10)), None);
    let made = <Pg as Store>::make(11);
    assert_eq!(cache_get!(<Pg as Store>::make(11)), Some(made));
    assert_eq!(cache_get!(Pg::make(11)), Some(made));
}

#[test]
fn generic_code_and_trait_objects_reach_the_cache() {
    trait Named {
        fn name(&self, n: u8) -> u64;
    }
    struct Thing;
    #[memoize]
    impl Named for Thing {
        #[memoize]
        fn name(&self, n: u8) -> u64 {
            u64::from(n) + fresh()
        }
    }
    fn generic<N: Named>(named: &N) -> u64 {
        named.name(1)
    }
    let object: &dyn Named = &Thing;
    let first = object.name(1);
    assert_eq!(generic(&Thing), first);
    assert_ne!(skip_cache!(object.name(1)), first);
    assert_eq!(object.name(1), first);
    assert_eq!(memo::cache_info(<Thing as Named>::name).skipped, 1);
}

trait Length {
    fn length(&self, plus: u64) -> u64;
}

#[memoize]
impl Length for str {
    #[memoize(key = (self.to_owned(), plus))]
    fn length(&self, plus: u64) -> u64 {
        self.len() as u64 + plus + fresh()
    }
}

#[memoize]
impl Length for Vec<u8> {
    #[memoize(key = (self.clone(), plus))]
    fn length(&self, plus: u64) -> u64 {
        self.len() as u64 + plus + fresh()
    }
}

#[memoize]
impl Length for (u8, u8) {
    #[memoize(key = (*self, plus))]
    fn length(&self, plus: u64) -> u64 {
        u64::from(self.0) + u64::from(self.1) + plus + fresh()
    }
}

#[test]
fn foreign_types_work() {
    assert_eq!("abc".length(1), "abc".length(1));
    assert_ne!("abc".length(1), "abd".length(1));
    assert_eq!(vec![1].length(1), vec![1].length(1));
    assert_eq!((1, 2).length(1), (1, 2).length(1));
    assert_eq!(cache_get!("abc".length(1)), Some("abc".length(1)));
}

trait Describe {
    fn describe(&self) -> (String, u64);
    fn kind() -> (usize, u64);
}

#[memoize]
impl<T: Debug + Send + Sync + 'static> Describe for T {
    #[memoize(key = format!("{self:?}"))]
    fn describe(&self) -> (String, u64) {
        (format!("{self:?}"), fresh())
    }

    #[memoize]
    fn kind() -> (usize, u64) {
        (size_of::<T>(), fresh())
    }
}

#[test]
fn blanket_impls_have_a_cache_per_type() {
    assert_eq!(1_u8.describe(), 1_u8.describe());
    assert_eq!(1_u8.describe().0, 1_i8.describe().0);
    assert_ne!(1_u8.describe().1, 1_i8.describe().1);
    assert_eq!(<u8 as Describe>::kind(), <u8 as Describe>::kind());
    assert_ne!(<u8 as Describe>::kind(), <i8 as Describe>::kind());
    assert_eq!(cache_get!(<i8 as Describe>::kind()), Some(<i8 as Describe>::kind()));
}

trait Convert<T> {
    fn convert(&self) -> (T, u64);
}

struct Source;

#[memoize]
impl Convert<u8> for Source {
    #[memoize]
    fn convert(&self) -> (u8, u64) {
        (8, fresh())
    }
}

struct Other;

#[memoize]
impl<T: Default + Clone + Send + Sync + 'static> Convert<T> for Other {
    #[memoize]
    fn convert(&self) -> (T, u64) {
        (T::default(), fresh())
    }
}

#[test]
fn generic_traits_have_a_cache_per_argument() {
    let value = <Source as Convert<u8>>::convert(&Source);
    assert_eq!(<Source as Convert<u8>>::convert(&Source), value);
    let (a, b): ((u8, u64), (i8, u64)) = (Other.convert(), Other.convert());
    assert_ne!(a.1, b.1);
    assert_eq!(Convert::<u8>::convert(&Other), a);
    assert_eq!(Convert::<i8>::convert(&Other), b);
}

struct Both;

impl Both {
    #[memoize]
    fn load(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

trait Load {
    fn load_all(n: u8) -> u64;
}

trait LoadMore {
    fn load_all(n: u8) -> u64;
}

#[memoize]
impl Load for Both {
    #[memoize]
    fn load_all(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

struct Second;

#[memoize]
impl LoadMore for Second {
    #[memoize]
    fn load_all(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

#[test]
fn methods_of_one_name_in_two_traits_are_separate() {
    let (one, two) = (<Both as Load>::load_all(1), <Second as LoadMore>::load_all(1));
    assert_ne!(one, two);
    assert_ne!(Both::load(1), one);
    assert_eq!(cache_clear(<Both as Load>::load_all).expect("memory").removed(), 1);
    assert_eq!(<Second as LoadMore>::load_all(1), two);
    assert_ne!(<Both as Load>::load_all(1), one);
}

struct Twice;

#[memoize]
impl Load for Twice {
    #[memoize]
    fn load_all(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

#[memoize]
impl LoadMore for Twice {
    #[memoize]
    fn load_all(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

#[test]
fn methods_of_one_name_in_two_traits_of_one_type_are_separate() {
    let (one, two) = (<Twice as Load>::load_all(1), <Twice as LoadMore>::load_all(1));
    assert_ne!(one, two);
    assert_eq!(<Twice as Load>::load_all(1), one);
    assert_eq!(cache_clear(<Twice as Load>::load_all).expect("memory").removed(), 1);
    assert_eq!(<Twice as LoadMore>::load_all(1), two);
    assert_eq!(memo::cache_info(<Twice as LoadMore>::load_all).hits, 1);
}
