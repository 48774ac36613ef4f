//! The macros of generated code: what can be said only where it stands.

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
    ($own:literal; $($type:ty),* $(; $($name:ident: $of:ident),* $(,)?)?) => {
        $crate::__private::Generics {
            all: <::std::vec::Vec<$crate::__private::TypeId> as ::core::convert::From<_>>::from([
                $($crate::__private::type_id::<$type>(),)*
                $($($crate::__private::type_id::<$crate::__private::constant::$of<$name>>(),)*)?
            ]),
            own: $own,
        }
    };
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
macro_rules! __memo_lift_reference {
    ($x:expr) => {{
        use $crate::__private::{LiftNothing as _, LiftReference as _};
        (&&$crate::__private::of($x)).lift(*$x)
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __memo_lift_value {
    ($x:expr) => {{
        use $crate::__private::{LiftNothing as _, LiftValue as _};
        (&&$crate::__private::of($x)).lift($x)
    }};
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

/// A kind with a way to bytes.
#[cfg(feature = "stores")]
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_quiet_serial {
    ($kind:expr) => {{
        use $crate::__private::stored::{ViaNotSerial as _, ViaSerial as _};
        (&&$crate::__private::stored::of_kind($kind)).serial()
    }};
}

#[cfg(feature = "stores")]
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_serial {
    ($kind:expr) => {
        $crate::__private::stored::serializable($crate::__memo_quiet_serial!($kind))
    };
}

/// A part of a key that can be written.
#[cfg(feature = "stores")]
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_quiet_part {
    ($place:expr, $shape:expr) => {{
        use $crate::__private::stored::{ViaSerialize as _, ViaSkip as _, ViaUnwritable as _};
        let shape = $shape;
        (&&&$crate::__private::stored::part_of($place, &shape)).writable(shape)
    }};
}

#[cfg(feature = "stores")]
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_part {
    ($place:expr, $shape:expr) => {
        $crate::__private::stored::written(&$crate::__private::of($place), $crate::__memo_quiet_part!($place, $shape))
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

/// The same for async functions.
#[doc(hidden)]
#[macro_export]
macro_rules! __memo_invalidate_later {
    ($plan:expr, $result:expr) => {{
        let result = $result;
        let succeeded = {
            use $crate::__private::{SuccessOfResult as _, SuccessOfValue as _};
            (&&$crate::__private::of(&result)).succeeded(&result)
        };
        $plan.carried_out(succeeded).await;
        result
    }};
}
