//! Where the steps of a call put what they find: the part of them that knows the types.

use std::any::Any;

use super::{
    begin::{Settled, Step},
    begun::Started,
    entry::Entry,
    explanation::Explanation,
    extras::Test,
    kind::Kind,
    share::HomeOf,
};
use crate::{
    clock,
    error::Error,
    freshness::{depends::Depends, pool::Job},
    memory::{Put, Stored, entries::Weigh, stamp::Stamp},
    space::{Loaded, Space},
};

/// What a call asks of the entries that it finds, and what it does when it waited too long.
pub struct Guard<'a, Kd: Kind> {
    validate: Option<Test<'a, Entry<Kd::Val>>>,
    /// Further tests; most functions have none or one.
    validate_too: Vec<Test<'a, Entry<Kd::Val>>>,
    /// Tests that outlive the call: for addresses of async functions.
    shared: Vec<SharedTest<Kd::Val>>,
    fail: Option<fn(Error) -> Kd::Ret>,
    again: Option<&'a dyn Fn() -> Option<Job>>,
    /// What an entry weighs that memory takes over from a store.
    weigh: Option<Weigh<'a>>,
    depends: Option<Depends>,
}

pub(crate) type SharedTest<V> = std::sync::Arc<dyn Fn(&Entry<V>) -> bool + Send + Sync>;

impl<'a, Kd: Kind> Guard<'a, Kd> {
    pub fn new(_: Kd) -> Self {
        Self::none()
    }

    /// Asks nothing.
    pub fn none() -> Self {
        Self {
            validate: None,
            validate_too: Vec::new(),
            shared: Vec::new(),
            fail: None,
            again: None,
            weigh: None,
            depends: None,
        }
    }

    #[must_use]
    pub fn validate(mut self, test: Test<'a, Entry<Kd::Val>>) -> Self {
        match self.validate {
            None => self.validate = Some(test),
            Some(_) => self.validate_too.push(test),
        }
        self
    }

    /// A test that comes along where the address of an entry does its work later.
    #[must_use]
    pub fn validate_later(mut self, test: impl Fn(&Entry<Kd::Val>) -> bool + Send + Sync + 'static) -> Self {
        self.shared.push(std::sync::Arc::new(test));
        self
    }

    /// What is asked of an entry that is read later, in a task.
    pub(crate) fn later(&self) -> Later<Kd::Val> {
        Later { tests: self.shared.clone(), depends: self.depends.clone() }
    }

    /// Why an entry is not to be used.
    pub(crate) fn refuses(&self, entry: &Entry<Kd::Val>) -> Option<Explanation> {
        if self.depends.as_ref().is_some_and(|depends| depends.has_changed_since(entry)) {
            return Some(Explanation::Dependency);
        }
        (!self.accepts(entry)).then_some(Explanation::Invalid)
    }

    #[must_use]
    pub fn fail(mut self, fail: fn(Error) -> Kd::Ret) -> Self {
        self.fail = Some(fail);
        self
    }

    /// What entries have to be made for.
    #[must_use]
    pub fn depends(mut self, depends: &Depends) -> Self {
        self.depends = Some(depends.clone());
        self
    }

    /// # Errors
    /// If it can't be seen what a value would be stored for.
    pub(crate) fn sees_dependency(&self) -> Result<(), Error> {
        match self.depends.as_ref().map(Depends::seen) {
            Some(Err(error)) => Err(error.again()),
            _ => Ok(()),
        }
    }

    pub(crate) fn dependency(&self) -> Option<&Depends> {
        self.depends.as_ref()
    }

    /// How the call repeats itself in the background.
    #[must_use]
    pub fn again(mut self, again: &'a dyn Fn() -> Option<Job>) -> Self {
        self.again = Some(again);
        self
    }

    #[cfg(feature = "stores")]
    pub(crate) fn weigh(mut self, weigh: Weigh<'a>) -> Self {
        self.weigh = Some(weigh);
        self
    }

    /// Does the call go on as if there were no guard?
    #[cfg(feature = "stores")]
    pub(crate) fn asks_nothing(&self) -> bool {
        self.is_open() && self.fail.is_none() && self.again.is_none() && self.weigh.is_none()
    }

    /// Is an entry used without being looked at?
    pub(crate) fn is_open(&self) -> bool {
        self.validate.is_none() && self.depends.is_none()
    }

    pub(crate) fn accepts(&self, entry: &Entry<Kd::Val>) -> bool {
        if !self.shared.iter().all(|test| test(entry)) {
            return false;
        }
        self.validate.iter().chain(&self.validate_too).all(|test| test(entry))
    }
}

/// What is asked of an entry when the call's place is gone.
pub(crate) struct Later<V> {
    tests: Vec<SharedTest<V>>,
    depends: Option<Depends>,
}

impl<V> Later<V> {
    /// Looks at what the entry depends on.
    pub(crate) async fn look(&self) {
        if let Some(depends) = &self.depends {
            depends.look().await;
        }
    }

    /// Why an entry is not to be used.
    pub(crate) fn refuses(&self, entry: &Entry<V>) -> Option<Explanation> {
        if self.depends.as_ref().is_some_and(|depends| depends.has_changed_since(entry)) {
            return Some(Explanation::Dependency);
        }
        (!self.tests.iter().all(|test| test(entry))).then_some(Explanation::Invalid)
    }
}

/// Takes what the steps find, and turns it into what the function returns.
pub(crate) trait Answer {
    /// Copies an entry, under its shard's lock. `tags` are those of all entries of the function.
    fn read(&mut self, stored: Stored<'_>, tags: &'static [&'static str]);
    /// Decodes an entry from a store, takes it if it is to be used, and then gives memory a copy where it keeps one. False if
    /// it can't be decoded or is not to be used.
    fn decode(&mut self, space: &Space, loaded: &Loaded, tags: &'static [&'static str], keep: Option<Keep<'_>>)
    -> bool;
    /// Takes a value that `decode` puts into an `Option` of its type, if the call looks at nothing but the value; false if it
    /// does, or there is none.
    fn take_value(&mut self, _decode: &mut dyn FnMut(&mut dyn Any) -> bool) -> bool {
        false
    }
    /// Is what was read to be used? If not, its stamp.
    fn accept(&mut self) -> Result<(), Stamp>;
    /// Takes the result of a leader; false if it is none for this call.
    fn take(&mut self, shared: &(dyn Any + Send + Sync)) -> bool;
    /// A store can't be asked: is that the end of the call?
    fn broken(&mut self, _: &Error) -> bool {
        false
    }
    /// What entries have to be made for, and runs that are waited for.
    fn depends(&self) -> Option<&Depends> {
        None
    }
    /// Makes an error the result, if the function says so.
    fn fail(&mut self, error: &dyn Fn() -> Error) -> bool;
    /// What repeats the call in the background, if that can be done.
    fn again(&self) -> Option<Job> {
        None
    }
}

/// Keeps what a store had in memory.
pub(crate) type Keep<'a> = &'a mut dyn FnMut(Put<'_>);

/// Decodes an entry from a store, if it is to be used. `tags` are those of all entries of the function.
fn decode<Kd: Kind>(
    space: &Space,
    loaded: &Loaded,
    tags: &'static [&'static str],
    keep: Option<Keep<'_>>,
    weigh: Option<Weigh<'_>>,
    accepts: impl FnOnce(&Entry<Kd::Val>) -> bool,
) -> Option<Entry<Kd::Val>> {
    let mut value: Option<Kd::Val> = None;
    if !space.decode(loaded, &mut value) {
        return None;
    }
    let (stamp, own) = loaded.about(tags);
    let entry = Entry::new(value?, stamp, tags, &own).depending(loaded.dependency());
    if !accepts(&entry) {
        return None;
    }
    if let Some(keep) = keep {
        let mut copy = Some(Kd::copy(entry.value()));
        let (stamp, dependency) = (stamp.of_copy(clock::now()), loaded.dependency());
        keep(Put { value: &mut copy, stamp, tags: &own, dependency, weigh, replaces: false, yields: true });
    }
    Some(entry)
}

/// What a follower makes of what its leader shared: a result like its own, or the value alone.
fn taken<Kd: Kind>(shared: &(dyn Any + Send + Sync)) -> Option<Kd::Ret> {
    let joined = || shared.downcast_ref().map(|value| Kd::join(Kd::copy(value)));
    shared.downcast_ref().map(Kd::take).or_else(joined)
}

/// What a computation of a cache gives: unlike a function, it says that a store can't be asked, unless the cache is silent.
pub(crate) struct Reported<Kd: Kind> {
    result: Plain<Kd>,
    error: Option<Error>,
    silent: bool,
}

impl<Kd: Kind> Reported<Kd> {
    pub(crate) fn new(silent: bool) -> Self {
        Self { result: Plain(None), error: None, silent }
    }

    /// It is answered already.
    pub(crate) fn done(result: Kd::Ret) -> Self {
        Self { result: Plain(Some(result)), error: None, silent: false }
    }

    /// How the caller goes on.
    pub(crate) fn end<H: HomeOf<Kd>, K: 'static>(
        self,
        step: Option<Step>,
        home: &H,
    ) -> Result<Started<H, K, Kd>, Error> {
        match (self.error, step) {
            (Some(error), _) => Err(error),
            (None, Some(Step::Settled(settled))) => Ok(Started::at(settled, home.clone(), self.result.0)),
            (None, _) => Ok(Started::at(Settled::Done, home.clone(), self.result.0)),
        }
    }
}

impl<Kd: Kind> Answer for Reported<Kd> {
    fn read(&mut self, stored: Stored<'_>, tags: &'static [&'static str]) {
        self.result.read(stored, tags);
    }

    fn decode(
        &mut self,
        space: &Space,
        loaded: &Loaded,
        tags: &'static [&'static str],
        keep: Option<Keep<'_>>,
    ) -> bool {
        self.result.decode(space, loaded, tags, keep)
    }

    fn take_value(&mut self, decode: &mut dyn FnMut(&mut dyn Any) -> bool) -> bool {
        self.result.take_value(decode)
    }

    fn accept(&mut self) -> Result<(), Stamp> {
        Ok(())
    }

    fn take(&mut self, shared: &(dyn Any + Send + Sync)) -> bool {
        self.result.take(shared)
    }

    fn broken(&mut self, error: &Error) -> bool {
        if !self.silent {
            self.error = Some(error.again());
        }
        !self.silent
    }

    fn fail(&mut self, _: &dyn Fn() -> Error) -> bool {
        false
    }
}

/// What an unguarded call returns.
pub(crate) struct Plain<Kd: Kind>(pub(crate) Option<Kd::Ret>);

impl<Kd: Kind> Answer for Plain<Kd> {
    fn read(&mut self, stored: Stored<'_>, _: &'static [&'static str]) {
        self.0 = stored.value().downcast_ref().map(|value| Kd::join(Kd::copy(value)));
    }

    fn decode(
        &mut self,
        space: &Space,
        loaded: &Loaded,
        tags: &'static [&'static str],
        keep: Option<Keep<'_>>,
    ) -> bool {
        let mut value: Option<Kd::Val> = None;
        if keep.is_some() {
            value = decode::<Kd>(space, loaded, tags, keep, None, |_| true).map(Entry::into_value);
        } else {
            space.decode(loaded, &mut value);
        }
        self.0 = value.map(Kd::join);
        self.0.is_some()
    }

    fn take_value(&mut self, decode: &mut dyn FnMut(&mut dyn Any) -> bool) -> bool {
        let mut value: Option<Kd::Val> = None;
        if decode(&mut value) {
            self.0 = value.map(Kd::join);
        }
        self.0.is_some()
    }

    fn accept(&mut self) -> Result<(), Stamp> {
        Ok(())
    }

    fn take(&mut self, shared: &(dyn Any + Send + Sync)) -> bool {
        self.0 = taken::<Kd>(shared);
        self.0.is_some()
    }

    fn fail(&mut self, _: &dyn Fn() -> Error) -> bool {
        false
    }
}

/// What a guarded call returns.
pub(crate) struct Guarded<'g, 'a, Kd: Kind> {
    pub(crate) result: Option<Kd::Ret>,
    entry: Option<Entry<Kd::Val>>,
    guard: &'g Guard<'a, Kd>,
}

impl<'g, 'a, Kd: Kind> Guarded<'g, 'a, Kd> {
    pub(crate) fn by(guard: &'g Guard<'a, Kd>) -> Self {
        Self { result: None, entry: None, guard }
    }
}

impl<Kd: Kind> Answer for Guarded<'_, '_, Kd> {
    fn read(&mut self, stored: Stored<'_>, tags: &'static [&'static str]) {
        let value = stored.value().downcast_ref().map(Kd::copy);
        let entry = |value| Entry::new(value, stored.stamp(), tags, stored.tags()).depending(stored.dependency());
        self.entry = value.map(entry);
    }

    fn decode(
        &mut self,
        space: &Space,
        loaded: &Loaded,
        tags: &'static [&'static str],
        keep: Option<Keep<'_>>,
    ) -> bool {
        let (guard, weigh) = (self.guard, self.guard.weigh);
        let entry = decode::<Kd>(space, loaded, tags, keep, weigh, |entry| guard.accepts(entry));
        self.result = entry.map(|entry| Kd::join(entry.into_value()));
        self.result.is_some()
    }

    fn accept(&mut self) -> Result<(), Stamp> {
        let Some(entry) = self.entry.take() else { return Ok(()) };
        if !self.guard.accepts(&entry) {
            return Err(entry.stamp());
        }
        self.result = Some(Kd::join(entry.into_value()));
        Ok(())
    }

    fn take(&mut self, shared: &(dyn Any + Send + Sync)) -> bool {
        self.result = taken::<Kd>(shared);
        self.result.is_some()
    }

    fn fail(&mut self, error: &dyn Fn() -> Error) -> bool {
        self.result = self.guard.fail.map(|fail| fail(error()));
        self.result.is_some()
    }

    fn depends(&self) -> Option<&Depends> {
        self.guard.dependency()
    }

    fn again(&self) -> Option<Job> {
        self.guard.again.and_then(|again| again())
    }
}
