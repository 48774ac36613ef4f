//! One at a time: a load, or a save. Those who come meanwhile wait, on threads and in tasks alike.
//!
//! Each is a flight, so that circles of waiters are seen: a hook that uses what it is run for, and whatever waits for that.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    error::Error,
    flight::{
        chain::Inside,
        slot::Flight,
        wait::{Outcome, Wait},
    },
};

/// Who is inside, if anybody is.
#[derive(Default)]
pub(super) struct Gate(Mutex<Option<Arc<Flight>>>);

/// What came of trying to get in.
pub(super) enum Entered {
    Lead(Lead),
    /// Somebody is inside; `None`: who must not be waited for, since they wait for the caller.
    Follow(Option<Wait>),
}

/// The right to be inside. Whoever waits goes on when it is dropped.
pub(super) struct Lead {
    gate: Arc<Gate>,
    flight: Arc<Flight>,
    ended: bool,
}

impl Gate {
    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        let mut inside = self.0.lock();
        let Some(flight) = &*inside else {
            let flight = inside.insert(Flight::new(None)).clone();
            return Entered::Lead(Lead { gate: self.clone(), flight, ended: false });
        };
        let (flight, joined) = (flight.clone(), flight.join());
        drop(inside);
        Entered::Follow(Wait::begin(flight, joined, None))
    }

    /// Waits on the calling thread for the right to be inside; `None` if that would never end.
    pub(super) fn enter_alone(self: &Arc<Self>) -> Option<Lead> {
        loop {
            match self.enter() {
                Entered::Lead(lead) => return Some(lead),
                Entered::Follow(wait) => drop(wait?.block()),
            }
        }
    }
}

impl Lead {
    /// Waits for oneself, for whoever has the work done elsewhere.
    pub(super) fn follow(&self) -> Option<Wait> {
        let joined = self.flight.join();
        Wait::begin(self.flight.clone(), joined, None)
    }

    /// Runs what is done inside, and tells those who wait how it ended.
    pub(super) fn run<T>(mut self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let inside = Inside::enter(&[self.flight.id]);
        let result = work();
        drop(inside);
        let shared = result.as_ref().map(|_| ()).map_err(Error::again);
        self.leave();
        self.ended = true;
        self.flight.land(Some(Arc::new(shared)), 0);
        result
    }

    /// Nobody joins any more.
    fn leave(&self) {
        self.gate.0.lock().take();
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.ended {
            self.leave();
            self.flight.abandon();
        }
    }
}

/// How it ended for those who waited; `None`: they have to try again.
pub(super) fn ended(outcome: &Outcome) -> Option<Result<(), Error>> {
    match outcome {
        Outcome::Take(shared) => {
            let shared: &Result<(), Error> = shared.downcast_ref()?;
            Some(shared.as_ref().copied().map_err(Error::again))
        }
        _ => None,
    }
}
