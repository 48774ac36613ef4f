//! Entries that are made anew before they end.

use super::{Attempt, Call, Step, Where, look::Seen};
use crate::{
    call::{run::Running, waits::Reading},
    clock::Millis,
    flight::wait::block_on,
    freshness::{claims::Claim, pool},
    space::{Face, Read},
};

/// An entry that was made at that time is to be made anew.
pub(in crate::call) struct Renewal {
    made: Millis,
    /// The caller's, if it is one who has a use for the value.
    claim: Option<Claim>,
    /// Of the entry that the answer has, until the caller waits.
    has: Option<Seen>,
}

impl Call<'_> {
    /// The call has its answer, an entry that is to be made anew: in the background, if the call can be repeated
    /// there, else by this caller.
    pub(super) fn due(self, seen: Seen) -> Step {
        let made = seen.stamp.created();
        let Some(claim) = self.instance.claims().claim(self.hash) else { return self.given(seen) };
        if let Some(job) = self.answer.again() {
            pool::spawn(job, made, claim);
            return self.given(seen);
        }
        self.renew(Renewal { made, claim: Some(claim), has: Some(seen) })
    }

    /// What was found is the answer.
    fn given(&self, seen: Seen) -> Step {
        self.count_hit(seen);
        Step::done()
    }

    /// In the background, where what it gives is of interest to nobody.
    pub(super) fn refresh(self, made: Millis) -> Step {
        self.renew(Renewal { made, claim: None, has: None })
    }

    /// Makes an entry anew, from the stores' present time on.
    fn renew(mut self, renewal: Renewal) -> Step {
        self.place = Where::Found(self.place.found());
        let instance = self.instance;
        let (Some(outside), Some(space)) = (self.place.outside(), &instance.space) else {
            return self.renew_since(renewal, None);
        };
        if outside.face == Face::Thread {
            let read = block_on(space.stores.present(Face::Thread, &outside.key));
            return self.renew_since(renewal, Some(read));
        }
        let (space, renewal) = (space.clone(), Renewal { has: None, ..renewal });
        self.wait_for_store(Attempt::first(instance), |outside| Reading::to_renew(space, outside, renewal))
    }

    /// The stores, if there are any, have said what time it is.
    pub(super) fn renew_since(mut self, renewal: Renewal, read: Option<Read>) -> Step {
        let instance = self.instance;
        if let (Where::Found(Some(outside)), Some(read)) = (&mut self.place, read) {
            outside.key.computed_since(read.since);
        }
        let Renewal { made, claim, has } = renewal;
        let dependency = self.dependency();
        if let Some(flight) = instance.store.renew(self.hash, self.key.ask(), made, dependency.as_ref()) {
            if claim.is_some() {
                instance.count(|counters| &counters.misses, 1);
            }
            instance.count(|counters| &counters.refreshes, 1);
            let outside = self.place.found().map(|outside| Box::new(outside.key));
            return Step::to_run(Running::new(self.hash, flight, outside, false).renewing(claim));
        }
        // Somebody does, or has.
        match (claim, has) {
            (Some(claim), Some(seen)) => {
                claim.release();
                self.given(seen)
            }
            (Some(claim), None) => {
                claim.release();
                self.enter(Attempt::first(instance), None)
            }
            (None, _) if self.visit(false).is_some_and(|seen| !seen.has_changed) && self.answer.accept().is_ok() => {
                Step::done()
            }
            (None, _) => self.begin(true),
        }
    }
}
