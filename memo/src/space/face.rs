//! Two faces of one code: what asks stores is written as `async` functions. On a thread they block where they ask, and are
//! ready at once; in a task, what blocks goes to a pool of threads, and what is async is awaited.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_lock::Mutex;
use async_task::{Runnable, Task};

use super::Turn;
pub(crate) use crate::backend::Face;
use crate::{backend::Store, flight::wait::block_on};

impl Face {
    /// Has a store do something, in one go: of a store that blocks, all of it on one thread.
    pub(crate) async fn ask<R: Send + 'static, F: Future<Output = R> + Send>(
        self,
        store: &Store,
        work: impl FnOnce(Store) -> F + Send + 'static,
    ) -> R {
        let store = store.facing(self);
        if self == Self::Task && store.blocks() {
            return blocking::unblock(move || block_on(work(store))).await;
        }
        work(store).await
    }

    /// Makes a change that comes to its end whoever stops waiting for it: a future that is dropped, or that nobody polls any more,
    /// must not keep what the change holds (a turn, a flight). What has to wait goes on in the background. On a thread it is made
    /// before this returns.
    pub(crate) fn finish<R: Send + 'static>(
        self,
        change: impl Future<Output = R> + Send + 'static,
    ) -> impl Future<Output = R> + Send {
        // Changes are large: those of a thread are no part of the futures around them, which are moved about.
        let begun = match self {
            Self::Thread => Ok(block_on(change)),
            Self::Task => Err(Box::pin(change)),
        };
        async move {
            let mut change = match begun {
                Ok(result) => return result,
                Err(change) => change,
            };
            match poll_fn(|cx| Poll::Ready(change.as_mut().poll(cx))).await {
                Poll::Ready(result) => result,
                Poll::Pending => in_background(change).await,
            }
        }
    }

    pub(super) async fn lock(self, lock: &Arc<Mutex<()>>) -> Turn {
        Turn(match self {
            Self::Thread => lock.lock_arc_blocking(),
            Self::Task => lock.lock_arc().await,
        })
    }
}

/// Something that goes on in the background, also when nobody waits for it any more.
pub(super) struct InBackground<R>(Option<Task<R>>);

impl<R> Future for InBackground<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let task = self.0.as_mut().expect("it is there until it is dropped");
        Pin::new(task).poll(cx)
    }
}

impl<R> Drop for InBackground<R> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}

/// Runs a future on the pool of threads, where it may block; while it waits, it holds no thread.
pub(super) fn in_background<R: Send + 'static>(future: impl Future<Output = R> + Send + 'static) -> InBackground<R> {
    let on_pool = |runnable: Runnable| blocking::unblock(move || runnable.run()).detach();
    let (runnable, task) = async_task::Builder::new().propagate_panic(true).spawn(move |()| future, on_pool);
    runnable.schedule();
    InBackground(Some(task))
}
