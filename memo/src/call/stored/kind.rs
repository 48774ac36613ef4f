//! Kinds whose values can be written: found by the stored type, as the kind itself is by the return type.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    call::kind::{Entire, Kind},
    space::{AnyValues, Of},
};

/// A kind with a way from values to bytes and back.
pub trait Outer: Kind {
    #[doc(hidden)]
    fn values() -> AnyValues;
}

/// A kind whose values serde knows.
pub struct Serial<Kd>(PhantomData<Kd>);

/// A kind whose values serde does not know: [`serializable`] is the one error about it.
pub struct NotSerial<Kd>(PhantomData<Kd>);

macro_rules! delegates {
    ($($kind:ident)*) => {$(
        impl<Kd> Copy for $kind<Kd> {}
        impl<Kd> Clone for $kind<Kd> {
            fn clone(&self) -> Self { *self }
        }

        impl<Kd: Kind> Kind for $kind<Kd> {
            type Ret = Kd::Ret;
            type Val = Kd::Val;
            type Shared = Kd::Shared;

            fn split(ret: Self::Ret) -> Result<Self::Val, Self::Ret> {
                Kd::split(ret)
            }
            fn join(val: Self::Val) -> Self::Ret {
                Kd::join(val)
            }
            fn copy(val: &Self::Val) -> Self::Val {
                Kd::copy(val)
            }
            fn value(ret: &Self::Ret) -> Option<Self::Val> {
                Kd::value(ret)
            }
            fn share(ret: &Self::Ret) -> Option<Self::Shared> {
                Kd::share(ret)
            }
            fn take(shared: &Self::Shared) -> Self::Ret {
                Kd::take(shared)
            }
        }
    )*};
}
delegates!(Serial NotSerial);

impl<Kd: Entire> Entire for Serial<Kd> {}
impl<Kd: Entire> Entire for NotSerial<Kd> {}

impl<Kd: Kind<Val: Serialize + DeserializeOwned>> Outer for Serial<Kd> {
    fn values() -> AnyValues {
        &Of::<Kd::Val>::VALUES
    }
}

impl<Kd: Kind> Outer for NotSerial<Kd> {
    fn values() -> AnyValues {
        unreachable!("it does not compile")
    }
}

/// Carries a kind to the probes.
pub struct KindProbe<Kd>(Kd);

/// The probe of a kind.
pub fn of_kind<Kd: Kind>(kind: Kd) -> KindProbe<Kd> {
    KindProbe(kind)
}

/// First: what serde knows.
pub trait ViaSerial {
    type Kind;
    fn serial(&self) -> Self::Kind;
}

impl<Kd: Kind<Val: Serialize + DeserializeOwned>> ViaSerial for &KindProbe<Kd> {
    type Kind = Serial<Kd>;
    fn serial(&self) -> Serial<Kd> {
        Serial(PhantomData)
    }
}

/// Then: what it does not.
pub trait ViaNotSerial {
    type Kind;
    fn serial(&self) -> Self::Kind;
}

impl<Kd: Kind> ViaNotSerial for KindProbe<Kd> {
    type Kind = NotSerial<Kd>;
    fn serial(&self) -> NotSerial<Kd> {
        NotSerial(PhantomData)
    }
}

/// Kinds whose values can be written.
#[diagnostic::on_unimplemented(
    message = "`{V}` can't be stored outside of memory: it is no serde type",
    label = "values of this type can't be turned into bytes and back",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, or leave `backend` away: typed memory needs no serde"
)]
pub trait Serializable<V: ?Sized> {}

#[diagnostic::do_not_recommend]
impl<Kd: Kind, V: ?Sized> Serializable<V> for Serial<Kd> {}

/// Lets a kind through, or is the one error about it.
pub fn serializable<Kd: Outer + Serializable<Kd::Val>>(kind: Kd) -> Kd {
    kind
}
