//! Two faces of one code: what asks stores is written as `async` functions. On a thread they block where they ask, and are
//! ready at once; in a task, what blocks goes to a pool of threads.

use std::sync::Arc;

use async_lock::Mutex;

use super::Turn;
use crate::backend::Backend;

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// A thread, which may be blocked.
    Thread,
    /// A task, whose executor must not be.
    Task,
}

impl Face {
    /// Has a store do something that may block.
    pub(crate) async fn ask<R: Send + 'static>(
        self,
        store: &Arc<dyn Backend>,
        work: impl FnOnce(&dyn Backend) -> R + Send + 'static,
    ) -> R {
        if self == Self::Thread || !store.blocks() {
            return work(&**store);
        }
        let store = store.clone();
        blocking::unblock(move || work(&*store)).await
    }

    pub(super) async fn lock(self, lock: &Arc<Mutex<()>>) -> Turn {
        Turn(Arc::new(match self {
            Self::Thread => lock.lock_arc_blocking(),
            Self::Task => lock.lock_arc().await,
        }))
    }
}
