//! Entries that a call finds, in memory or in stores: what they are good for.

use super::{Call, Step, Where, run_inline};
use crate::{
    call::answer::Keep,
    clock::{self, Millis},
    freshness::{State, fingerprint::Fingerprint, state},
    memory::{Put, Stored, stamp::Stamp},
    space::Loaded,
};

/// An entry as a call sees it before it takes it.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) stamp: Stamp,
    /// Has its dependency changed since it was made?
    pub(super) has_changed: bool,
}

/// What memory has for a call; when an entry was made that is not simply a hit.
pub(super) enum Looked {
    Nothing,
    Hit,
    /// A hit that is to be made anew meanwhile; not counted yet.
    Due(Seen),
    /// What is to be given if the body fails.
    Spare(Millis),
}

impl Seen {
    pub(super) fn of(stored: &Stored<'_>, dependency: Option<&Fingerprint>) -> Self {
        let has_changed = dependency.is_some_and(|now| now.has_changed_since(stored.dependency()));
        Self { stamp: stored.stamp(), has_changed }
    }
}

impl Call<'_> {
    /// Answers from the store, if there is an entry that is accepted.
    pub(super) fn look(&mut self) -> Looked {
        let seen = self.visit(true);
        self.judge(seen)
    }

    /// Has the answer read the entry, if there is one.
    pub(super) fn visit(&mut self, touch: bool) -> Option<Seen> {
        let (dependency, mut seen) = (self.dependency(), None);
        let (answer, tags) = (&mut *self.answer, self.instance.options.tags);
        let read = &mut |stored: Stored<'_>| {
            seen = Some(Seen::of(&stored, dependency.as_ref()));
            answer.read(stored, tags);
        };
        self.instance.store.visit(self.hash, self.key.ask(), touch, read);
        seen
    }

    /// What the dependency of the call looks like, if it has one.
    pub(super) fn dependency(&self) -> Option<Fingerprint> {
        self.answer.depends()?.seen().ok().cloned()
    }

    /// Can it be seen, if there is one?
    pub(super) fn sees_dependency(&self) -> bool {
        self.answer.depends().is_none_or(|depends| depends.seen().is_ok())
    }

    /// Nobody knows what an entry would be good for: runs the body past the cache.
    #[cold]
    pub(super) fn blind(self) -> Step {
        let instance = self.instance;
        #[cfg(feature = "stores")]
        if let Some(Err(error)) = self.answer.depends().map(|depends| depends.seen()) {
            crate::backend::hook::report(instance.caller(), error);
        }
        instance.count(|counters| &counters.errors, 1);
        run_inline(instance)
    }

    /// Is what was read accepted? Else it is removed.
    fn accepts(&mut self) -> bool {
        match self.answer.accept() {
            Ok(()) => true,
            Err(stamp) => {
                self.instance.store.remove_if(self.hash, self.key.ask(), stamp);
                false
            }
        }
    }

    /// What the entry is good for that the answer has.
    pub(super) fn judge(&mut self, seen: Option<Seen>) -> Looked {
        let Some(seen) = seen else { return Looked::Nothing };
        if self.state(seen).is_none() {
            self.instance.store.remove_if(self.hash, self.key.ask(), seen.stamp);
        }
        self.judge_by(seen, Self::accepts)
    }

    /// What an entry is good for, if it is good for anything.
    fn state(&self, Seen { stamp, has_changed }: Seen) -> Option<State> {
        let (windows, now) = (self.instance.options().windows, clock::now());
        if has_changed {
            let is_spare = windows.is_some_and(|windows| windows.outlives_a_change(stamp.created(), now));
            return is_spare.then_some(State::Spare);
        }
        Some(state(windows, stamp, now))
    }

    /// What an entry from the stores is good for; if it is, it is taken.
    pub(super) fn judge_loaded(&mut self, loaded: &Loaded, seen: u64) -> Looked {
        let early = self.instance.options().windows.map_or(0, |windows| windows.early(loaded.cost()));
        let has_changed = self.dependency().is_some_and(|now| now.has_changed_since(loaded.dependency()));
        let entry = Seen { stamp: loaded.stamp().early_by(early), has_changed };
        self.judge_by(entry, |call| call.takes(loaded, seen))
    }

    /// Counts a hit on an entry.
    pub(super) fn count_hit(&self, Seen { stamp, has_changed }: Seen) {
        self.instance.count(|counters| &counters.hits, 1);
        if has_changed || stamp.grace() > 0 && clock::now() >= stamp.fresh_until() {
            self.instance.count(|counters| &counters.stale_hits, 1);
        }
    }

    fn judge_by(&mut self, seen: Seen, takes: impl FnOnce(&mut Self) -> bool) -> Looked {
        let Some(state) = self.state(seen) else { return Looked::Nothing };
        let windows = self.instance.options().windows;
        if state == State::Spare && (windows.is_none() || !self.instance.claims().is_resting(self.hash)) {
            return Looked::Spare(seen.stamp.created());
        }
        if !takes(self) {
            return Looked::Nothing;
        }
        if state == State::Due {
            return Looked::Due(seen);
        }
        self.count_hit(seen);
        Looked::Hit
    }

    /// Answers with what a store had, if it is accepted; then memory gets a copy, unless something changed since.
    fn takes(&mut self, loaded: &Loaded, seen: u64) -> bool {
        let (instance, hash) = (self.instance, self.hash);
        let Call { key, place: Where::Found(Some(outside)), answer, .. } = self else { return false };
        let Some(space) = instance.space.as_ref() else { return false };
        let key = key.ask();
        let mut keep = |put: Put<'_>| {
            let early = instance.options().windows.map_or(0, |windows| windows.early(loaded.cost()));
            let stamp = put.stamp.early_by(early);
            let put = Put { weigh: put.weigh.or(instance.weigh()), stamp, ..put };
            if let Some(_right) = space.stores.right_to_copy(&outside.key, seen) {
                instance.store.fill(hash, key, put);
            }
        };
        let keep = space.stores.has_memory().then_some(&mut keep as Keep<'_>);
        let is_hit = answer.decode(space, loaded, instance.options.tags, keep);
        space.used(loaded, is_hit);
        is_hit
    }
}
