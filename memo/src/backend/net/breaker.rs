//! A circuit breaker: a server that failed several times in a row is left alone for a while, so that a dead one costs its callers
//! no time. (Michael Nygard, "Release It!", 2007.)

use parking_lot::Mutex;

use super::Failure;
use crate::{
    clock::{self, Millis},
    error::Error,
};

pub(in crate::backend) struct Breaker {
    /// So many failures in a row; 0: never.
    trip_after: u32,
    /// How long the server is left alone then.
    pause: Millis,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    /// Everybody asks. So many requests have failed since the last that did not.
    Closed(u32),
    /// Nobody asks until then.
    Open(Millis),
    /// One asks, the others wait for what becomes of it; from then on the next one tries, whatever became of it.
    HalfOpen(Millis),
}

/// The leave to ask a server.
pub(in crate::backend) struct Leave(());

impl Breaker {
    pub(super) fn new(trip_after: u32, pause: Millis) -> Self {
        Self { trip_after, pause, state: Mutex::new(State::Closed(0)) }
    }

    /// May the server be asked?
    ///
    /// # Errors
    ///
    /// If it is being left alone.
    pub(in crate::backend) fn admit(&self, server: &str) -> Result<Leave, Failure> {
        let mut state = self.state.lock();
        match *state {
            State::Closed(_) => Ok(Leave(())),
            State::Open(until) | State::HalfOpen(until) => {
                let now = clock::now();
                if now < until {
                    let left = until - now;
                    return Err(Failure::refused(Error::unavailable(format!(
                        "`{server}` failed {} times in a row and is left alone for {left} ms more",
                        self.trip_after
                    ))));
                }
                *state = State::HalfOpen(now.saturating_add(self.pause));
                Ok(Leave(()))
            }
        }
    }

    /// What became of a request. That the server refuses one shows that it lives.
    pub(in crate::backend) fn note<T>(&self, _: Leave, result: &Result<T, Failure>) {
        let mut state = self.state.lock();
        let is_lost = matches!(result, Err(failure) if failure.is_lost);
        *state = match *state {
            State::Closed(0) if !is_lost => return,
            _ if !is_lost => State::Closed(0),
            State::Closed(failures) if self.trip_after == 0 || failures + 1 < self.trip_after => {
                State::Closed(failures.saturating_add(1))
            }
            _ => State::Open(clock::now().saturating_add(self.pause)),
        };
    }
}
