//! The steps of a call until it has a value or has to run the body: one state machine for threads and tasks, for all
//! types. What depends on the types it asks an [`Answer`].

mod attempt;
mod lease;
mod look;
mod present;
mod renew;

use std::{any::Any, num::NonZeroU64, sync::Arc};

pub(super) use attempt::Attempt;
use look::{Looked, Seen};
pub(super) use renew::Renewal;

use super::{
    answer::Answer,
    guest::Used,
    home::Loading,
    run::Running,
    switch::{self, Mode, Way},
    waits::{Ended, On, Reading, Waited, Waits},
};
use crate::{
    error::{Error, Kind as ErrorKind},
    flight::{
        slot::Flight,
        wait::{Outcome, Wait},
    },
    key::{Ask, Held},
    memory::{Entered, Entering, Stored, locked::UnderLock},
    space::{EntryKey, Face, Lease, Read, Space},
};

/// Where a call stands.
pub(crate) enum Step {
    /// It waits no more.
    Settled(Settled),
    /// It is to wait for another's run.
    Wait(Waits),
}

/// How a call that waits no more goes on.
pub(crate) enum Settled {
    /// The answer has its result.
    Done,
    /// It is to run the body: leading a flight, or past the cache.
    Run(Option<Running>),
}

impl Step {
    // No constants: all bytes of one would be copied, of which few say something.
    fn done() -> Self {
        Self::Settled(Settled::Done)
    }

    fn to_run(running: Running) -> Self {
        Self::Settled(Settled::Run(Some(running)))
    }

    /// Runs the body past the cache.
    fn aside() -> Self {
        Self::Settled(Settled::Run(None))
    }
}

/// The key that a call asks with.
enum Key<'a> {
    /// Borrowed from its arguments.
    Borrowed(&'a dyn Ask),
    /// Held since it waited.
    Held(Held),
}

impl Key<'_> {
    fn ask(&self) -> &dyn Ask {
        match self {
            Self::Borrowed(key) => *key,
            Self::Held(key) => &**key,
        }
    }

    /// `None` if the key may not leave its thread, on which nobody waits for another.
    fn hold(self) -> Option<Held> {
        match self {
            Self::Borrowed(key) => key.hold(),
            Self::Held(key) => Some(key),
        }
    }
}

/// What a call asks for.
pub(crate) struct Wanted<'a> {
    pub(crate) key: &'a dyn Ask,
    pub(crate) hash: u64,
    /// Where it stands outside of memory.
    pub(crate) place: Where<'a>,
    /// What has to come in first.
    pub(crate) contents: Option<Loading>,
}

/// Makes the key of an entry outside of memory, if it stands there.
pub(crate) type KeyOutside<'a> = &'a dyn Fn() -> Option<EntryKey>;

/// Where an entry stands outside of memory, if it does.
pub(crate) enum Where<'a> {
    /// Its key is made when it is needed: calls that find their value in memory, or go past the cache, have no use for it.
    ToFind(Face, KeyOutside<'a>),
    /// The same of one of several that are asked for together: the stores are not asked at once, but waited for.
    Together(Face, KeyOutside<'a>),
    Found(Option<Outside>),
}

impl Where<'_> {
    /// If that was found out.
    fn outside(&self) -> Option<&Outside> {
        match self {
            Self::Found(outside) => outside.as_ref(),
            Self::ToFind(..) | Self::Together(..) => None,
        }
    }

    fn found(self) -> Option<Outside> {
        match self {
            Self::ToFind(face, key) | Self::Together(face, key) => key().map(|key| Outside { face, key }),
            Self::Found(outside) => outside,
        }
    }
}

/// An entry outside of memory, as a call asks for it.
pub(crate) struct Outside {
    pub(crate) face: Face,
    pub(crate) key: EntryKey,
}

impl<'a> Wanted<'a> {
    /// What is in memory or nowhere.
    pub(crate) fn in_memory(key: &'a dyn Ask, hash: u64) -> Self {
        Self { key, hash, place: Where::Found(None), contents: None }
    }
}

/// One call on its way: what it asks for, and where its answer goes.
struct Call<'a> {
    instance: Used<'a>,
    key: Key<'a>,
    hash: u64,
    place: Where<'a>,
    answer: &'a mut dyn Answer,
}

/// The first step. `looks` if the store was not asked yet, because entries are looked at before they are used.
pub(crate) fn begin(instance: Used<'_>, wanted: Wanted<'_>, answer: &mut dyn Answer, looks: bool) -> Step {
    let Wanted { key, hash, place, contents } = wanted;
    if let Some((contents, held)) = contents.and_then(|contents| Some((contents, key.hold()?))) {
        let attempt = Attempt::first(instance);
        return Step::Wait(Waits { held, hash, attempt, on: On::Contents(contents) });
    }
    Call { instance, key: Key::Borrowed(key), hash, place, answer }.start(looks)
}

/// Runs inside a run of the same key, which can't end before this one does.
fn run_inline(instance: Used<'_>) -> Step {
    instance.count(|counters| &counters.misses, 1);
    Step::aside()
}

/// All steps, on a thread that waits as often as it takes.
pub(crate) fn settle(instance: Used<'_>, wanted: Wanted<'_>, answer: &mut dyn Answer, looks: bool) -> Settled {
    let mut step = begin(instance, wanted, answer, looks);
    loop {
        match step {
            Step::Settled(settled) => return settled,
            Step::Wait(waits) => step = waits.block(&instance).step(instance, answer),
        }
    }
}

impl Call<'_> {
    fn start(self, looks: bool) -> Step {
        if switch::is_ordinary() { self.begin(looks) } else { self.unusual() }
    }

    fn begin(mut self, looks: bool) -> Step {
        if UnderLock::is_here() {
            return Step::aside();
        }
        if !self.sees_dependency() {
            return self.blind();
        }
        let mut attempt = Attempt::first(self.instance);
        if looks {
            match self.look() {
                Looked::Hit => return Step::done(),
                Looked::Due(seen) => return self.due(seen),
                Looked::Spare(made) => attempt.spare = NonZeroU64::new(made),
                Looked::Nothing => {}
            }
        }
        self.look_outside(attempt)
    }

    /// Something is out of the ordinary somewhere: see whether it is this call.
    #[cold]
    fn unusual(self) -> Step {
        match switch::take_way() {
            None => Step::aside(),
            Some(Way::Refresh(_) | Way::Called(Mode::Overwrite)) if !self.sees_dependency() => self.blind(),
            Some(Way::Refresh(made)) if !UnderLock::is_here() => self.refresh(made),
            Some(Way::Called(Mode::Skip)) => {
                self.instance.count(|counters| &counters.skipped, 1);
                Step::aside()
            }
            Some(Way::Called(Mode::Overwrite)) if !UnderLock::is_here() => self.overwrite(),
            Some(_) => self.begin(true),
        }
    }

    /// Where the entry stands outside of memory, if that was found out.
    fn outside(&self) -> Option<(&Outside, &Arc<Space>)> {
        self.place.outside().zip(self.instance.space.as_ref())
    }

    /// Asks the stores outside of memory, if the function has any, before it enters.
    fn look_outside(mut self, attempt: Attempt) -> Step {
        let is_together = matches!(self.place, Where::Together(..));
        self.place = Where::Found(self.place.found());
        let instance = self.instance;
        let (Some(outside), Some(space)) = (self.place.outside(), &instance.space) else {
            return self.enter(attempt, None);
        };
        let seen = space.stores.epoch(&outside.key);
        if outside.face == Face::Thread && !is_together {
            let mut at_hand = space.at_hand(&outside.key);
            let take = &mut |to: &mut dyn Any| space.take_at_hand(&outside.key, &mut at_hand, to);
            let is_plain = !space.stores.has_memory() && instance.options().windows.is_none();
            if is_plain && self.answer.take_value(take) {
                instance.count(|counters| &counters.hits, 1);
                attempt.count_wait(instance);
                return Step::done();
            }
            let read = space.read_here_for_use(&outside.key, at_hand);
            return self.found_outside(attempt, seen, read);
        }
        let space = space.clone();
        self.wait_for_store(attempt, |outside| Reading::new(space, outside, seen))
    }

    /// The stores have answered.
    fn found_outside(mut self, mut attempt: Attempt, seen: u64, read: Read) -> Step {
        if let Where::Found(Some(outside)) = &mut self.place {
            outside.key.computed_since(read.since);
        }
        let is_done = match &read.found {
            Ok(Some(loaded)) => match self.judge_loaded(loaded, seen) {
                Looked::Hit => {
                    attempt.count_wait(self.instance);
                    true
                }
                Looked::Due(seen) => {
                    attempt.count_wait(self.instance);
                    return self.due(seen);
                }
                looked => {
                    attempt.refused = loaded.created();
                    if let Looked::Spare(made) = looked {
                        attempt.spare = NonZeroU64::new(made);
                    }
                    return self.ask_the_time(attempt, seen);
                }
            },
            Ok(None) => false,
            Err(error) => {
                self.instance.store_failed();
                self.answer.broken(error)
            }
        };
        if is_done { Step::done() } else { self.make(attempt, Some(seen)) }
    }

    /// Runs the body, for all who ask meanwhile.
    fn lead(self, flight: Arc<Flight>, overwrites: bool, lease: Option<Lease>) -> Step {
        self.instance.count(|counters| &counters.misses, 1);
        let outside = self.place.found().map(|outside| Box::new(outside.key));
        let running = Running::new(self.hash, flight, outside, overwrites).leasing(lease);
        Step::to_run(running)
    }

    /// Leads a flight, or joins one. `seen`: when the stores outside of memory were asked.
    fn enter(mut self, mut attempt: Attempt, seen: Option<u64>) -> Step {
        let (instance, hash, tags) = (self.instance, self.hash, self.instance.options.tags);
        let dependency = self.dependency();
        let dependency = dependency.as_ref();
        loop {
            let (answer, mut found) = (&mut *self.answer, None);
            let read = &mut |stored: Stored<'_>| {
                found = Some(Seen::of(&stored, dependency));
                answer.read(stored, tags);
            };
            let refused = attempt.spare.map(NonZeroU64::get);
            let wanted = Entering { joinable: attempt.joins, refused, dependency };
            match instance.store.enter(hash, self.key.ask(), wanted, read) {
                Entered::Found => match self.judge(found) {
                    Looked::Nothing => {}
                    Looked::Spare(made) => attempt.spare = NonZeroU64::new(made),
                    Looked::Due(seen) => {
                        attempt.count_wait(instance);
                        return self.due(seen);
                    }
                    Looked::Hit => {
                        attempt.count_wait(instance);
                        return Step::done();
                    }
                },
                Entered::Lead(flight) if attempt.again > 0 && self.is_late(seen) => {
                    // Somebody stored something after the stores were asked, perhaps this: ask again.
                    Running::new(hash, flight, None, false).abandon(&instance);
                    return self.look_outside(attempt.again());
                }
                Entered::Lead(flight) => return self.lead_for_all(attempt, flight),
                Entered::Follow(flight, joined) => {
                    let Some(wait) = Wait::begin(flight, joined, attempt.deadline()) else {
                        return run_inline(instance);
                    };
                    return match self.key.hold() {
                        Some(held) => {
                            Step::Wait(Waits { held, hash, attempt, on: On::Flight(wait, self.place.found()) })
                        }
                        None => run_inline(instance),
                    };
                }
            }
        }
    }

    /// The deadline came before the end of another's run.
    fn timed_out(self, attempt: Attempt) -> Step {
        let instance = self.instance;
        if self.answer.fail(&|| timed_out(instance)) {
            instance.count(|counters| &counters.errors, 1);
            return Step::done();
        }
        self.look_outside(attempt.alone())
    }

    /// Did the stores outside of memory change after they were asked?
    fn is_late(&self, seen: Option<u64>) -> bool {
        self.outside().zip(seen).is_some_and(|((outside, space), seen)| space.stores.epoch(&outside.key) != seen)
    }
}

impl Waited {
    pub(crate) fn step(self, instance: Used<'_>, answer: &mut dyn Answer) -> Step {
        let Self { held, hash, attempt, ended } = self;
        let (outcome, outside) = match ended {
            Ended::Flight(outcome, outside) => (outcome, outside),
            Ended::Store(outside, seen, read, renewal) => {
                let place = Where::Found(Some(outside));
                let call = Call { instance, key: Key::Held(held), hash, place, answer };
                return match renewal {
                    Some(renewal) => call.renew_since(*renewal, Some(read)),
                    None => call.found_outside(attempt, seen, read),
                };
            }
            Ended::Lease(flight, outside, leased) => {
                let call = Call { instance, key: Key::Held(held), hash, place: Where::Found(Some(outside)), answer };
                return call.leased(attempt, flight, leased);
            }
            Ended::Contents(loaded) => {
                if loaded.is_err() {
                    instance.count_for_guest(|counters| &counters.errors, 1);
                }
                // A cache whose contents come in has no stores.
                let place = Where::Found(None);
                return Call { instance, key: Key::Held(held), hash, place, answer }.start(true);
            }
        };
        let attempt = match outcome {
            Outcome::Take(shared) if answer.take(&*shared) => {
                instance.count(|counters| &counters.hits, 1);
                instance.count(|counters| &counters.coalesced, 1);
                return Step::done();
            }
            Outcome::RunInline => return run_inline(instance),
            Outcome::TimedOut => {
                let call = Call { instance, key: Key::Held(held), hash, place: Where::Found(outside), answer };
                return call.timed_out(attempt);
            }
            Outcome::Retry => attempt.after_waiting(),
            // What the leader has is no result for this caller: both go through one cache, their errors are of two types.
            Outcome::Take(_) | Outcome::RunAlone => attempt.alone(),
        };
        Call { instance, key: Key::Held(held), hash, place: Where::Found(outside), answer }.look_outside(attempt)
    }
}

#[cold]
fn timed_out(instance: Used<'_>) -> Error {
    let waited = instance.options().wait_timeout.unwrap_or_default();
    let name = instance.caller();
    let message = format!("`{name}` waited {waited} ms for a run of the same key that has not ended");
    Error::new(ErrorKind::Timeout, message)
}
