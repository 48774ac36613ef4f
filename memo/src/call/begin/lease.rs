//! Calls whose runs are those of all processes: before its leader runs the body, no other process may be at it.

use std::sync::Arc;

use super::{Attempt, Call, Step, run_inline};
use crate::{
    call::{
        run::Running,
        waits::{Leasing, On, Waits},
    },
    flight::slot::Flight,
    space::{Leased, Wish},
};

impl Call<'_> {
    /// Runs the body, if other processes are to wait for that: once none of them runs it.
    pub(super) fn lead_for_all(self, attempt: Attempt, flight: Arc<Flight>) -> Step {
        let Some((outside, space)) = self.outside().filter(|_| attempt.leases) else {
            return self.lead(flight, false, None);
        };
        let (deadline, Attempt { refused, again, .. }) = (attempt.deadline(), attempt);
        let wish = Wish { key: outside.key.clone(), flight: flight.clone(), deadline, looks: again > 0, refused };
        let space = space.clone();
        let Call { instance, key, hash, place, .. } = self;
        let (Some(held), Some(outside)) = (key.hold(), place.found()) else {
            Running::new(hash, flight, None, false).abandon(&instance);
            return run_inline(instance);
        };
        Step::Wait(Waits { held, hash, attempt, on: On::Lease(Leasing::new(&space, outside, wish)) })
    }

    /// The leader of a flight has asked for the right to run the body for other processes, too.
    pub(super) fn leased(self, attempt: Attempt, flight: Arc<Flight>, leased: Leased) -> Step {
        let instance = self.instance;
        let let_go = |flight| Running::new(self.hash, flight, None, false).abandon(&instance);
        match leased {
            Leased::Here(lease) => self.lead(flight, false, Some(lease)),
            Leased::Aside => self.lead(flight, false, None),
            Leased::Failed => {
                instance.store_failed();
                self.lead(flight, false, None)
            }
            Leased::Elsewhere => {
                let_go(flight);
                self.look_outside(attempt.again().after_waiting())
            }
            Leased::TimedOut => {
                let_go(flight);
                self.timed_out(attempt)
            }
        }
    }
}
