//! Waiting for others, where nobody wakes those that wait.

use std::{
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(5);

/// Does something again and again as long as somebody else is in the way, until a time is over.
pub(super) fn patiently<T, E>(
    timeout: Duration,
    is_in_the_way: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_in_the_way(&error) && start.elapsed() < timeout => thread::sleep(PAUSE),
            done => return done,
        }
    }
}
