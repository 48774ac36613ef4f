//! Values of any type that are asked for by type, without the virtual call of `dyn Any`.
//!
//! The hit path does this twice per call, and the calls cost a tenth of it: the type's id is kept beside the pointer instead.
#![allow(unsafe_code, reason = "measured: a tenth of the instructions of every hit; all of it is in this file")]

use std::{
    any::{Any, TypeId},
    ptr::NonNull,
};

/// A shared reference to a value that lives as long as the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TypedRef {
    /// Of the value behind `value`: set in `new`, never changed.
    id: TypeId,
    value: &'static (dyn Any + Send + Sync),
}

impl TypedRef {
    pub(crate) fn new<T: Any + Send + Sync>(value: &'static T) -> Self {
        Self { id: TypeId::of::<T>(), value }
    }

    /// Is it a value of the type with this id?
    pub(crate) fn is(self, id: TypeId) -> bool {
        self.id == id
    }

    pub(crate) fn get<T: Any>(self) -> Option<&'static T> {
        self.value.downcast_ref()
    }

    /// The same reference, to be asked for by a marker too.
    pub(crate) fn marked(self, mark: Mark) -> Option<MarkedRef> {
        (self.id == mark.of).then_some(MarkedRef { both: mark.both, value: self.value })
    }
}

/// The type of what belongs to a marker, which need not be 'static.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    /// The type's id.
    pub(crate) of: TypeId,
    /// One id for marker and type.
    both: TypeId,
}

impl Mark {
    #[inline]
    pub(crate) fn new<M, T: Any>() -> Self {
        Self { of: TypeId::of::<T>(), both: typeid::of::<fn(M) -> T>() }
    }
}

impl std::fmt::Debug for MarkedRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MarkedRef").finish_non_exhaustive()
    }
}

/// A shared reference that is asked for by marker and type: one comparison tells both.
pub(crate) struct MarkedRef {
    /// Of `fn(M) -> T`, `T` being the type of the value behind `value`: made in `marked` only, never changed.
    both: TypeId,
    value: &'static (dyn Any + Send + Sync),
}

impl MarkedRef {
    #[inline]
    pub(crate) fn get<M, T: Any>(&self) -> Option<&'static T> {
        if self.both != typeid::of::<fn(M) -> T>() {
            return None;
        }
        let value: *const (dyn Any + Send + Sync) = self.value;
        // SAFETY: function types are the same only if what they return is, lifetimes aside; a `T: Any` has none but
        // 'static. `both` was made together with the id of the value's type, so the value is a `T`. The reference that
        // the pointer comes from is shared and lives for 'static.
        Some(unsafe { &*value.cast::<T>() })
    }
}

/// An owned value.
pub(crate) struct TypedBox {
    /// Of the value that `value` points to: set in `new`, never changed.
    id: TypeId,
    /// From `Box<T>`, given back to it by `drop`.
    value: NonNull<()>,
    drop: unsafe fn(NonNull<()>),
}

impl TypedBox {
    pub(crate) fn new<T: Any>(value: T) -> Self {
        /// # Safety
        /// `value` comes from a `Box<T>` that nothing else owns, and is not used afterwards.
        unsafe fn drop_box<T>(value: NonNull<()>) {
            // SAFETY: as the caller promises.
            drop(unsafe { Box::from_raw(value.cast::<T>().as_ptr()) });
        }
        let value = NonNull::from(Box::leak(Box::new(value))).cast();
        Self { id: TypeId::of::<T>(), value, drop: drop_box::<T> }
    }

    #[inline]
    pub(crate) fn get_mut<T: Any>(&mut self) -> Option<&mut T> {
        if self.id != TypeId::of::<T>() {
            return None;
        }
        // SAFETY: `id` is the id of the type that `value` points to, and the id of `T`; the box is ours alone, and
        // borrowed for as long as the result.
        Some(unsafe { self.value.cast::<T>().as_mut() })
    }
}

impl Drop for TypedBox {
    fn drop(&mut self) {
        // SAFETY: `value` comes from the box of the type that `drop` was made for, and this is its end.
        unsafe { (self.drop)(self.value) };
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_value_is_given_as_its_own_type_only() {
        let mut boxed = TypedBox::new(7u64);
        assert_eq!(boxed.get_mut::<u64>(), Some(&mut 7));
        assert_eq!(boxed.get_mut::<i64>(), None);
        let shared = TypedRef::new(&7u64);
        assert_eq!(shared.get::<u64>(), Some(&7));
        assert_eq!(shared.get::<String>(), None);
    }

    #[test]
    fn a_marked_reference_is_given_for_its_marker_and_type_only() {
        struct One;
        struct Other;
        let shared = TypedRef::new(&7u64);
        assert!(shared.marked(Mark::new::<One, String>()).is_none(), "it is no `String`");
        let marked = shared.marked(Mark::new::<One, u64>()).expect("it is a `u64`");
        assert_eq!(marked.get::<One, u64>(), Some(&7));
        assert_eq!(marked.get::<Other, u64>(), None);
        assert_eq!(marked.get::<One, i64>(), None);
    }

    #[test]
    fn a_boxed_value_is_dropped_once() {
        let count = Rc::new(());
        let boxed = TypedBox::new(count.clone());
        assert_eq!(Rc::strong_count(&count), 2);
        drop(boxed);
        assert_eq!(Rc::strong_count(&count), 1);
    }
}
