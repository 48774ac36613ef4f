//! A store of either kind, for code that is written once for both.

use std::{
    ptr,
    sync::{Arc, Weak},
};

use super::{
    AsyncBackend, Backend, Blocking, Capabilities, Ear, Edit, Item, Listening, Moment, UnixMillis, Visit, opened::Held,
};
use crate::error::Error;

/// Who asks a store, and waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// A thread, which may be blocked.
    Thread,
    /// A task, whose executor must not be.
    Task,
}

/// A blocking store, an async one, or one that is either, as it is asked. What it is asked is answered by a future; of a blocking
/// store that is ready at once, and it blocks while it is polled.
#[derive(Clone)]
pub(crate) enum Store {
    Blocking(Arc<dyn Backend>),
    Async(Arc<dyn AsyncBackend>),
    Both { thread: Arc<dyn Backend>, task: Arc<dyn AsyncBackend> },
}

/// A store that somebody else keeps open.
pub(crate) enum WeakStore {
    Blocking(Weak<dyn Backend>),
    Async(Weak<dyn AsyncBackend>),
    Both { thread: Weak<dyn Backend>, task: Weak<dyn AsyncBackend> },
}

macro_rules! asked {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        pub(crate) async fn $name(&self, $($argument: $type),*) -> Result<$result, Error> {
            match self {
                Self::Blocking(store) => store.$name($($argument),*),
                Self::Async(store) | Self::Both { task: store, .. } => store.$name($($argument),*).await,
            }
        }
    )*};
}

impl Store {
    /// A store that implements both traits.
    #[cfg(feature = "net")]
    pub(crate) fn both<S: Backend + AsyncBackend>(store: S) -> Self {
        let store = Arc::new(store);
        Self::Both { thread: store.clone(), task: store }
    }

    /// The store as it is asked by a thread, or by a task.
    pub(crate) fn facing(&self, face: Face) -> Self {
        match (self, face) {
            (Self::Both { thread, .. }, Face::Thread) => Self::Blocking(thread.clone()),
            (Self::Both { task, .. }, Face::Task) => Self::Async(task.clone()),
            _ => self.clone(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Blocking(store) => store.name(),
            Self::Async(store) | Self::Both { task: store, .. } => store.name(),
        }
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        match self {
            Self::Blocking(store) => store.capabilities(),
            Self::Async(store) | Self::Both { task: store, .. } => store.capabilities(),
        }
    }

    pub(crate) fn downgrade(&self) -> WeakStore {
        Held::downgrade(self)
    }

    /// May it block while it is polled?
    pub(crate) fn blocks(&self) -> bool {
        match self {
            Self::Blocking(store) => store.blocks(),
            Self::Async(_) | Self::Both { .. } => false,
        }
    }

    asked! {
        get(key: &[u8]) -> Option<Vec<u8>>;
        set(key: &[u8], item: Item<'_>) -> ();
        remove_prefix(prefix: &[u8]) -> u64;
        remove_tagged(prefix: &[u8], tags: &[&str]) -> u64;
        moments(keys: &[&[u8]]) -> Vec<Option<Moment>>;
        update(key: &[u8], change: Edit<'_>) -> ();
        get_many(keys: &[&[u8]]) -> Vec<Option<Vec<u8>>>;
        set_many(items: &[(&[u8], Item<'_>)]) -> ();
        remove_prefixes(prefixes: &[&[u8]]) -> Vec<u64>;
        scan(prefix: &[u8], visit: Visit<'_>) -> ();
        count(prefix: &[u8]) -> u64;
        purge(now: UnixMillis) -> u64;
        flush() -> ();
    }

    pub(crate) fn listen(&self, ear: Ear) -> Result<Listening, Error> {
        match self {
            Self::Blocking(store) => store.listen(ear),
            Self::Async(store) | Self::Both { task: store, .. } => store.listen(ear),
        }
    }

    /// The store, if a thread can ask it without a future.
    pub(crate) fn blocking(&self) -> Option<&dyn Backend> {
        match self {
            Self::Blocking(store) | Self::Both { thread: store, .. } => Some(&**store),
            Self::Async(_) => None,
        }
    }

    /// Its face for threads.
    pub(crate) fn for_threads(self) -> Arc<dyn Backend> {
        match self {
            Self::Blocking(store) | Self::Both { thread: store, .. } => store,
            Self::Async(store) => Arc::new(Blocking::new(store)),
        }
    }
}

impl WeakStore {
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Blocking(store) => store.strong_count() > 0,
            Self::Async(store) | Self::Both { task: store, .. } => store.strong_count() > 0,
        }
    }

    pub(crate) fn is(&self, store: &Store) -> bool {
        match (self, store) {
            (Self::Blocking(one), Store::Blocking(other)) => ptr::addr_eq(one.as_ptr(), Arc::as_ptr(other)),
            (Self::Async(one), Store::Async(other))
            | (Self::Both { task: one, .. }, Store::Both { task: other, .. }) => {
                ptr::addr_eq(one.as_ptr(), Arc::as_ptr(other))
            }
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
            Self::Both { thread, task } => {
                WeakStore::Both { thread: Arc::downgrade(thread), task: Arc::downgrade(task) }
            }
        }
    }

    fn upgrade(weak: &WeakStore) -> Option<Self> {
        match weak {
            WeakStore::Blocking(store) => store.upgrade().map(Self::Blocking),
            WeakStore::Async(store) => store.upgrade().map(Self::Async),
            WeakStore::Both { thread, task } => Some(Self::Both { thread: thread.upgrade()?, task: task.upgrade()? }),
        }
    }

    fn lives(weak: &WeakStore) -> bool {
        match weak {
            WeakStore::Blocking(store) => store.strong_count() > 0,
            WeakStore::Async(store) | WeakStore::Both { task: store, .. } => store.strong_count() > 0,
        }
    }
}

/// The very same store.
impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Blocking(one), Self::Blocking(other)) => Arc::ptr_eq(one, other),
            (Self::Async(one), Self::Async(other)) | (Self::Both { task: one, .. }, Self::Both { task: other, .. }) => {
                Arc::ptr_eq(one, other)
            }
            _ => false,
        }
    }
}

impl Eq for Store {}
