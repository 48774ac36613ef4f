//! Probes: which leaf an argument's type is, and which kind of value a function's type stores.
//!
//! Method resolution does the choosing ("autoref specialisation", found by D. Tolnay): of several traits with one
//! method, the one that needs the fewest dereferences of the receiver wins, so a probe behind four references tries
//! the most special first. It works where the type is concrete at the call; inside generic code the bounds decide.

use std::{
    borrow::{Cow, ToOwned},
    collections::{HashMap, HashSet},
    hash::Hash,
    marker::PhantomData,
};

use super::{
    shape::{CowOf, Float, Ref, RefOf, Shape, Skip, Val},
    unordered::Unordered,
};

/// Carries a type to the probes, by name or from a value.
pub struct Probe<A: ?Sized>(PhantomData<A>);

impl<A: ?Sized> Probe<A> {
    pub const NEW: Self = Self(PhantomData);
}

/// The probe of a value's type.
#[inline]
pub fn of<A>(_: &A) -> Probe<A> {
    Probe::NEW
}

/// First: types that need a shape of their own.
pub trait Special {
    type Shape;
    fn leaf(&self) -> Self::Shape;
}

macro_rules! special {
    ($(($($generic:ident),*) $type:ty => $shape:ident;)*) => {$(
        impl<$($generic),*> Special for &&&&Probe<$type> {
            type Shape = $shape;
            #[inline]
            fn leaf(&self) -> $shape {
                $shape
            }
        }
        impl<$($generic),*> Special for &&&&Probe<&$type> {
            type Shape = RefOf<$shape>;
            #[inline]
            fn leaf(&self) -> RefOf<$shape> {
                RefOf($shape)
            }
        }
    )*};
}

special! {
    () f32 => Float;
    () f64 => Float;
    (K, V, B) HashMap<K, V, B> => Unordered;
    (K, B) HashSet<K, B> => Unordered;
}

impl<A: ?Sized + ToOwned> Special for &&&&Probe<Cow<'_, A>> {
    type Shape = CowOf;
    #[inline]
    fn leaf(&self) -> CowOf {
        CowOf
    }
}

impl<A: ?Sized + ToOwned> Special for &&&&Probe<&Cow<'_, A>> {
    type Shape = RefOf<CowOf>;
    #[inline]
    fn leaf(&self) -> RefOf<CowOf> {
        RefOf(CowOf)
    }
}

/// A reference to a reference: what the inner one points at is the key.
impl<A: ?Sized + Hash + Eq + ToOwned> Special for &&&&Probe<&&A> {
    type Shape = RefOf<Ref>;
    #[inline]
    fn leaf(&self) -> RefOf<Ref> {
        RefOf(Ref)
    }
}

// Then references, by what they point at, and then everything that can be a key as it is. Two sets of probes: for keys
// that threads share, and for those of one thread.
macro_rules! probes {
    ($(#[$doc:meta])* $reference:ident, $value:ident where $($bound:ident)*) => {
        $(#[$doc])*
        pub trait $reference {
            fn leaf(&self) -> Ref {
                Ref
            }
        }

        impl<A: ?Sized + Hash + Eq + ToOwned<Owned: Sized $(+ $bound)*>> $reference for &&&Probe<&A> {}

        pub trait $value {
            fn leaf(&self) -> Val {
                Val
            }
        }

        impl<A: Hash + Eq + Clone $(+ $bound)*> $value for &&Probe<A> {}
    };
}

probes!(
    /// Keys that threads share.
    Reference, Value where Send Sync
);
probes!(
    /// Keys of one thread.
    LocalReference, LocalValue where
);

/// Last but one: what can be a key, but not one that threads share.
pub trait Unshared {
    fn leaf(&self) -> NotShared {
        NotShared
    }
}

impl<A: Hash + Eq + Clone> Unshared for &Probe<A> {}

/// Last, for an argument that must be in the key: nothing fits, and [`usable`] says so.
pub trait Unusable {
    type Shape;
    fn leaf(&self) -> Self::Shape;
}

impl<A> Unusable for Probe<A> {
    type Shape = NotAKey;
    fn leaf(&self) -> NotAKey {
        NotAKey
    }
}

/// Last, for a database connection or pool: it stays out of the key.
pub trait OrSkip {
    fn leaf(&self) -> Skip {
        Skip
    }
}

impl<A> OrSkip for Probe<A> {}

/// The leaf of what can't be a key.
#[derive(Clone, Copy, Debug)]
pub struct NotAKey;

/// The leaf of what can be a key of one thread only.
#[derive(Clone, Copy, Debug)]
pub struct NotShared;

// They have a shape, so that the missing `Usable` or `Shareable` stays the only error.
macro_rules! shaped {
    ($($leaf:ident)*) => {$(
        impl<A: ?Sized> Shape<A> for $leaf {
            type Owned = ();
            fn hash<H: std::hash::Hasher>(_: &A, _: &mut H) {}
            fn matches(_: &A, (): &()) -> bool {
                true
            }
            fn to_owned(_: &A) {}
            fn same((): &(), (): &()) -> bool {
                true
            }
        }
    )*};
}
shaped!(NotAKey NotShared);

/// Leaves that can stand in a key.
#[diagnostic::on_unimplemented(
    message = "`{A}` can't be part of a cache key",
    label = "an argument of this type can't be hashed, compared and owned",
    note = "derive `Hash`, `PartialEq`, `Eq` and `Clone` for it, or leave the argument out with `exclude(…)`, or give a key of your own with `key = …`"
)]
pub trait Usable<A: ?Sized> {}

/// Leaves that threads can share.
#[diagnostic::on_unimplemented(
    message = "`{A}` can't be part of a key that threads share: it is not `Send + Sync`",
    label = "the key of an entry that one thread stores is compared by others",
    note = "take a type that threads can share (`Arc` instead of `Rc`), leave the argument out with `exclude(…)`, or say `scope = \"thread\"`: one store per thread"
)]
pub trait Shareable<A: ?Sized> {}

macro_rules! leaves {
    ($trait:ident: $($leaf:ident)*) => {
        $(#[diagnostic::do_not_recommend] impl<A: ?Sized> $trait<A> for $leaf {})*
        impl<A: ?Sized, S> $trait<A> for RefOf<S> {}
    };
}
leaves!(Usable: Val Ref CowOf Float Unordered NotShared);
leaves!(Shareable: Val Ref CowOf Float Unordered NotAKey);

/// Lets a leaf through, or is the one error about it.
#[inline]
pub fn usable<A: ?Sized, S: Usable<A> + Shareable<A>>(_: &Probe<A>, shape: S) -> S {
    shape
}
