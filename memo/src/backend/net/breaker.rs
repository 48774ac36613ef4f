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

impl Breaker {
    pub(super) fn new(trip_after: u32, pause: Millis) -> Self {
        Self { trip_after, pause, state: Mutex::new(State::Closed(0)) }
    }

    /// Asks a server, unless it is being left alone; once more if the connection was lost and it may be asked twice.
    pub(in crate::backend) async fn ask<T, F>(
        &self,
        server: &str,
        may_repeat: bool,
        request: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut asks_again = may_repeat;
        loop {
            self.admit(server)?;
            let result = request().await;
            self.note(&result);
            match result {
                Err(failure) if failure.is_lost && asks_again => asks_again = false,
                result => return result.map_err(|failure| failure.error),
            }
        }
    }

    /// May the server be asked?
    fn admit(&self, server: &str) -> Result<(), Error> {
        let mut state = self.state.lock();
        match *state {
            State::Closed(_) => Ok(()),
            State::Open(until) | State::HalfOpen(until) => {
                let now = clock::now();
                if now < until {
                    let left = until - now;
                    return Err(Error::unavailable(format!(
                        "`{server}` failed {} times in a row and is left alone for {left} ms more",
                        self.trip_after
                    )));
                }
                *state = State::HalfOpen(now.saturating_add(self.pause));
                Ok(())
            }
        }
    }

    /// What became of a request. That the server refuses one shows that it lives.
    fn note<T>(&self, result: &Result<T, Failure>) {
        if matches!(result, Err(failure) if !failure.was_asked) {
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that comes to nothing.
    fn fail(breaker: &Breaker, failure: Failure) {
        breaker.note(&Err::<(), _>(failure));
    }

    fn lost() -> Failure {
        Failure::lost(Error::unavailable("lost"))
    }

    #[test]
    fn who_did_not_ask_says_nothing_about_the_server() {
        let breaker = Breaker::new(2, 60_000);
        let unasked = || Failure { was_asked: false, ..Failure::refused(Error::unavailable("busy")) };
        fail(&breaker, lost());
        fail(&breaker, unasked());
        assert!(breaker.admit("s").is_ok(), "it failed once");
        fail(&breaker, lost());
        assert!(breaker.admit("s").is_err(), "it failed twice in a row");
        fail(&breaker, unasked());
        assert!(breaker.admit("s").is_err(), "it still has");
    }

    #[test]
    fn who_is_refused_was_heard() {
        let breaker = Breaker::new(2, 60_000);
        fail(&breaker, lost());
        fail(&breaker, Failure::refused(Error::unavailable("no")));
        fail(&breaker, lost());
        assert!(breaker.admit("s").is_ok(), "never twice in a row");
    }
}
