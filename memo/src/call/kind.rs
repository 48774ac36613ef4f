//! Which part of what a function returns is stored, found by the return type (aliases too).

use std::marker::PhantomData;

use crate::key::probe::Probe;

/// How a return value and its stored value belong together. Implemented by zero-sized types that the probes below pick.
pub trait Kind: Copy + 'static {
    /// What the function returns.
    type Ret;
    /// What is stored.
    type Val: 'static;
    /// What a leader can hand to its followers.
    type Shared: 'static;
    /// The value to store, or what is returned without being stored.
    fn split(ret: Self::Ret) -> Result<Self::Val, Self::Ret>;
    fn join(val: Self::Val) -> Self::Ret;
    fn copy(val: &Self::Val) -> Self::Val;
    /// A copy for the followers, where there can be one.
    fn share(ret: &Self::Ret) -> Option<Self::Shared>;
    /// What a follower returns.
    fn take(shared: &Self::Shared) -> Self::Ret;
}

/// The return value is stored whole.
pub struct Plain<R>(PhantomData<fn() -> R>);
/// `Ok` is stored; an `Err` is returned and forgotten.
pub struct Fallible<T, E>(PhantomData<fn() -> (T, E)>);
/// `Ok` is stored; an `Err` is shared with the followers, then forgotten.
pub struct FallibleShared<T, E>(PhantomData<fn() -> (T, E)>);
/// A return value that can't be stored: one error says why, and nothing else follows from it.
pub struct Unstorable<R>(PhantomData<fn() -> R>);

/// Asks for the whole return value to be stored, also of a `Result`.
pub struct Whole<R>(PhantomData<R>);

macro_rules! copy {
    ($($kind:ident<$($generic:ident),*>),*) => {$(
        impl<$($generic),*> Copy for $kind<$($generic),*> {}
        impl<$($generic),*> Clone for $kind<$($generic),*> {
            fn clone(&self) -> Self { *self }
        }
    )*};
}
copy!(Plain<R>, Fallible<T, E>, FallibleShared<T, E>, Unstorable<R>);

impl<R: Clone + 'static> Kind for Plain<R> {
    type Ret = R;
    type Val = R;
    type Shared = R;

    fn split(ret: R) -> Result<R, R> {
        Ok(ret)
    }
    fn join(val: R) -> R {
        val
    }
    fn copy(val: &R) -> R {
        val.clone()
    }
    fn share(ret: &R) -> Option<R> {
        Some(ret.clone())
    }
    fn take(shared: &R) -> R {
        shared.clone()
    }
}

impl<T: Clone + 'static, E: 'static> Kind for Fallible<T, E> {
    type Ret = Result<T, E>;
    type Val = T;
    type Shared = T;

    fn split(ret: Self::Ret) -> Result<T, Self::Ret> {
        ret.map_err(Err)
    }
    fn join(val: T) -> Self::Ret {
        Ok(val)
    }
    fn copy(val: &T) -> T {
        val.clone()
    }
    fn share(ret: &Self::Ret) -> Option<T> {
        ret.as_ref().ok().cloned()
    }
    fn take(shared: &T) -> Self::Ret {
        Ok(shared.clone())
    }
}

impl<T: Clone + 'static, E: Clone + 'static> Kind for FallibleShared<T, E> {
    type Ret = Result<T, E>;
    type Val = T;
    type Shared = Result<T, E>;

    fn split(ret: Self::Ret) -> Result<T, Self::Ret> {
        ret.map_err(Err)
    }
    fn join(val: T) -> Self::Ret {
        Ok(val)
    }
    fn copy(val: &T) -> T {
        val.clone()
    }
    fn share(ret: &Self::Ret) -> Option<Self::Ret> {
        Some(ret.clone())
    }
    fn take(shared: &Self::Ret) -> Self::Ret {
        shared.clone()
    }
}

impl<R: 'static> Kind for Unstorable<R> {
    type Ret = R;
    type Val = ();
    type Shared = ();

    fn split(ret: R) -> Result<(), R> {
        Err(ret)
    }
    fn join((): ()) -> R {
        unreachable!("nothing was stored")
    }
    fn copy((): &()) {}
    fn share(_: &R) -> Option<()> {
        None
    }
    fn take((): &()) -> R {
        unreachable!("nothing was shared")
    }
}

/// Picks the kind of a return type: see the module `probe` for how.
pub trait ViaShared {
    type Kind;
    fn kind(&self) -> Self::Kind;
}

impl<T: Clone, E: Clone + Send + Sync> ViaShared for &&&Probe<Result<T, E>> {
    type Kind = FallibleShared<T, E>;
    fn kind(&self) -> Self::Kind {
        FallibleShared(PhantomData)
    }
}

pub trait ViaResult {
    type Kind;
    fn kind(&self) -> Self::Kind;
}

impl<T: Clone, E> ViaResult for &&Probe<Result<T, E>> {
    type Kind = Fallible<T, E>;
    fn kind(&self) -> Self::Kind {
        Fallible(PhantomData)
    }
}

impl<R: Clone> ViaResult for &&Probe<Whole<R>> {
    type Kind = Plain<R>;
    fn kind(&self) -> Self::Kind {
        Plain(PhantomData)
    }
}

pub trait ViaClone {
    type Kind;
    fn kind(&self) -> Self::Kind;
}

impl<R: Clone> ViaClone for &Probe<R> {
    type Kind = Plain<R>;
    fn kind(&self) -> Self::Kind {
        Plain(PhantomData)
    }
}

pub trait ViaNone {
    type Kind;
    fn kind(&self) -> Self::Kind;
}

impl<R> ViaNone for Probe<R> {
    type Kind = Unstorable<R>;
    fn kind(&self) -> Self::Kind {
        Unstorable(PhantomData)
    }
}

/// Kinds of what can be stored.
#[diagnostic::on_unimplemented(
    message = "`{R}` can't be cached: it is not `Clone`",
    label = "a hit returns a clone of the stored value",
    note = "derive `Clone`, or return an `Arc<…>` of it"
)]
pub trait Storable<R: ?Sized> {}

impl<R, S: ?Sized> Storable<S> for Plain<R> {}
impl<T, E, S: ?Sized> Storable<S> for Fallible<T, E> {}
impl<T, E, S: ?Sized> Storable<S> for FallibleShared<T, E> {}

/// Lets a kind through, or is the one error about it.
#[inline]
pub fn storable<R: ?Sized, K: Storable<R>>(_: &Probe<R>, kind: K) -> K {
    kind
}
