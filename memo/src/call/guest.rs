//! Functions whose entries live in cache objects that their calls name: `#[memoize(cache = …)]`. The object is the instance;
//! the function is its guest, and counts for itself, too.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use parking_lot::RwLock;

use super::{
    function::{Function, New, Reach},
    home::{Home, OfCache},
    instance::{AnyInstance, count_hit},
    site::{Options, SingleFlight, Site},
    start::{How, Marker, Target, target_of},
};
use crate::{
    stats::counters::{Counter, Counters},
    tags::Tag,
};

/// An instantiation of such a function.
pub(crate) struct Guest {
    id: usize,
    function: &'static Function,
    counters: Arc<Counters>,
}

impl Guest {
    pub(crate) fn of<M: Marker>(site: &'static Site, marker: &M) -> &'static Self {
        target_of(site, marker, How::in_memory(|(), ()| true))
    }

    /// Counts a hit, on a path where the object has counted one for itself.
    pub(crate) fn hit(&self) {
        count_hit(self.id, &self.counters);
    }

    /// A cache object that it is about to use.
    pub(crate) fn uses(&'static self, cache: &OfCache) -> OfGuest {
        self.is_in(cache);
        OfGuest { cache: cache.clone(), guest: self }
    }

    /// From now on the object is known as one with entries of the function.
    #[inline]
    pub(crate) fn is_in(&self, cache: &OfCache) {
        cache.instance().guests.note(self.function);
    }
}

impl Target for Guest {
    /// It has no keys of its own.
    type Key = ();

    fn make(new: New<'_>, _: How<()>) -> Self {
        Self { id: new.id, function: new.function, counters: new.counters }
    }

    fn reach(&'static self) -> &'static dyn Reach {
        self
    }
}

/// It has no entries: those that it uses are reached through their objects.
impl Reach for Guest {
    fn clear(&self) -> u64 {
        0
    }

    fn clear_tagged(&self, _: &Arc<[Tag]>) -> u64 {
        0
    }

    fn purge(&self) -> u64 {
        0
    }

    fn len(&self) -> u64 {
        0
    }

    fn weight(&self) -> u64 {
        0
    }
}

/// The functions that have used an object.
#[derive(Default)]
pub(crate) struct Guests {
    /// Nearly always the only one.
    first: OnceLock<&'static Function>,
    others: RwLock<Vec<&'static Function>>,
}

impl Guests {
    #[inline]
    fn note(&self, function: &'static Function) {
        let first = *self.first.get_or_init(|| function);
        if !std::ptr::eq(first, function) {
            self.note_another(function);
        }
    }

    fn note_another(&self, function: &'static Function) {
        if self.has(function) {
            return;
        }
        let mut others = self.others.write();
        if !others.iter().any(is(function)) {
            others.push(function);
        }
    }

    pub(crate) fn has(&self, function: &Function) -> bool {
        self.first.get().is_some_and(is(function)) || self.others.read().iter().any(is(function))
    }
}

/// Is another one this function?
fn is(function: &Function) -> impl Fn(&&'static Function) -> bool {
    move |other| std::ptr::eq(*other, function)
}

/// A cache object that a function's call uses.
#[derive(Clone)]
pub struct OfGuest {
    cache: OfCache,
    guest: &'static Guest,
}

impl Home for OfGuest {
    fn instance(&self) -> &AnyInstance {
        self.cache.instance()
    }

    fn used(&self) -> Used<'_> {
        Used { instance: self.instance(), guest: Some(self.guest) }
    }
}

/// An instance in use, and the guest that uses it, if it is not its owner who does.
#[derive(Clone, Copy)]
pub struct Used<'a> {
    instance: &'a AnyInstance,
    guest: Option<&'static Guest>,
}

impl Deref for Used<'_> {
    type Target = AnyInstance;

    fn deref(&self) -> &AnyInstance {
        self.instance
    }
}

impl<'a> Used<'a> {
    pub(crate) fn by_owner(instance: &'a AnyInstance) -> Self {
        Self { instance, guest: None }
    }

    /// Those of whoever calls: how it waits.
    pub(crate) fn options(self) -> &'a Options {
        self.guest.map_or(&self.instance.options, |guest| &guest.function.declared.options)
    }

    /// Whose runs a caller joins: what the instance says of all its callers, unless they say to wait for nobody.
    pub(crate) fn single_flight(self) -> SingleFlight {
        match self.options().single_flight {
            SingleFlight::Off => SingleFlight::Off,
            said => said.max(self.instance.options.single_flight),
        }
    }

    /// The name of whoever calls, for people.
    pub(crate) fn caller(self) -> &'a str {
        self.guest.map_or(&*self.instance.name, |guest| guest.function.display_name())
    }

    /// Counts for the instance, and for the guest.
    pub(crate) fn count(self, counter: Counter, amount: u64) {
        Counters::add(counter(&self.instance.counters), amount);
        self.count_for_guest(counter, amount);
    }

    /// A store failed. Of a function that has its own, that is counted with them.
    pub(crate) fn store_failed(self) {
        if self.instance.options.outside.is_none() {
            self.count(|counters| &counters.errors, 1);
        }
    }

    /// Counts what the instance has counted for itself.
    pub(crate) fn count_for_guest(self, counter: Counter, amount: u64) {
        if let Some(guest) = self.guest {
            Counters::add(counter(&guest.counters), amount);
        }
    }
}
