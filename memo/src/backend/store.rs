//! A store of either kind, for code that is written once for both.

use std::{
    ptr,
    sync::{Arc, Weak},
};

use super::{AsyncBackend, Backend, Blocking, Edit, Item, UnixMillis, Visit, opened::Held};
use crate::error::Error;

/// A blocking store or an async one. What it is asked is answered by a future; of a blocking store that is ready at once, and it
/// blocks while it is polled.
#[derive(Clone)]
pub(crate) enum Store {
    Blocking(Arc<dyn Backend>),
    Async(Arc<dyn AsyncBackend>),
}

/// A store that somebody else keeps open.
pub(crate) enum WeakStore {
    Blocking(Weak<dyn Backend>),
    Async(Weak<dyn AsyncBackend>),
}

macro_rules! asked {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        pub(crate) async fn $name(&self, $($argument: $type),*) -> Result<$result, Error> {
            match self {
                Self::Blocking(store) => store.$name($($argument),*),
                Self::Async(store) => store.$name($($argument),*).await,
            }
        }
    )*};
}

impl Store {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Blocking(store) => store.name(),
            Self::Async(store) => store.name(),
        }
    }

    /// May it block while it is polled?
    pub(crate) fn blocks(&self) -> bool {
        match self {
            Self::Blocking(store) => store.blocks(),
            Self::Async(_) => false,
        }
    }

    asked! {
        get(key: &[u8]) -> Option<Vec<u8>>;
        set(key: &[u8], item: Item<'_>) -> ();
        remove_prefix(prefix: &[u8]) -> u64;
        remove_tagged(prefix: &[u8], tags: &[&str]) -> u64;
        update(key: &[u8], change: Edit<'_>) -> ();
        get_many(keys: &[&[u8]]) -> Vec<Option<Vec<u8>>>;
        set_many(items: &[(&[u8], Item<'_>)]) -> ();
        remove_prefixes(prefixes: &[&[u8]]) -> Vec<u64>;
        scan(prefix: &[u8], visit: Visit<'_>) -> ();
        count(prefix: &[u8]) -> u64;
        purge(now: UnixMillis) -> u64;
        flush() -> ();
    }

    /// The store, if it is a blocking one.
    pub(crate) fn blocking(&self) -> Option<&dyn Backend> {
        match self {
            Self::Blocking(store) => Some(&**store),
            Self::Async(_) => None,
        }
    }

    /// Its face for threads.
    pub(crate) fn for_threads(self) -> Arc<dyn Backend> {
        match self {
            Self::Blocking(store) => store,
            Self::Async(store) => Arc::new(Blocking::new(store)),
        }
    }
}

impl WeakStore {
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Blocking(store) => store.strong_count() > 0,
            Self::Async(store) => store.strong_count() > 0,
        }
    }

    pub(super) fn is(&self, store: &Store) -> bool {
        match (self, store) {
            (Self::Blocking(one), Store::Blocking(other)) => ptr::addr_eq(one.as_ptr(), Arc::as_ptr(other)),
            (Self::Async(one), Store::Async(other)) => ptr::addr_eq(one.as_ptr(), Arc::as_ptr(other)),
            _ => false,
        }
    }
}

impl Held for Store {
    type Weak = WeakStore;

    fn downgrade(&self) -> WeakStore {
        match self {
            Self::Blocking(store) => WeakStore::Blocking(Arc::downgrade(store)),
            Self::Async(store) => WeakStore::Async(Arc::downgrade(store)),
        }
    }

    fn upgrade(weak: &WeakStore) -> Option<Self> {
        match weak {
            WeakStore::Blocking(store) => store.upgrade().map(Self::Blocking),
            WeakStore::Async(store) => store.upgrade().map(Self::Async),
        }
    }

    fn lives(weak: &WeakStore) -> bool {
        match weak {
            WeakStore::Blocking(store) => store.strong_count() > 0,
            WeakStore::Async(store) => store.strong_count() > 0,
        }
    }
}

/// The very same store.
impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Blocking(one), Self::Blocking(other)) => Arc::ptr_eq(one, other),
            (Self::Async(one), Self::Async(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for Store {}
