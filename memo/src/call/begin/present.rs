//! Calls that make a value whatever the stores have: those that overwrite, and those that did not accept what was found. What another
//! process removes from now on keeps that value out, so the stores are asked for their time.

use super::{Attempt, Call, Outside, Step, Waits, Where, run_inline};
use crate::{
    call::waits::{On, Reading},
    flight::wait::block_on,
    space::Face,
};

impl Call<'_> {
    /// Makes a value in place of whatever there is.
    pub(super) fn overwrite(mut self) -> Step {
        self.place = Where::Found(self.place.found());
        let attempt = Attempt::first(self.instance).overwriting();
        self.ask_the_time(attempt, 0)
    }

    /// `seen`: when the stores were asked for the entry.
    pub(super) fn ask_the_time(self, attempt: Attempt, seen: u64) -> Step {
        let instance = self.instance;
        let (Some(outside), Some(space)) = (self.place.outside(), &instance.space) else {
            return self.make(attempt, None);
        };
        if outside.face == Face::Thread {
            let read = block_on(space.stores.present(Face::Thread, &outside.key));
            return self.found_outside(attempt, seen, read);
        }
        let space = space.clone();
        self.wait_for_store(attempt, |outside| Reading::of_the_time(space, outside, seen))
    }

    /// Runs the body.
    pub(super) fn make(self, attempt: Attempt, seen: Option<u64>) -> Step {
        if attempt.overwrites {
            let dependency = self.dependency();
            let flight = self.instance.store.supersede(self.hash, self.key.ask(), dependency.as_ref());
            return self.lead(flight, true, None);
        }
        self.enter(attempt, seen)
    }

    /// Waits in a task for what a store answers.
    pub(super) fn wait_for_store(self, attempt: Attempt, reading: impl FnOnce(Outside) -> Reading) -> Step {
        let Call { instance, key, hash, place, .. } = self;
        match (key.hold(), place.found()) {
            (Some(held), Some(outside)) => Step::Wait(Waits { held, hash, attempt, on: On::Store(reading(outside)) }),
            _ => run_inline(instance),
        }
    }
}
