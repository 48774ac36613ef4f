//! Tuples: the arguments of a call, and tuples among the arguments.

use std::hash::Hasher;

use super::shape::{Shape, Tup, shaped_as_inside};

/// The arguments beyond the eleventh, as one.
#[derive(Clone, Copy, Debug)]
pub struct Rest<S>(pub S);

shaped_as_inside!(Rest);

impl Shape<()> for () {
    type Owned = ();

    #[inline]
    fn hash<H: Hasher>((): &(), _: &mut H) {}

    fn hashes_as_owned() -> bool {
        true
    }

    #[inline]
    fn matches((): &(), (): &()) -> bool {
        true
    }

    fn to_owned((): &()) {}

    fn same((): &(), (): &()) -> bool {
        true
    }
}

// One argument is the key itself, not a tuple of one: what a `Cache<K, V>` of the same keys would have as `K`.
impl<A, S: Shape<A>> Shape<(&A,)> for (S,) {
    type Owned = S::Owned;

    #[inline]
    fn hash<H: Hasher>(args: &(&A,), state: &mut H) {
        S::hash(args.0, state);
    }

    fn hashes_as_owned() -> bool {
        S::hashes_as_owned()
    }

    #[inline]
    fn matches(args: &(&A,), owned: &S::Owned) -> bool {
        S::matches(args.0, owned)
    }

    fn to_owned(args: &(&A,)) -> S::Owned {
        S::to_owned(args.0)
    }

    fn same(one: &S::Owned, other: &S::Owned) -> bool {
        S::same(one, other)
    }
}

macro_rules! tuples {
    ($($arg:ident $shape:ident $index:tt),*) => {
        impl<$($arg, $shape: Shape<$arg>),*> Shape<($(&$arg,)*)> for ($($shape,)*) {
            type Owned = ($($shape::Owned,)*);

            #[inline]
            fn hash<HH: Hasher>(args: &($(&$arg,)*), state: &mut HH) {
                $($shape::hash(args.$index, state);)*
            }

            fn hashes_as_owned() -> bool {
                $($shape::hashes_as_owned())&&*
            }

            #[inline]
            fn matches(args: &($(&$arg,)*), owned: &Self::Owned) -> bool {
                $($shape::matches(args.$index, &owned.$index))&&*
            }

            fn to_owned(args: &($(&$arg,)*)) -> Self::Owned {
                ($($shape::to_owned(args.$index),)*)
            }

            fn same(one: &Self::Owned, other: &Self::Owned) -> bool {
                $($shape::same(&one.$index, &other.$index))&&*
            }
        }

        impl<$($arg, $shape: Shape<$arg>),*> Shape<($($arg,)*)> for Tup<($($shape,)*)> {
            type Owned = ($($shape::Owned,)*);

            fn hash<HH: Hasher>(arg: &($($arg,)*), state: &mut HH) {
                $($shape::hash(&arg.$index, state);)*
            }

            fn hashes_as_owned() -> bool {
                $($shape::hashes_as_owned())&&*
            }

            fn matches(arg: &($($arg,)*), owned: &Self::Owned) -> bool {
                $($shape::matches(&arg.$index, &owned.$index))&&*
            }

            fn to_owned(arg: &($($arg,)*)) -> Self::Owned {
                ($($shape::to_owned(&arg.$index),)*)
            }

            fn same(one: &Self::Owned, other: &Self::Owned) -> bool {
                $($shape::same(&one.$index, &other.$index))&&*
            }
        }
    };
}

tuples!(A SA 0, B SB 1);
tuples!(A SA 0, B SB 1, C SC 2);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3, E SE 4);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3, E SE 4, F SF 5);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3, E SE 4, F SF 5, G SG 6);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3, E SE 4, F SF 5, G SG 6, H SH 7);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3, E SE 4, F SF 5, G SG 6, H SH 7, I SI 8);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3, E SE 4, F SF 5, G SG 6, H SH 7, I SI 8, J SJ 9);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3, E SE 4, F SF 5, G SG 6, H SH 7, I SI 8, J SJ 9, K SK 10);
tuples!(A SA 0, B SB 1, C SC 2, D SD 3, E SE 4, F SF 5, G SG 6, H SH 7, I SI 8, J SJ 9, K SK 10, L SL 11);
