//! The steps of a call until it has a value or has to run the body: the same for threads and tasks.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{
    entry::Entry,
    extras::Test,
    instance::{Home, Key, Ret, Shared, UnderLock, Val},
    kind::Kind,
    run::Run,
    switch::{self, Mode},
};
use crate::{
    clock::{self, Millis},
    error::{Error, Kind as ErrorKind},
    flight::{
        table::Entered,
        wait::{Outcome, Wait},
    },
    key::{Held, Query},
    stats::counters::Counters,
};

/// What a call asks of the entries that it finds, and what it does when it waited too long.
pub struct Guard<'a, Kd: Kind> {
    validate: Option<Test<'a, Entry<Kd::Val>>>,
    /// Further tests; most functions have none or one.
    validate_too: Vec<Test<'a, Entry<Kd::Val>>>,
    fail: Option<fn(Error) -> Kd::Ret>,
}

impl<'a, Kd: Kind> Guard<'a, Kd> {
    pub fn new(_: Kd) -> Self {
        Self { validate: None, validate_too: Vec::new(), fail: None }
    }

    #[must_use]
    pub fn validate(mut self, test: Test<'a, Entry<Kd::Val>>) -> Self {
        match self.validate {
            None => self.validate = Some(test),
            Some(_) => self.validate_too.push(test),
        }
        self
    }

    #[must_use]
    pub fn fail(mut self, fail: fn(Error) -> Kd::Ret) -> Self {
        self.fail = Some(fail);
        self
    }

    /// Is an entry used without being looked at?
    pub(crate) fn is_open(&self) -> bool {
        self.validate.is_none()
    }

    fn accepts(&self, entry: &Entry<Kd::Val>) -> bool {
        self.validate.iter().chain(&self.validate_too).all(|test| test(entry))
    }

    pub(crate) fn rejects(&self, entry: &Entry<Kd::Val>) -> bool {
        !self.accepts(entry)
    }
}

/// Where a call stands.
pub enum Begun<H: Home> {
    /// It has its result.
    Done(Ret<H>),
    /// It is to run the body.
    Run(Run<H>),
    /// It is to wait for another's run.
    Wait(Waiting<H>),
}

/// Where a call stands that does not wait any more.
pub enum Started<H: Home> {
    Done(Ret<H>),
    Run(Run<H>),
}

/// How a caller that found nothing is to go on.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    /// May it wait for another's run?
    joins: bool,
    /// Until when it waits.
    deadline: Option<Millis>,
}

/// The first step of a call: `None` if it is not an ordinary hit.
#[inline]
pub(crate) fn hit<H: Home>(home: &H, query: &impl Query<Owned = Key<H>>, hash: u64) -> Option<Ret<H>> {
    if switch::is_ordinary() { home.hit(query, hash).map(H::Kind::join) } else { None }
}

/// The steps that follow.
pub(crate) fn begin<H: Home>(home: &H, query: &dyn Query<Owned = Key<H>>, hash: u64) -> Begun<H> {
    if !switch::is_ordinary() {
        return unusual(home, query, hash, None);
    }
    if UnderLock::is_here() {
        return Begun::Run(Run::aside(home));
    }
    enter(home, query, hash, Attempt::first(home), None)
}

/// The same where entries are looked at before they are used, or where waiting may fail.
pub(crate) fn begin_with<H: Home>(
    home: &H,
    query: &dyn Query<Owned = Key<H>>,
    hash: u64,
    guard: &Guard<'_, H::Kind>,
) -> Begun<H> {
    if switch::is_ordinary() {
        return guarded(home, query, hash, Some(guard));
    }
    unusual(home, query, hash, Some(guard))
}

/// Something is out of the ordinary somewhere: see whether it is this call.
#[cold]
fn unusual<H: Home>(
    home: &H,
    query: &dyn Query<Owned = Key<H>>,
    hash: u64,
    guard: Option<&Guard<'_, H::Kind>>,
) -> Begun<H> {
    match switch::take_mode() {
        None => Begun::Run(Run::aside(home)),
        Some(Mode::Skip) => {
            Counters::add(&home.counters.skipped, 1);
            Begun::Run(Run::aside(home))
        }
        Some(Mode::Overwrite) if !UnderLock::is_here() => {
            let _locked = UnderLock::enter();
            Begun::Run(Run::leading(home, hash, home.flights.supersede(query, hash), true))
        }
        Some(_) => guarded(home, query, hash, guard),
    }
}

fn guarded<H: Home>(
    home: &H,
    query: &dyn Query<Owned = Key<H>>,
    hash: u64,
    guard: Option<&Guard<'_, H::Kind>>,
) -> Begun<H> {
    if UnderLock::is_here() {
        return Begun::Run(Run::aside(home));
    }
    match look(home, query, hash, guard) {
        Some(value) => Begun::Done(value),
        None => enter(home, query, hash, Attempt::first(home), guard),
    }
}

/// The value of a key, if there is one that the guard accepts; one that it does not accept is removed.
fn look<H: Home>(
    home: &H,
    query: &dyn Query<Owned = Key<H>>,
    hash: u64,
    guard: Option<&Guard<'_, H::Kind>>,
) -> Option<Ret<H>> {
    let entry = home.entry(query, hash, true).1?;
    if guard.is_some_and(|guard| guard.rejects(&entry)) {
        reject(home, query, hash, &entry);
        return None;
    }
    Counters::add(&home.counters.hits, 1);
    Some(H::Kind::join(entry.into_value()))
}

/// Removes an entry that `validate` does not accept.
fn reject<H: Home>(home: &H, query: &dyn Query<Owned = Key<H>>, hash: u64, entry: &Entry<Val<H>>) {
    let _locked = UnderLock::enter();
    home.store.remove_if(hash, &|key| query.matches(key), entry.stamp());
}

impl Attempt {
    fn first<H: Home>(home: &H) -> Self {
        let options = &home.site.options;
        let deadline = options.wait_timeout.map(|timeout| clock::now().saturating_add(timeout));
        Self { joins: options.single_flight, deadline }
    }

    /// Waits for nobody any more.
    fn alone(self) -> Self {
        Self { joins: false, ..self }
    }
}

/// Leads a flight, or joins one.
#[inline(never)]
fn enter<H: Home>(
    home: &H,
    query: &dyn Query<Owned = Key<H>>,
    hash: u64,
    attempt: Attempt,
    guard: Option<&Guard<'_, H::Kind>>,
) -> Begun<H> {
    let entered = {
        let _locked = UnderLock::enter();
        home.flights.enter(query, hash, attempt.joins, || {
            // A flight may have landed since the store was asked. Nothing leaves the store here: `Drop` is the user's
            // code, and the gate is held.
            home.entry(query, hash, false).1
        })
    };
    match entered {
        Entered::Found(entry) => {
            if guard.is_some_and(|guard| guard.rejects(&entry)) {
                reject(home, query, hash, &entry);
                return enter(home, query, hash, attempt, guard);
            }
            Counters::add(&home.counters.hits, 1);
            Begun::Done(H::Kind::join(entry.into_value()))
        }
        Entered::Lead(flight) => Begun::Run(Run::leading(home, hash, flight, false)),
        Entered::Follow(flight, joined) => match Wait::begin(flight, joined, attempt.deadline) {
            Some(wait) => Begun::Wait(Waiting { held: Held::new(query, hash), attempt, wait, home: home.clone() }),
            None => Begun::Run(Run::inline(home)),
        },
    }
}

/// A caller that waits for another's run. It borrows nothing of the call.
pub struct Waiting<H: Home> {
    home: H,
    held: Held<Key<H>>,
    attempt: Attempt,
    wait: Wait<Shared<H>>,
}

/// A caller whose wait has ended.
pub struct Again<H: Home> {
    home: H,
    held: Held<Key<H>>,
    attempt: Attempt,
    outcome: Outcome<Ret<H>>,
}

impl<H: Home> Begun<H> {
    /// Waits on the calling thread as often as it takes.
    #[inline]
    pub(crate) fn settle(self, guard: Option<&Guard<'_, H::Kind>>) -> Started<H> {
        match self {
            Self::Done(value) => Started::Done(value),
            Self::Run(run) => Started::Run(run),
            Self::Wait(waiting) => waiting.settle(guard),
        }
    }
}

impl<H: Home> Waiting<H> {
    #[cold]
    fn settle(self, guard: Option<&Guard<'_, H::Kind>>) -> Started<H> {
        let Self { home, held, attempt, wait } = self;
        let outcome = wait.block(H::Kind::take);
        Again { home, held, attempt, outcome }.step(guard).settle(guard)
    }
}

// Nothing in it is pinned.
impl<H: Home> Unpin for Waiting<H> {}

/// Waits in the calling task; what comes out says how to go on.
impl<H: Home> Future for Waiting<H> {
    type Output = Again<H>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Again<H>> {
        let this = &mut *self;
        let outcome = ready!(this.wait.poll_in_task(cx, H::Kind::take));
        let held = this.held.move_out();
        Poll::Ready(Again { home: this.home.clone(), held, attempt: this.attempt, outcome })
    }
}

impl<H: Home> Again<H> {
    pub fn again(self) -> Begun<H> {
        self.step(None)
    }

    #[expect(clippy::needless_pass_by_value, reason = "generated code has no other use for it")]
    pub fn again_with(self, guard: Guard<'_, H::Kind>) -> Begun<H> {
        self.step(Some(&guard))
    }

    fn step(self, guard: Option<&Guard<'_, H::Kind>>) -> Begun<H> {
        let Self { home, held, attempt, outcome } = self;
        let hash = held.hash();
        match outcome {
            Outcome::Take(value) => {
                Counters::add(&home.counters.hits, 1);
                Counters::add(&home.counters.coalesced, 1);
                Begun::Done(value)
            }
            Outcome::Retry => enter(&home, &held, hash, attempt, guard),
            Outcome::RunAlone => enter(&home, &held, hash, attempt.alone(), guard),
            Outcome::RunInline => Begun::Run(Run::inline(&home)),
            Outcome::TimedOut => {
                if let Some(fail) = guard.and_then(|guard| guard.fail) {
                    Counters::add(&home.counters.errors, 1);
                    return Begun::Done(fail(timed_out(&home)));
                }
                enter(&home, &held, hash, attempt.alone(), guard)
            }
        }
    }
}

#[cold]
fn timed_out<H: Home>(home: &H) -> Error {
    let waited = home.site.options.wait_timeout.unwrap_or_default();
    let name = home.site.name;
    let message = format!("`{name}` waited {waited} ms for a run of the same key that has not ended");
    Error::new(ErrorKind::Timeout, message)
}
