//! Row 1: methods and associated functions of a type.
#![allow(
    clippy::boxed_local,
    clippy::needless_pass_by_value,
    clippy::unused_self,
    reason = "forms of receivers are what is tested"
)]

use std::{pin::Pin, rc::Rc, sync::Arc};

use memo::{cache_delete, cache_get, memoize};
use memo_tests::{counts, fresh};

#[derive(Clone)]
struct Repo {
    tenant: u32,
}

impl Repo {
    #[memoize]
    fn by_ref(&self, n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn by_mut(&mut self, n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn by_value(self, n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn by_arc(self: Arc<Self>, n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn by_rc(self: &Rc<Self>, n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn by_box(self: Box<Self>, n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn by_pin(self: Pin<&mut Self>, n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn associated(n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize(exclude(self))]
    fn mutates(&mut self, n: u8) -> u32 {
        self.tenant += 1;
        u32::from(n) + self.tenant
    }

    #[memoize(exclude(self))]
    fn consumes(self, n: u8) -> u32 {
        u32::from(n) + self.tenant
    }

    #[memoize]
    fn of_itself(n: u8) -> Self {
        Self { tenant: u32::from(n) + Self::BASE }
    }

    const BASE: u32 = 100;

    #[memoize]
    fn of_the_type(n: u8) -> u64 {
        u64::from(n) * 3
    }

    fn through_self(&self, n: u8) -> (u64, Option<u64>, Option<u64>) {
        let value = Self::of_the_type(n);
        (value, cache_get!(Self::of_the_type(n)), cache_get!(self.by_ref(n)))
    }
}

#[test]
fn every_receiver_form_is_cached() {
    let mut repo = Repo { tenant: 1 };
    assert_eq!(repo.by_ref(1), repo.by_ref(1));
    assert_eq!(repo.by_mut(1), repo.by_mut(1));
    assert_eq!(repo.clone().by_value(1), repo.clone().by_value(1));
    assert_eq!(Arc::new(repo.clone()).by_arc(1), Arc::new(repo.clone()).by_arc(1));
    assert_eq!(Rc::new(repo.clone()).by_rc(1), Rc::new(repo.clone()).by_rc(1));
    assert_eq!(Box::new(repo.clone()).by_box(1), Box::new(repo.clone()).by_box(1));
    assert_eq!(Pin::new(&mut repo).by_pin(1), Pin::new(&mut repo).by_pin(1));
    assert_eq!(Repo::associated(1), Repo::associated(1));
    assert_eq!(Repo::of_itself(1).tenant, 101);
    for counted in [
        counts(Repo::by_ref),
        counts(Repo::by_mut),
        counts(Repo::by_value),
        counts(Repo::by_arc),
        counts(Repo::by_rc),
        counts(Repo::by_box),
        counts(Repo::by_pin),
        counts(Repo::associated),
    ] {
        assert_eq!(counted, (1, 1, 1));
    }
}

#[test]
fn a_mutating_body_runs_on_a_miss_only() {
    let mut repo = Repo { tenant: 1 };
    assert_eq!((repo.mutates(10), repo.tenant), (12, 2));
    assert_eq!((repo.mutates(10), repo.tenant), (12, 2));
    assert_eq!((repo.mutates(20), repo.tenant), (23, 3));
}

#[test]
fn a_consumed_receiver_may_be_used_by_the_body() {
    assert_eq!(Repo { tenant: 1 }.consumes(1), 2);
    assert_eq!(Repo { tenant: 5 }.consumes(1), 2);
    assert_eq!(Repo { tenant: 5 }.consumes(2), 7);
}

#[test]
fn self_works_in_calls_and_addresses() {
    let repo = Repo { tenant: 1 };
    let (value, stored, absent) = repo.through_self(77);
    assert_eq!((stored, absent), (Some(value), None));
}

struct One;
struct Two;

impl One {
    #[memoize]
    fn load(n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn get(&self, n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

impl Two {
    #[memoize]
    fn load(n: u8) -> u64 {
        u64::from(n) + fresh()
    }

    #[memoize]
    fn get(&self, n: u8) -> u64 {
        u64::from(n) + fresh()
    }
}

#[test]
fn methods_of_one_name_on_two_types_are_separate() {
    assert_ne!(One::load(1), Two::load(1));
    assert_ne!(One.get(1), Two.get(1));
    assert_eq!(cache_delete!(One::get(_, 1)).ok(), Some(true));
    assert_eq!(cache_get!(One.get(1)), None);
    assert_eq!(cache_get!(Two.get(1)), Some(Two.get(1)));
    memo::cache_clear(One::load).expect("memory");
    assert_eq!(cache_get!(One::load(1)), None);
    assert!(cache_get!(Two::load(1)).is_some());
}

struct Typed<T>(T);

impl<T: Send + Sync + 'static> Typed<T> {
    #[memoize]
    fn get(&self, n: usize) -> (usize, u64) {
        (n * size_of::<T>(), fresh())
    }

    #[memoize]
    fn size() -> (usize, u64) {
        (size_of::<T>(), fresh())
    }

    #[memoize]
    fn both<U: 'static>(&self, n: usize) -> (usize, u64) {
        (n * size_of::<U>() * size_of::<T>(), fresh())
    }
}

impl Typed<&'static str> {
    #[memoize(include(self.0))]
    fn text(&self) -> (usize, u64) {
        (self.0.len(), fresh())
    }
}

#[test]
fn methods_of_generic_types_have_a_cache_per_type() {
    assert_eq!(Typed(1_u8).get(3).0, 3);
    assert_eq!(Typed(1_u32).get(3).0, 12);
    assert_eq!(Typed(1_u8).get(3), Typed(2_u8).get(3));
    assert_eq!(Typed::<u8>::size().0, 1);
    assert_eq!(Typed::<u32>::size().0, 4);
    // Of one size, so that only the type tells them apart.
    assert_ne!(Typed::<u32>::size(), Typed::<i32>::size());
    assert_eq!(cache_get!(Typed::<u32>::size()), Some(Typed::<u32>::size()));
    assert_eq!(cache_get!(Typed::<u64>::size()), None);
}

#[test]
fn generics_of_method_and_type_multiply() {
    let values = [
        Typed(0_u8).both::<u8>(1),
        Typed(0_u8).both::<u16>(1),
        Typed(0_u16).both::<u8>(1),
        Typed(0_u16).both::<u16>(1),
    ];
    assert_eq!(values.map(|value| value.0), [1, 2, 2, 4]);
    assert_ne!(values[1].1, values[2].1);
    assert_eq!(Typed(9_u16).both::<u8>(1), values[2]);
    assert_eq!(cache_get!(Typed(9_u16).both::<u8>(1)), Some(values[2]));
    assert_eq!(cache_get!(Typed::<u8>::both::<u16>(_, 1)), Some(values[1]));
}

#[test]
fn a_concrete_impl_of_a_generic_type_works() {
    assert_eq!(Typed("ab").text(), Typed("ab").text());
    assert_eq!(Typed("abc").text().0, 3);
}

struct Borrowing<'a>(&'a str);

impl<'a> Borrowing<'a> {
    #[memoize(include(self.0))]
    fn length(&self, more: &'a str) -> (usize, u64) {
        (self.0.len() + more.len(), fresh())
    }
}

#[test]
fn types_with_lifetimes_share_a_cache_over_all_of_them() {
    let first = Borrowing("abc").length("d");
    let (text, more) = (String::from("abc"), String::from("d"));
    assert_eq!(Borrowing(&text).length(&more), first);
    assert_eq!(Borrowing("x").length("y").0, 2);
}

enum Shape {
    Square(u32),
    Circle(u32),
}

impl Shape {
    #[memoize(key = (std::mem::discriminant(self), n))]
    fn area(&self, n: u32) -> u32 {
        match self {
            Self::Square(side) => side * side * n,
            Self::Circle(radius) => 3 * radius * radius * n,
        }
    }
}

#[test]
fn enums_have_methods_too() {
    assert_eq!(Shape::Square(2).area(1), 4);
    assert_eq!(Shape::Circle(2).area(1), 12);
    assert_eq!(memo::cache_info(Shape::area).size, 2);
}
