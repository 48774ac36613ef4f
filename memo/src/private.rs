//! All that generated code may name. Not part of the API: it changes with the macros, in any version.

use std::{rc::Rc, sync::Arc};

pub use std::any::TypeId;

pub use memo_macros::{
    __cache_delete, __cache_entry, __cache_get, __cache_set, __call_with, __explain_cache, __overwrite_cache,
    __skip_cache,
};

#[cfg(not(any(target_family = "wasm", miri)))]
pub use linkme;

#[cfg(not(any(target_family = "wasm", miri)))]
pub use crate::call::site::SITES_0_1_0 as SITES;
pub use crate::{
    __memo_declaration as declaration, __memo_done as done, __memo_ids as ids, __memo_invalidate as invalidate,
    __memo_kind as kind, __memo_leaf as leaf, __memo_leaf_of as leaf_of, __memo_quiet_leaf_or_skip as leaf_or_skip,
    __memo_site as site,
    call::{
        address::{Address, Setting, address, unchanged},
        begin::{Begun, Guard, Started},
        extras::{Extras, FromTimeout, IntoTtl, Ttl, fail_with, tags, tags_of, ttl, ttl_of},
        invalidation::{Invalidation, SuccessOfResult, SuccessOfValue},
        kind::{
            Kind, LocalViaClone, LocalViaNone, LocalViaResult, LocalViaShared, LocalViaUncloned, ViaClone,
            ViaNeitherWhole, ViaNone, ViaResult, ViaShared, ViaUncloned, ViaUnclonedValue, ViaUnshared,
            ViaUnsharedValue, Whole, plain, storable,
        },
        site::{Declaration, Jitter, Options, Policy, Scope, Site},
        start::{begin, begin_with},
        switch::{Armed, DoneFuture, DoneValue, Mode, Outcome, arm, set_aside},
    },
    key::{
        Query, key,
        probe::{LocalReference, LocalValue, OrSkip, Probe, Reference, Special, Unshared, Unusable, Value, of, usable},
        shape::{Arr, Float, Opt, Ref, RefOf, Seq, Skip, Tup, Val},
        tuple::Rest,
    },
};
pub use crate::{
    __memo_delete as delete, __memo_entry as entry, __memo_explain as explain, __memo_get as get, __memo_set as set,
};

/// The async forms.
pub mod aio {
    pub use crate::call::{
        address::aio::{Address, address},
        begin::Begun,
        start::aio::{begin, begin_with},
    };
}

/// The forms for `scope = "thread"`.
pub mod local {
    pub use crate::call::{
        address::{Address, local::address},
        start::local::{begin, begin_with},
    };
    pub use crate::{
        __memo_local_kind as kind, __memo_local_leaf as leaf, __memo_local_leaf_of as leaf_of,
        __memo_local_quiet_leaf_or_skip as leaf_or_skip,
    };

    /// Forms that report no error of their own.
    pub mod quiet {
        pub use crate::{
            __memo_local_quiet_kind as kind, __memo_local_quiet_leaf as leaf, __memo_local_quiet_leaf_of as leaf_of,
            __memo_local_quiet_leaf_or_skip as leaf_or_skip,
        };
    }
}

/// Forms that report no error of their own: for the address form, whose function has reported it.
pub mod quiet {
    pub use crate::{
        __memo_quiet_kind as kind, __memo_quiet_leaf as leaf, __memo_quiet_leaf_of as leaf_of,
        __memo_quiet_leaf_or_skip as leaf_or_skip,
    };
}

/// The version of a crate that cargo builds.
pub const fn version(version: Option<&'static str>) -> &'static str {
    match version {
        Some(version) => version,
        None => "",
    }
}

/// A bound that is a constant of the user's.
///
/// # Panics
/// If it is not positive; that is when the program is compiled.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked, in a function that can't call others"
)]
pub const fn bound(bound: i128) -> u64 {
    assert!(bound > 0, "the bound of a cache is at least 1");
    if bound > u64::MAX as i128 { u64::MAX } else { bound as u64 }
}

/// Seconds as milliseconds.
pub const fn secs(seconds: u64) -> Option<u64> {
    Some(seconds.saturating_mul(1000))
}

/// Milliseconds.
pub const fn millis(millis: u64) -> Option<u64> {
    Some(millis)
}

/// Pins the output of a body's future.
pub fn output<R, F: Future<Output = R>>(future: F) -> F {
    future
}

/// Stands in an address for what the key leaves out.
#[derive(Clone, Copy, Debug)]
pub struct Any;

/// What may stand in an address for a `T` that is not in the key: a real one, from which generics are inferred, or `_`.
pub trait Stands<T> {}

impl<T> Stands<T> for T {}
impl<T: ?Sized> Stands<&T> for Any {}
impl<T: ?Sized> Stands<&mut T> for Any {}
impl<T: ?Sized> Stands<Arc<T>> for Any {}
impl<T: ?Sized> Stands<Rc<T>> for Any {}
impl<T: ?Sized> Stands<Box<T>> for Any {}
impl<T> Stands<&T> for &Arc<T> {}
impl<T> Stands<&T> for &Rc<T> {}
impl<T> Stands<&T> for &Box<T> {}

/// Takes an address's answer out of its slot.
pub fn answered<T>(answer: Option<T>) -> T {
    answer.expect("every address form calls its continuation")
}

/// The identity of a value of a const parameter.
pub mod constant {
    macro_rules! constants {
        ($($name:ident),*) => {$(
            #[allow(non_camel_case_types, reason = "named after the primitive types")]
            #[derive(Debug)]
            pub struct $name<const N: core::primitive::$name>;
        )*};
    }
    constants!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool, char);
}

/// The static of an attribute, and a function beside it that knows its path.
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_site {
    ($name:expr, $options:expr) => {
        $crate::__memo_path!();
        $crate::__memo_registered! {
            static __MEMO_SITE: $crate::__private::Site =
                $crate::__private::Site::new($crate::__memo_declared!($name, $options));
        }
    };
}

/// The declaration in a function's address form, which has no part in the life of the caches.
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_declaration {
    ($name:expr, $options:expr) => {
        $crate::__memo_path!();
        const __MEMO_DECLARED: &$crate::__private::Declaration = &$crate::__memo_declared!($name, $options);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_path {
    () => {
        fn __memo_path() -> &'static ::core::primitive::str {
            ::core::any::type_name_of_val(&__memo_path)
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_declared {
    ($name:expr, $options:expr) => {
        $crate::__private::Declaration::new(
            $name,
            ::core::module_path!(),
            $crate::__private::version(::core::option_env!("CARGO_PKG_VERSION")),
            (::core::line!(), ::core::column!()),
            __memo_path,
            $options,
        )
    };
}

#[cfg(not(any(target_family = "wasm", miri)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_registered {
    ($($static:tt)*) => {
        #[$crate::__private::linkme::distributed_slice($crate::__private::SITES)]
        #[linkme(crate = $crate::__private::linkme)]
        $($static)*
    };
}

/// Without a linker section, a function is known from its first call on.
#[cfg(any(target_family = "wasm", miri))]
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_registered {
    ($($static:tt)*) => { $($static)* };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_ids {
    ($($type:ty),* $(; $($name:ident: $of:ident),* $(,)?)?) => {
        <::std::vec::Vec<$crate::__private::TypeId> as ::core::convert::From<_>>::from([
            $($crate::__private::type_id::<$type>(),)*
            $($($crate::__private::type_id::<$crate::__private::constant::$of<$name>>(),)*)?
        ])
    };
}

/// The identity of a type, lifetimes aside.
pub fn type_id<T: ?Sized>() -> TypeId {
    typeid::of::<T>()
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_quiet_leaf {
    ($x:expr) => {{
        use $crate::__private::{Reference as _, Special as _, Unshared as _, Unusable as _, Value as _};
        (&&&&&$crate::__private::of(&$x)).leaf()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_leaf {
    ($x:expr) => {
        $crate::__private::usable(&$crate::__private::of(&$x), $crate::__memo_quiet_leaf!($x))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_quiet_leaf_of {
    ($x:ty) => {{
        use $crate::__private::{Reference as _, Special as _, Unshared as _, Unusable as _, Value as _};
        (&&&&&$crate::__private::Probe::<$x>::NEW).leaf()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_leaf_of {
    ($x:ty) => {
        $crate::__private::usable(&$crate::__private::Probe::<$x>::NEW, $crate::__memo_quiet_leaf_of!($x))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_quiet_leaf_or_skip {
    ($x:expr) => {{
        use $crate::__private::{OrSkip as _, Reference as _, Special as _, Value as _};
        (&&&&&$crate::__private::of(&$x)).leaf()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_quiet_kind {
    ($returns:ty) => {{
        use $crate::__private::{
            ViaClone as _, ViaNeitherWhole as _, ViaNone as _, ViaResult as _, ViaShared as _, ViaUncloned as _,
            ViaUnclonedValue as _, ViaUnshared as _, ViaUnsharedValue as _,
        };
        (&&&&&$crate::__private::Probe::<$returns>::NEW).kind()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_kind {
    ($returns:ty) => {
        $crate::__private::storable($crate::__memo_quiet_kind!($returns))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_local_quiet_leaf {
    ($x:expr) => {{
        use $crate::__private::{LocalReference as _, LocalValue as _, Special as _, Unusable as _};
        (&&&&&$crate::__private::of(&$x)).leaf()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_local_leaf {
    ($x:expr) => {
        $crate::__private::usable(&$crate::__private::of(&$x), $crate::__memo_local_quiet_leaf!($x))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_local_quiet_leaf_of {
    ($x:ty) => {{
        use $crate::__private::{LocalReference as _, LocalValue as _, Special as _, Unusable as _};
        (&&&&&$crate::__private::Probe::<$x>::NEW).leaf()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_local_leaf_of {
    ($x:ty) => {
        $crate::__private::usable(&$crate::__private::Probe::<$x>::NEW, $crate::__memo_local_quiet_leaf_of!($x))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_local_quiet_leaf_or_skip {
    ($x:expr) => {{
        use $crate::__private::{LocalReference as _, LocalValue as _, OrSkip as _, Special as _};
        (&&&&&$crate::__private::of(&$x)).leaf()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_local_quiet_kind {
    ($returns:ty) => {{
        use $crate::__private::{
            LocalViaClone as _, LocalViaNone as _, LocalViaResult as _, LocalViaShared as _, LocalViaUncloned as _,
        };
        (&&&&&$crate::__private::Probe::<$returns>::NEW).kind()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_local_kind {
    ($returns:ty) => {
        $crate::__private::storable($crate::__memo_local_quiet_kind!($returns))
    };
}

/// The kind of the function whose address this is.
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_kind_at {
    ($address:expr) => {{
        // What a function of one thread stores fits here too: the two sets of probes differ in what they refuse only.
        use $crate::__private::{
            LocalViaClone as _, LocalViaNone as _, LocalViaResult as _, LocalViaShared as _, LocalViaUncloned as _,
        };
        (&&&&&$address.probe()).kind()
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_get {
    ($address:expr) => {
        $address.get($crate::__memo_kind_at!($address))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_entry {
    ($address:expr) => {
        $address.entry($crate::__memo_kind_at!($address))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_set {
    ($address:expr, $value:expr) => {
        $address.set($crate::__memo_kind_at!($address), $crate::__private::answered($value.take()))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_delete {
    ($address:expr) => {
        $address.delete()
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_explain {
    ($address:expr) => {
        $address.explain()
    };
}

/// Ends a call that was made in a mode: a value ends it, a future takes the mode along.
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_done {
    ($armed:expr, $result:expr) => {{
        let result = $result;
        use $crate::__private::{DoneFuture as _, DoneValue as _};
        (&&$crate::__private::Outcome($armed, ::core::cell::Cell::new(::core::option::Option::Some(result)))).done()
    }};
}

/// Removes what a successful body invalidates.
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_invalidate {
    ($plan:expr, $result:expr) => {{
        let result = $result;
        let succeeded = {
            use $crate::__private::{SuccessOfResult as _, SuccessOfValue as _};
            (&&$crate::__private::of(&result)).succeeded(&result)
        };
        $plan.carry_out(succeeded);
        result
    }};
}
