//! Two faces of one code: what asks stores is written as `async` functions. On a thread they block where they ask, and are
//! ready at once; in a task, what blocks goes to a pool of threads.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use async_lock::Mutex;

use super::Turn;
use crate::{backend::Backend, flight::wait::Parked};

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
        Turn(match self {
            Self::Thread => lock.lock_arc_blocking(),
            Self::Task => lock.lock_arc().await,
        })
    }
}

/// Runs a future on the calling thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    // Most are ready at once: no need to know the thread.
    if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return done;
    }
    let parked = Parked::new();
    let waker = Waker::from(parked.clone());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        parked.park();
    }
}
