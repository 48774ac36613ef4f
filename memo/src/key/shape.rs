//! Shapes: how an argument of some type is hashed, compared with a stored key, and owned.
//!
//! A shape is a zero-sized type. The macro spells those it can see in the signature (`&[&str]` is a reference to a
//! sequence of leaves) and leaves the rest to the probes, which pick a leaf by type.

use std::{
    any::TypeId,
    borrow::{Borrow, Cow, ToOwned},
    hash::{Hash, Hasher},
    mem,
};

/// How an `A` becomes (part of) a key.
#[doc(hidden)]
pub trait Shape<A: ?Sized> {
    type Owned: 'static;
    fn hash<H: Hasher>(arg: &A, state: &mut H);
    /// Does an argument hash as its owned key does by its own `Hash`? What is not sure to says no.
    fn hashes_as_owned() -> bool {
        false
    }
    fn matches(arg: &A, owned: &Self::Owned) -> bool;
    fn to_owned(arg: &A) -> Self::Owned;
    /// Are two stored keys equal?
    fn same(one: &Self::Owned, other: &Self::Owned) -> bool;
}

/// A value that is hashed, compared and cloned as it is.
#[derive(Clone, Copy, Debug)]
pub struct Val;

impl<A: Hash + Eq + Clone + 'static> Shape<A> for Val {
    type Owned = A;

    #[inline]
    fn hash<H: Hasher>(arg: &A, state: &mut H) {
        arg.hash(state);
    }

    fn hashes_as_owned() -> bool {
        true
    }

    #[inline]
    fn matches(arg: &A, owned: &A) -> bool {
        arg == owned
    }

    fn to_owned(arg: &A) -> A {
        arg.clone()
    }

    fn same(one: &A, other: &A) -> bool {
        one == other
    }
}

/// A reference: what it points at is the key.
#[derive(Clone, Copy, Debug)]
pub struct Ref;

impl<A> Shape<&A> for Ref
where
    A: ?Sized + Hash + Eq + ToOwned<Owned: 'static>,
{
    type Owned = A::Owned;

    #[inline]
    fn hash<H: Hasher>(arg: &&A, state: &mut H) {
        (**arg).hash(state);
    }

    fn hashes_as_owned() -> bool {
        true
    }

    #[inline]
    fn matches(arg: &&A, owned: &A::Owned) -> bool {
        **arg == *owned.borrow()
    }

    fn to_owned(arg: &&A) -> A::Owned {
        (**arg).to_owned()
    }

    fn same(one: &A::Owned, other: &A::Owned) -> bool {
        one.borrow() == other.borrow()
    }
}

/// A `Cow`: equal whether borrowed or owned.
#[derive(Clone, Copy, Debug)]
pub struct CowOf;

impl<A> Shape<Cow<'_, A>> for CowOf
where
    A: ?Sized + Hash + Eq + ToOwned<Owned: 'static>,
{
    type Owned = A::Owned;

    fn hash<H: Hasher>(arg: &Cow<'_, A>, state: &mut H) {
        (**arg).hash(state);
    }

    fn hashes_as_owned() -> bool {
        true
    }

    fn matches(arg: &Cow<'_, A>, owned: &A::Owned) -> bool {
        **arg == *owned.borrow()
    }

    fn to_owned(arg: &Cow<'_, A>) -> A::Owned {
        (**arg).to_owned()
    }

    fn same(one: &A::Owned, other: &A::Owned) -> bool {
        one.borrow() == other.borrow()
    }
}

/// A floating-point number by its bits, with one zero and one NaN.
#[derive(Clone, Copy, Debug)]
pub struct Float;

macro_rules! float {
    ($($float:ident as $bits:ident),*) => {$(
        impl Shape<$float> for Float {
            type Owned = $bits;

            fn hash<H: Hasher>(arg: &$float, state: &mut H) {
                <Self as Shape<$float>>::to_owned(arg).hash(state);
            }

            fn hashes_as_owned() -> bool {
                true
            }

            fn matches(arg: &$float, owned: &$bits) -> bool {
                <Self as Shape<$float>>::to_owned(arg) == *owned
            }

            fn to_owned(arg: &$float) -> $bits {
                if arg.is_nan() {
                    $float::NAN.to_bits()
                } else {
                    // Adding zero turns -0.0 into 0.0 and changes nothing else.
                    (*arg + 0.0).to_bits()
                }
            }

            fn same(one: &$bits, other: &$bits) -> bool {
                one == other
            }
        }
    )*};
}
float!(f32 as u32, f64 as u64);

/// Nothing: the argument is not part of the key.
#[derive(Clone, Copy, Debug)]
pub struct Skip;

impl<A: ?Sized> Shape<A> for Skip {
    type Owned = ();

    fn hash<H: Hasher>(_: &A, _: &mut H) {}

    fn hashes_as_owned() -> bool {
        true
    }

    fn matches(_: &A, (): &()) -> bool {
        true
    }

    fn to_owned(_: &A) {}

    fn same((): &(), (): &()) -> bool {
        true
    }
}

/// Shapes that say something else than how arguments are hashed, compared and owned: as the shape inside does it.
macro_rules! shaped_as_inside {
    ($shape:ident) => {
        impl<A: ?Sized, S: Shape<A>> Shape<A> for $shape<S> {
            type Owned = S::Owned;

            fn hash<H: std::hash::Hasher>(arg: &A, state: &mut H) {
                S::hash(arg, state);
            }

            fn hashes_as_owned() -> bool {
                S::hashes_as_owned()
            }

            fn matches(arg: &A, owned: &S::Owned) -> bool {
                S::matches(arg, owned)
            }

            fn to_owned(arg: &A) -> S::Owned {
                S::to_owned(arg)
            }

            fn same(one: &S::Owned, other: &S::Owned) -> bool {
                S::same(one, other)
            }
        }
    };
}
pub(super) use shaped_as_inside;

/// What stands behind a reference has the shape `S`.
#[derive(Clone, Copy, Debug)]
pub struct RefOf<S>(pub S);

impl<A: ?Sized, S: Shape<A>> Shape<&A> for RefOf<S> {
    type Owned = S::Owned;

    fn hash<H: Hasher>(arg: &&A, state: &mut H) {
        S::hash(arg, state);
    }

    fn hashes_as_owned() -> bool {
        S::hashes_as_owned()
    }

    fn matches(arg: &&A, owned: &S::Owned) -> bool {
        S::matches(arg, owned)
    }

    fn to_owned(arg: &&A) -> S::Owned {
        S::to_owned(arg)
    }

    fn same(one: &S::Owned, other: &S::Owned) -> bool {
        S::same(one, other)
    }
}

/// An `Option` whose content has the shape `S`.
#[derive(Clone, Copy, Debug)]
pub struct Opt<S>(pub S);

impl<A, S: Shape<A>> Shape<Option<A>> for Opt<S> {
    type Owned = Option<S::Owned>;

    fn hash<H: Hasher>(arg: &Option<A>, state: &mut H) {
        mem::discriminant(arg).hash(state);
        if let Some(arg) = arg {
            S::hash(arg, state);
        }
    }

    fn hashes_as_owned() -> bool {
        S::hashes_as_owned()
    }

    fn matches(arg: &Option<A>, owned: &Self::Owned) -> bool {
        match (arg, owned) {
            (Some(arg), Some(owned)) => S::matches(arg, owned),
            (None, None) => true,
            _ => false,
        }
    }

    fn to_owned(arg: &Option<A>) -> Self::Owned {
        arg.as_ref().map(S::to_owned)
    }

    fn same(one: &Self::Owned, other: &Self::Owned) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => S::same(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

/// A sequence (slice or vector) whose elements have the shape `S`.
#[derive(Clone, Copy, Debug)]
pub struct Seq<S>(pub S);

impl<A, S: Shape<A>> Shape<[A]> for Seq<S> {
    type Owned = Vec<S::Owned>;

    fn hash<H: Hasher>(arg: &[A], state: &mut H) {
        arg.len().hash(state);
        for element in arg {
            S::hash(element, state);
        }
    }

    fn hashes_as_owned() -> bool {
        S::hashes_as_owned() && !is_hashed_in_bulk::<S::Owned>()
    }

    fn matches(arg: &[A], owned: &Self::Owned) -> bool {
        arg.len() == owned.len() && arg.iter().zip(owned).all(|(arg, owned)| S::matches(arg, owned))
    }

    fn to_owned(arg: &[A]) -> Self::Owned {
        arg.iter().map(S::to_owned).collect()
    }

    fn same(one: &Self::Owned, other: &Self::Owned) -> bool {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| S::same(one, other))
    }
}

impl<A, S: Shape<A>> Shape<Vec<A>> for Seq<S> {
    type Owned = Vec<S::Owned>;

    fn hash<H: Hasher>(arg: &Vec<A>, state: &mut H) {
        <Self as Shape<[A]>>::hash(arg, state);
    }

    fn hashes_as_owned() -> bool {
        <Self as Shape<[A]>>::hashes_as_owned()
    }

    fn matches(arg: &Vec<A>, owned: &Self::Owned) -> bool {
        <Self as Shape<[A]>>::matches(arg, owned)
    }

    fn to_owned(arg: &Vec<A>) -> Self::Owned {
        <Self as Shape<[A]>>::to_owned(arg)
    }

    fn same(one: &Self::Owned, other: &Self::Owned) -> bool {
        <Self as Shape<[A]>>::same(one, other)
    }
}

/// An array whose elements have the shape `S`.
#[derive(Clone, Copy, Debug)]
pub struct Arr<S>(pub S);

impl<A, S: Shape<A>, const N: usize> Shape<[A; N]> for Arr<S> {
    type Owned = [S::Owned; N];

    fn hash<H: Hasher>(arg: &[A; N], state: &mut H) {
        // As the standard library hashes arrays.
        arg.len().hash(state);
        for element in arg {
            S::hash(element, state);
        }
    }

    fn hashes_as_owned() -> bool {
        S::hashes_as_owned() && !is_hashed_in_bulk::<S::Owned>()
    }

    fn matches(arg: &[A; N], owned: &Self::Owned) -> bool {
        arg.iter().zip(owned).all(|(arg, owned)| S::matches(arg, owned))
    }

    fn to_owned(arg: &[A; N]) -> Self::Owned {
        std::array::from_fn(|i| S::to_owned(&arg[i]))
    }

    fn same(one: &Self::Owned, other: &Self::Owned) -> bool {
        one.iter().zip(other).all(|(one, other)| S::same(one, other))
    }
}

/// A tuple whose elements have the shapes `S`, a tuple too.
#[derive(Clone, Copy, Debug)]
pub struct Tup<S>(pub S);

/// Does the standard library hash a sequence of these as one piece of memory?
fn is_hashed_in_bulk<T: 'static>() -> bool {
    macro_rules! is_any {
        ($($int:ty),*) => { $(TypeId::of::<T>() == TypeId::of::<$int>())||* };
    }
    is_any!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize)
}
