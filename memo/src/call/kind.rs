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
    ///
    /// # Errors
    /// What is not to be stored.
    fn split(ret: Self::Ret) -> Result<Self::Val, Self::Ret>;
    fn join(val: Self::Val) -> Self::Ret;
    fn copy(val: &Self::Val) -> Self::Val;
    /// A copy of the value to store.
    fn value(ret: &Self::Ret) -> Option<Self::Val>;
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
/// A return value `R` that can't be stored: one error says why, and nothing else follows from it, so closures over the
/// value see the `V` that would be stored.
pub struct Unstorable<V, R, Why>(PhantomData<fn(V, R) -> Why>);
/// Why a value can't be stored: a hit could not clone it.
pub struct NotClone;
/// Why a value can't be stored: other threads must not use it.
pub struct NotShared;

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
copy!(Plain<R>, Fallible<T, E>, FallibleShared<T, E>, Unstorable<V, R, Why>);

/// The kind of a type that is certainly no `Result`.
pub const fn plain<R>() -> Plain<R> {
    Plain(PhantomData)
}

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
    fn value(ret: &R) -> Option<R> {
        Some(ret.clone())
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
    fn value(ret: &Self::Ret) -> Option<T> {
        ret.as_ref().ok().cloned()
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
    fn value(ret: &Self::Ret) -> Option<T> {
        ret.as_ref().ok().cloned()
    }
    fn share(ret: &Self::Ret) -> Option<Self::Ret> {
        Some(ret.clone())
    }
    fn take(shared: &Self::Ret) -> Self::Ret {
        shared.clone()
    }
}

impl<V: 'static, R: 'static, Why: 'static> Kind for Unstorable<V, R, Why> {
    type Ret = R;
    type Val = V;
    type Shared = ();

    fn split(ret: R) -> Result<V, R> {
        Err(ret)
    }
    fn join(_: V) -> R {
        unreachable!("nothing was stored")
    }
    fn copy(_: &V) -> V {
        unreachable!("nothing was stored")
    }
    fn value(_: &R) -> Option<V> {
        None
    }
    fn share(_: &R) -> Option<()> {
        None
    }
    fn take((): &()) -> R {
        unreachable!("nothing was shared")
    }
}

// Picks the kind of a return type: see the module `probe` for how. Two sets of probes, for values that threads share and for
// those of one thread; within a set the first that fits wins.
macro_rules! probes {
    ($(#[$doc:meta])* $shared:ident, $result:ident, $clone:ident where $($bound:ident)*) => {
        $(#[$doc])*
        pub trait $shared {
            type Kind;
            fn kind(&self) -> Self::Kind;
        }

        impl<T: Clone $(+ $bound)*, E: Clone $(+ $bound)*> $shared for &&&&Probe<Result<T, E>> {
            type Kind = FallibleShared<T, E>;
            fn kind(&self) -> Self::Kind {
                FallibleShared(PhantomData)
            }
        }

        pub trait $result {
            type Kind;
            fn kind(&self) -> Self::Kind;
        }

        impl<T: Clone $(+ $bound)*, E> $result for &&&Probe<Result<T, E>> {
            type Kind = Fallible<T, E>;
            fn kind(&self) -> Self::Kind {
                Fallible(PhantomData)
            }
        }

        impl<R: Clone $(+ $bound)*> $result for &&&Probe<Whole<R>> {
            type Kind = Plain<R>;
            fn kind(&self) -> Self::Kind {
                Plain(PhantomData)
            }
        }

        pub trait $clone {
            type Kind;
            fn kind(&self) -> Self::Kind;
        }

        impl<R: Clone $(+ $bound)*> $clone for &&Probe<R> {
            type Kind = Plain<R>;
            fn kind(&self) -> Self::Kind {
                Plain(PhantomData)
            }
        }
    };
}

probes!(
    /// First: a `Result` whose error can be shared with followers. Then any `Result`, then any value.
    ViaShared, ViaResult, ViaClone where Send Sync
);
probes!(
    /// The same for values of one thread.
    LocalViaShared, LocalViaResult, LocalViaClone where
);

// What can't be stored, and why. A probe is reached only by what those before it left over: two of one level never fit
// the same type that far down.
macro_rules! unstorable {
    ($($(#[$doc:meta])* $probe:ident { $([$($generic:tt)*] $type:ty => $val:ty, $ret:ty, $why:ident;)* })*) => {$(
        $(#[$doc])*
        pub trait $probe {
            type Kind;
            fn kind(&self) -> Self::Kind;
        }
        $(
            impl<$($generic)*> $probe for $type {
                type Kind = Unstorable<$val, $ret, $why>;
                fn kind(&self) -> Self::Kind {
                    Unstorable(PhantomData)
                }
            }
        )*
    )*};
}

unstorable! {
    /// What can be cloned, but not shared.
    ViaUnshared {
        [T: Clone, E] &&Probe<Result<T, E>> => (), Result<T, E>, NotShared;
        [R: Clone] &&Probe<Whole<R>> => (), R, NotShared;
    }
    ViaUnsharedValue {
        [R: Clone] &Probe<R> => (), R, NotShared;
    }
    /// What can be shared, but not cloned.
    ViaUncloned {
        [T: Send + Sync, E] &&Probe<Result<T, E>> => T, Result<T, E>, NotClone;
        [R: Send + Sync] &&Probe<Whole<R>> => R, R, NotClone;
    }
    ViaUnclonedValue {
        [R: Send + Sync] &Probe<R> => R, R, NotClone;
    }
    /// Neither.
    ViaNeitherWhole {
        [R] &Probe<Whole<R>> => (), R, NotClone;
    }
    ViaNone {
        [R] Probe<R> => (), R, NotClone;
    }
    /// What one thread can't clone.
    LocalViaUncloned {
        [T, E] &&Probe<Result<T, E>> => T, Result<T, E>, NotClone;
        [R] &&Probe<Whole<R>> => R, R, NotClone;
    }
    LocalViaNone {
        [R] Probe<R> => R, R, NotClone;
    }
}

/// Kinds that store all that is returned.
#[diagnostic::on_unimplemented(
    message = "a `Result` for each key can't be kept in part",
    label = "some of these values would be stored, and others not",
    note = "return `Result<Vec<…>, …>`, or `Vec<Option<…>>`"
)]
pub trait Entire {}

impl<R> Entire for Plain<R> {}
impl<V, R, Why> Entire for Unstorable<V, R, Why> {}

/// Kinds whose values a hit can clone.
#[diagnostic::on_unimplemented(
    message = "`{R}` can't be cached: it is not `Clone`",
    label = "a hit returns a clone of the stored value",
    note = "derive `Clone`, or return an `Arc<…>` of it"
)]
pub trait Storable<R: ?Sized> {}

impl<R, S: ?Sized> Storable<S> for Plain<R> {}
impl<T, E, S: ?Sized> Storable<S> for Fallible<T, E> {}
impl<T, E, S: ?Sized> Storable<S> for FallibleShared<T, E> {}
impl<V, R, S: ?Sized> Storable<S> for Unstorable<V, R, NotShared> {}

/// Kinds whose values threads can share.
#[diagnostic::on_unimplemented(
    message = "`{R}` can't be cached for all threads: it is not `Send + Sync`",
    label = "a value stored by one thread is read by others",
    note = "return a type that threads can share (`Arc` instead of `Rc`), or say `scope = \"thread\"`: one store per thread"
)]
pub trait Shareable<R: ?Sized> {}

impl<R, S: ?Sized> Shareable<S> for Plain<R> {}
impl<T, E, S: ?Sized> Shareable<S> for Fallible<T, E> {}
impl<T, E, S: ?Sized> Shareable<S> for FallibleShared<T, E> {}
impl<V, R, S: ?Sized> Shareable<S> for Unstorable<V, R, NotClone> {}

/// Lets a kind through, or is the one error about it.
#[inline]
pub fn storable<K: Kind + Storable<K::Ret> + Shareable<K::Ret>>(kind: K) -> K {
    kind
}
