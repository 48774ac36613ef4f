//! Entries that are made anew before they end.

use std::sync::Arc;

use super::{Call, Step, look::Seen};
use crate::{
    call::run::Running,
    clock::Millis,
    flight::slot::Flight,
    freshness::{claims::Claim, pool},
};

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
        let dependency = self.dependency();
        let Some(flight) = self.instance.store.renew(self.hash, self.key.ask(), made, dependency.as_ref()) else {
            // Somebody does, or has.
            claim.release();
            return self.given(seen);
        };
        self.instance.count(|counters| &counters.misses, 1);
        self.renew(flight, Some(claim))
    }

    /// What was found is the answer.
    fn given(&self, seen: Seen) -> Step {
        self.count_hit(seen);
        Step::done()
    }

    /// This call makes an entry anew that was made at that time. What it gives is of interest to nobody.
    pub(super) fn refresh(mut self, made: Millis) -> Step {
        let dependency = self.dependency();
        if let Some(flight) = self.instance.store.renew(self.hash, self.key.ask(), made, dependency.as_ref()) {
            return self.renew(flight, None);
        }
        if self.visit(false).is_some_and(|seen| !seen.has_changed) && self.answer.accept().is_ok() {
            return Step::done();
        }
        self.begin(true)
    }

    fn renew(self, flight: Arc<Flight>, claim: Option<Claim>) -> Step {
        self.instance.count(|counters| &counters.refreshes, 1);
        let outside = self.place.found().map(|outside| Box::new(outside.key));
        Step::to_run(Running::new(self.hash, flight, outside, false).renewing(claim))
    }
}
