//! Who keeps an instance alive while it is used: the process, the users of a cache object, a thread.

use std::{
    pin::Pin,
    rc::Rc,
    sync::{Arc, Weak},
};

use super::{
    function::Reach,
    guest::Used,
    instance::{AnyInstance, Instance},
};
use crate::{
    error::Error,
    memory::Cells,
    space::{Face, Space},
    tags::Tag,
};

/// The contents of an instance that were saved.
pub(crate) trait Contents: Send + Sync {
    fn are_in(&self) -> bool;
    /// Brings them in, if nobody has yet.
    fn bring_in(self: Arc<Self>, face: Face) -> Loading;
}

/// Contents on their way in.
pub(crate) type Loading = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Who keeps an instance alive while a call runs.
pub trait Home: Clone {
    fn instance(&self) -> &AnyInstance;

    /// The instance, and on whose behalf it is used.
    fn used(&self) -> Used<'_> {
        Used::by_owner(self.instance())
    }
}

/// An instance that lives as long as the process, and is used by all its threads.
#[derive(Clone, Copy)]
pub struct OfProcess(pub(crate) &'static Instance<dyn Cells + Send + Sync>);

/// An instance that its users share.
#[derive(Clone)]
pub(crate) struct OfCache(pub(crate) Arc<Instance<dyn Cells + Send + Sync>>);

/// A cache that may be gone.
pub(crate) struct WeakCache(Weak<Instance<dyn Cells + Send + Sync>>);

impl OfCache {
    pub(crate) fn downgrade(&self) -> WeakCache {
        WeakCache(Arc::downgrade(&self.0))
    }
}

impl WeakCache {
    pub(crate) fn lives(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn upgrade(&self) -> Option<OfCache> {
        self.0.upgrade().map(OfCache)
    }
}

/// An instance of one thread.
#[derive(Clone)]
pub struct OfThread(pub(crate) Rc<AnyInstance>);

impl Home for OfProcess {
    fn instance(&self) -> &AnyInstance {
        self.0
    }
}

impl Home for OfCache {
    fn instance(&self) -> &AnyInstance {
        &*self.0
    }
}

impl Home for OfThread {
    fn instance(&self) -> &AnyInstance {
        &self.0
    }
}

impl Reach for OfProcess {
    fn clear(&self) -> u64 {
        self.instance().clear_all()
    }

    fn clear_tagged(&self, tags: &Arc<[Tag]>) -> u64 {
        self.instance().clear_tags(tags)
    }

    fn purge(&self) -> u64 {
        self.instance().store.purge()
    }

    fn len(&self) -> u64 {
        self.0.store.len()
    }

    #[cfg(feature = "stores")]
    fn memory(&self) -> Option<&AnyInstance> {
        Some(self.0)
    }

    fn weight(&self) -> u64 {
        self.0.store.weight()
    }

    fn space(&self) -> Option<&Space> {
        self.0.space.as_deref()
    }
}
