//! Waiting for the locks of others.

use std::time::{Duration, Instant};

use crate::backend::patience::Pauses;

const PAUSE: Duration = Duration::from_millis(5);

/// Does something again and again as long as somebody else is in the way, until a time is over.
pub(super) fn patiently<T, E>(
    timeout: Duration,
    is_in_the_way: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let (until, mut pauses) = (Instant::now() + timeout, Pauses::new(PAUSE, PAUSE));
    loop {
        match attempt() {
            Err(error) if is_in_the_way(&error) && pauses.pause(until) => {}
            done => return done,
        }
    }
}
