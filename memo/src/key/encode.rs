//! From a call's arguments to the text of its key: the counterpart of [`Shape`] for stores outside the process.

use std::{
    borrow::{Borrow, Cow, ToOwned},
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash},
    marker::PhantomData,
};

use serde::Serialize;

use super::{
    Args, Copied,
    probe::Probe,
    shape::{Arr, CowOf, Float, Opt, Ref, RefOf, Seq, Shape, Skip, Tup, Val, shaped_as_inside},
    text::Text,
    tuple::Rest,
    unordered::Unordered,
};
use crate::error::Error;

/// How an `A` becomes (part of) the text of a key.
pub trait Encode<A: ?Sized>: Shape<A> {
    /// # Errors
    /// What serde says can't be written.
    fn encode(arg: &A, to: &mut Text) -> Result<(), Error>;
    /// Copies an owned key.
    fn copy(owned: &Self::Owned) -> Self::Owned;
}

/// A key that stores outside the process can hold.
pub trait StoredQuery: Copied {
    /// # Errors
    /// What serde says can't be written.
    fn write(&self, to: &mut Text) -> Result<(), Error>;
}

impl<A, S: Encode<A>> StoredQuery for Args<S, A> {
    fn write(&self, to: &mut Text) -> Result<(), Error> {
        S::encode(&self.args, to)
    }
}

impl<A, S: Encode<A>> Copied for Args<S, A> {
    fn copy(&self) -> fn(&S::Owned) -> S::Owned {
        S::copy
    }
}

macro_rules! by_serde {
    ($([$($generic:tt)*] $type:ty => $shape:ty, $owned:ident: $copy:expr;)*) => {$(
        impl<$($generic)*> Encode<$type> for $shape {
            fn encode(arg: &$type, to: &mut Text) -> Result<(), Error> {
                to.value(arg)
            }

            fn copy($owned: &Self::Owned) -> Self::Owned {
                $copy
            }
        }
    )*};
}

by_serde! {
    [A: Serialize + Hash + Eq + Clone + 'static] A => Val, owned: owned.clone();
    ['a, A: ?Sized + Serialize + Hash + Eq + ToOwned<Owned: 'static>] &'a A => Ref, owned: owned.borrow().to_owned();
    [] f32 => Float, bits: *bits;
    [] f64 => Float, bits: *bits;
}

impl<A: ?Sized + Serialize + Hash + Eq + ToOwned<Owned: 'static>> Encode<Cow<'_, A>> for CowOf {
    fn encode(arg: &Cow<'_, A>, to: &mut Text) -> Result<(), Error> {
        to.value(&**arg)
    }

    fn copy(owned: &A::Owned) -> A::Owned {
        owned.borrow().to_owned()
    }
}

impl<A: ?Sized> Encode<A> for Skip {
    fn encode(_: &A, to: &mut Text) -> Result<(), Error> {
        to.put("_");
        Ok(())
    }

    fn copy((): &()) {}
}

impl<A: ?Sized, S: Encode<A>> Encode<&A> for RefOf<S> {
    fn encode(arg: &&A, to: &mut Text) -> Result<(), Error> {
        S::encode(arg, to)
    }

    fn copy(owned: &S::Owned) -> S::Owned {
        S::copy(owned)
    }
}

impl<A, S: Encode<A>> Encode<Option<A>> for Opt<S> {
    fn encode(arg: &Option<A>, to: &mut Text) -> Result<(), Error> {
        let Some(arg) = arg else { return to.value(&None::<()>) };
        to.put("Some(");
        S::encode(arg, to)?;
        to.put(")");
        Ok(())
    }

    fn copy(owned: &Self::Owned) -> Self::Owned {
        owned.as_ref().map(S::copy)
    }
}

impl<A, S: Encode<A>> Encode<[A]> for Seq<S> {
    fn encode(arg: &[A], to: &mut Text) -> Result<(), Error> {
        to.list(('[', ']'), arg, |to, arg| S::encode(arg, to))
    }

    fn copy(owned: &Self::Owned) -> Self::Owned {
        owned.iter().map(S::copy).collect()
    }
}

impl<A, S: Encode<A>> Encode<Vec<A>> for Seq<S> {
    fn encode(arg: &Vec<A>, to: &mut Text) -> Result<(), Error> {
        <Self as Encode<[A]>>::encode(arg, to)
    }

    fn copy(owned: &Self::Owned) -> Self::Owned {
        owned.iter().map(S::copy).collect()
    }
}

impl<A, S: Encode<A>, const N: usize> Encode<[A; N]> for Arr<S> {
    fn encode(arg: &[A; N], to: &mut Text) -> Result<(), Error> {
        to.list(('(', ')'), arg, |to, arg| S::encode(arg, to))
    }

    fn copy(owned: &Self::Owned) -> Self::Owned {
        std::array::from_fn(|i| S::copy(&owned[i]))
    }
}

impl<A, S: Encode<A>> Encode<A> for Rest<S> {
    fn encode(arg: &A, to: &mut Text) -> Result<(), Error> {
        S::encode(arg, to)
    }

    fn copy(owned: &S::Owned) -> S::Owned {
        S::copy(owned)
    }
}

impl<K, V, B> Encode<HashMap<K, V, B>> for Unordered
where
    K: Serialize + Hash + Eq + Clone + 'static,
    V: Serialize + Hash + Eq + Clone + 'static,
    B: BuildHasher + Clone + 'static,
{
    fn encode(arg: &HashMap<K, V, B>, to: &mut Text) -> Result<(), Error> {
        to.value(arg)
    }

    fn copy(owned: &Self::Owned) -> Self::Owned {
        owned.clone()
    }
}

impl<K, B> Encode<HashSet<K, B>> for Unordered
where
    K: Serialize + Hash + Eq + Clone + 'static,
    B: BuildHasher + Clone + 'static,
{
    fn encode(arg: &HashSet<K, B>, to: &mut Text) -> Result<(), Error> {
        to.sorted(arg, Text::value)
    }

    fn copy(owned: &Self::Owned) -> Self::Owned {
        owned.clone()
    }
}

impl Encode<()> for () {
    fn encode((): &(), to: &mut Text) -> Result<(), Error> {
        to.value(&())
    }

    fn copy((): &()) {}
}

impl<A, S: Encode<A>> Encode<(&A,)> for (S,) {
    fn encode(args: &(&A,), to: &mut Text) -> Result<(), Error> {
        S::encode(args.0, to)
    }

    fn copy(owned: &S::Owned) -> S::Owned {
        S::copy(owned)
    }
}

macro_rules! tuples {
    ($($arg:ident $shape:ident $index:tt),*) => {
        impl<$($arg, $shape: Encode<$arg>),*> Encode<($(&$arg,)*)> for ($($shape,)*) {
            fn encode(args: &($(&$arg,)*), to: &mut Text) -> Result<(), Error> {
                let parts: [&dyn Fn(&mut Text) -> Result<(), Error>; _] = [$(&|to| $shape::encode(args.$index, to)),*];
                to.list(('(', ')'), parts, |to, part| part(to))
            }

            fn copy(owned: &Self::Owned) -> Self::Owned {
                ($($shape::copy(&owned.$index),)*)
            }
        }

        impl<$($arg, $shape: Encode<$arg>),*> Encode<($($arg,)*)> for Tup<($($shape,)*)> {
            fn encode(arg: &($($arg,)*), to: &mut Text) -> Result<(), Error> {
                <($($shape,)*) as Encode<($(&$arg,)*)>>::encode(&($(&arg.$index,)*), to)
            }

            fn copy(owned: &Self::Owned) -> Self::Owned {
                ($($shape::copy(&owned.$index),)*)
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

/// Carries an argument's type and shape to the probes.
pub struct Part<A, S>(PhantomData<(A, S)>);

/// The probe of an argument and its shape.
pub fn part<A, S>(_: &A, _: &S) -> Part<A, S> {
    Part(PhantomData)
}

/// First: an argument that is not in the key (a connection) is none of serde's business.
pub trait ViaSkip {
    fn writable(&self, shape: Skip) -> Skip {
        shape
    }
}

impl<A> ViaSkip for &&Part<A, Skip> {}

/// Then: an argument that serde can write keeps its shape.
pub trait ViaSerialize {
    type Shape;
    fn writable(&self, shape: Self::Shape) -> Self::Shape {
        shape
    }
}

impl<A: Serialize, S> ViaSerialize for &Part<A, S> {
    type Shape = S;
}

/// Then: any other, about which [`written`] is the one error.
pub trait ViaUnwritable {
    type Shape;
    fn writable(&self, shape: Self::Shape) -> Unwritable<Self::Shape> {
        Unwritable(shape)
    }
}

impl<A, S> ViaUnwritable for Part<A, S> {
    type Shape = S;
}

/// The shape of an argument that serde can't write.
#[derive(Clone, Copy, Debug)]
pub struct Unwritable<S>(S);

shaped_as_inside!(Unwritable);

impl<A: ?Sized, S: Shape<A>> Encode<A> for Unwritable<S> {
    fn encode(_: &A, _: &mut Text) -> Result<(), Error> {
        Err(Error::encoding("it is no serde type"))
    }

    fn copy(_: &S::Owned) -> S::Owned {
        unreachable!("it does not compile")
    }
}

/// Shapes whose arguments can be written.
#[diagnostic::on_unimplemented(
    message = "`{A}` can't be part of a key in a store: it is no serde type",
    label = "an argument of this type can't be written",
    note = "derive `serde::Serialize` for it (what that skips is not in the key), or leave the argument out with `exclude(…)`, or give a key of your own with `key = …`"
)]
pub trait Writable<A: ?Sized> {}

macro_rules! writable {
    ($([$($generic:ident)?] $shape:ty),* $(,)?) => {
        $(#[diagnostic::do_not_recommend] impl<A: ?Sized $(, $generic)?> Writable<A> for $shape {})*
    };
}
writable!([] Val, [] Ref, [] CowOf, [] Float, [] Skip, [] Unordered, [S] RefOf<S>, [S] Opt<S>, [S] Seq<S>, [S] Arr<S>, [S] Tup<S>);
writable!([] super::probe::NotAKey, [] super::probe::NotShared);

/// Lets a shape through, or is the one error about it.
pub fn written<A: ?Sized, S: Writable<A>>(_: &Probe<A>, shape: S) -> S {
    shape
}
