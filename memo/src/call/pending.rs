//! What an operation gives: at once, or when a store has answered.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// The result of an operation on an entry: of one in memory it is there already.
#[must_use = "an operation outside of memory happens when its future is awaited"]
pub struct Pending<T>(State<T>);

enum State<T> {
    Now(Option<T>),
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Pending<T> {
    pub(crate) fn now(result: T) -> Self {
        Self(State::Now(Some(result)))
    }

    pub(crate) fn later(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(State::Later(Box::pin(future)))
    }

    pub(crate) fn map<R>(self, then: impl FnOnce(T) -> R + Send + 'static) -> Pending<R>
    where
        T: 'static,
    {
        match self.0 {
            State::Now(result) => Pending(State::Now(result.map(then))),
            State::Later(future) => Pending(State::Later(Box::pin(async move { then(future.await) }))),
        }
    }

    /// The result, waited for on the calling thread.
    pub(crate) fn wait(self) -> T {
        match self.0 {
            State::Now(result) => result.expect("it is taken once"),
            State::Later(future) => crate::flight::wait::block_on(future),
        }
    }
}

// Nothing in it is pinned but what is in the box.
impl<T> Unpin for Pending<T> {}

impl<T> Future for Pending<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            State::Now(result) => Poll::Ready(result.take().expect("a future is not polled after its end")),
            State::Later(future) => future.as_mut().poll(cx),
        }
    }
}
