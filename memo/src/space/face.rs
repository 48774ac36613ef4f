//! Two faces of one code: what asks stores is written as `async` functions. On a thread they block where they ask, and are
//! ready at once; in a task, what blocks goes to a pool of threads, and what is async is awaited.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_lock::Mutex;
use async_task::Runnable;

use super::Turn;
use crate::{backend::Store, flight::wait::block_on};

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// A thread, which may be blocked.
    Thread,
    /// A task, whose executor must not be.
    Task,
}

impl Face {
    /// Has a store do something, in one go: of a store that blocks, all of it on one thread.
    pub(crate) async fn ask<R: Send + 'static, F: Future<Output = R> + Send>(
        self,
        store: &Store,
        work: impl FnOnce(Store) -> F + Send + 'static,
    ) -> R {
        let store = store.clone();
        if self == Self::Task && store.blocks() {
            return blocking::unblock(move || block_on(work(store))).await;
        }
        work(store).await
    }

    /// Makes a change that comes to its end whatever becomes of the caller. What the change holds (a turn) it holds until then.
    pub(super) async fn finish<R: Send + 'static>(self, change: impl Future<Output = R> + Send + 'static) -> R {
        match self {
            // Nobody drops a thread.
            Self::Thread => change.await,
            Self::Task => Finishing(Some(Box::pin(change))).await,
        }
    }

    pub(super) async fn lock(self, lock: &Arc<Mutex<()>>) -> Turn {
        Turn(Arc::new(match self {
            Self::Thread => lock.lock_arc_blocking(),
            Self::Task => lock.lock_arc().await,
        }))
    }
}

/// A change that goes on in the background when it is dropped.
struct Finishing<R: Send + 'static>(Option<Pin<Box<dyn Future<Output = R> + Send>>>);

impl<R: Send + 'static> Future for Finishing<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        // Not there while it is polled: one that panics is not polled again.
        let mut change = self.0.take().expect("a future is not polled after its end");
        let polled = change.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(change);
        }
        polled
    }
}

impl<R: Send + 'static> Drop for Finishing<R> {
    fn drop(&mut self) {
        if let Some(rest) = self.0.take() {
            in_background(async move { drop(rest.await) });
        }
    }
}

/// Runs a future on the pool of threads, where it may block; while it waits, it holds no thread.
pub(super) fn in_background(future: impl Future<Output = ()> + Send + 'static) {
    let on_pool = |runnable: Runnable| blocking::unblock(move || runnable.run()).detach();
    let (runnable, task) = async_task::spawn(future, on_pool);
    task.detach();
    runnable.schedule();
}
