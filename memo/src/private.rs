//! All that generated code may name. Not part of the API: it changes with the macros, in any version.

#[path = "private/macros.rs"]
mod macros;

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
    __memo_invalidate_later as invalidate_later, __memo_kind as kind, __memo_leaf as leaf, __memo_leaf_of as leaf_of,
    __memo_lift_reference as lift_reference, __memo_lift_value as lift_value,
    __memo_quiet_leaf_or_skip as leaf_or_skip, __memo_site as site,
    call::{
        address::{Address, Setting, address, unchanged},
        answer::Guard,
        begun::{Begun, Started},
        extras::{Extras, FromTimeout, IntoTtl, err_fails, fail_with, never_fails, tags, tags_of, ttl, ttl_of},
        invalidation::{Invalidation, SuccessOfResult, SuccessOfValue},
        kind::{
            Kind, LocalViaClone, LocalViaNone, LocalViaResult, LocalViaShared, LocalViaUncloned, ViaClone,
            ViaNeitherWhole, ViaNone, ViaResult, ViaShared, ViaUncloned, ViaUnclonedValue, ViaUnshared,
            ViaUnsharedValue, Whole, plain, storable,
        },
        later::Kept,
        site::{Declaration, Jitter, Options, Outside, Policy, Scope, SingleFlight, Site, Version},
        start::{Generics, begin, begin_with},
        switch::{Armed, DoneFuture, DoneValue, Mode, Outcome, arm, set_aside},
        terms::Ttl,
    },
    freshness::{
        Windows,
        depends::Depends,
        pool::Job,
        repeat::{LiftNothing, LiftReference, LiftValue},
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
        begun::Begun,
        start::aio::{begin, begin_with},
    };
}

/// The forms for functions that compute several keys at once.
pub mod each {
    pub use crate::call::{
        each::{
            Apart, Batch, Brings, Ending, Lacking, Many, Missing, Next, OfElement, Repeated, behind, chosen, itself,
            repeated,
        },
        later::Laters,
    };
}

/// The forms for functions whose entries live in a cache object.
pub mod cached {
    pub use crate::{
        cache::guest::{find, find_address, object},
        call::address::Address,
    };

    /// The async forms.
    pub mod aio {
        pub use crate::call::address::aio::Address;
    }
}

/// The forms for functions whose entries live in stores outside of memory.
#[cfg(feature = "stores")]
pub mod stored {
    pub use crate::{
        __memo_part as part, __memo_quiet_part as quiet_part, __memo_quiet_serial as quiet_serial,
        __memo_serial as serial,
        call::{
            address::Address,
            stored::{
                address::address,
                begin, begin_weighing,
                kind::{ViaNotSerial, ViaSerial, of_kind, serializable},
                literal::{codec, url},
            },
        },
        key::encode::{ViaSerialize, ViaSkip, ViaUnwritable, part as part_of, written},
    };

    /// The forms for one of several keys.
    pub mod together {
        pub use crate::call::stored::together::{begin, begin_weighing};
    }

    /// The same in a task.
    pub mod together_in_task {
        pub use crate::call::stored::together_in_task::{begin, begin_weighing};
    }

    /// The async forms.
    pub mod aio {
        pub use crate::call::{
            address::aio::Address,
            stored::{
                address::aio::address,
                aio::{begin, begin_weighing},
            },
        };
    }
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

/// The identity of a type, lifetimes aside.
pub fn type_id<T: ?Sized>() -> TypeId {
    typeid::of::<T>()
}
