//! The primitives that the model checker replaces: everything that synchronises goes through here.
//!
//! Under `--cfg shuttle` the same modules run on shuttle's locks, atomics and threads, so that what is
//! checked is what ships.

#[cfg(not(shuttle))]
mod imp {
    pub(crate) use std::{
        sync::atomic::{AtomicBool, AtomicU64},
        thread,
    };

    pub(crate) use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
}

#[cfg(shuttle)]
mod imp {
    pub(crate) use shuttle::{
        sync::{
            RwLockReadGuard, RwLockWriteGuard,
            atomic::{AtomicBool, AtomicU64},
        },
        thread,
    };
    use std::sync::PoisonError;

    /// Shuttle's mutex with the signature of `parking_lot`'s: no poisoning.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Shuttle's lock with the signature of `parking_lot`'s: no poisoning.
    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T: ?Sized>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(shuttle::sync::RwLock::new(value))
        }
    }

    impl<T: ?Sized> RwLock<T> {
        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

pub(crate) use imp::*;

/// A static of each thread.
#[cfg(not(shuttle))]
macro_rules! per_thread {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $init:expr;)*) => {
        ::std::thread_local! { $($(#[$doc])* static $name: $type = const { $init };)* }
    };
}

#[cfg(shuttle)]
macro_rules! per_thread {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $init:expr;)*) => {
        ::shuttle::thread_local! { $($(#[$doc])* static $name: $type = $init;)* }
    };
}

pub(crate) use per_thread;

/// Keeps what different threads write on cache lines of their own (64 bytes on most machines, pairs of them
/// are fetched together on x86).
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);
