//! Waiting for a server no longer than one would.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use crate::{
    clock::{self, millis},
    flight::timer::Alarm,
};

/// What a future gives, if it does so in time. Needs no runtime's timer: the caller may be on any, or on none.
pub(in crate::backend) async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut alarm = Alarm::new(clock::now().saturating_add(millis(time)));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if alarm.poll(cx.waker()) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}
