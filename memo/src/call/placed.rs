//! Addresses of entries that may stand in stores: what the address macros do with them.

use std::any::Any;

use super::{
    address::{self, Deletion, Operations, Store},
    answer::Guard,
    entry::Entry,
    explanation::{Explanation, absent},
    extras::Extras,
    home::Home,
    kind::Kind,
    pending::Pending,
    place::{Place, Setting},
    switch,
};
use crate::{
    error::Error,
    flight::wait::block_on,
    key::{Ask, Held},
    memory::{entries::Weigh, locked::UnderLock},
    space::Face,
};

/// An entry that was read.
struct Found<V> {
    entry: Entry<V>,
    tier: &'static str,
    /// Why it is not to be used.
    refused: Option<Explanation>,
}

/// An address of the entries at some places: several only where generics that it does not name made several instances.
pub(crate) struct At<'a, H, K, Kd: Kind> {
    pub(crate) face: Face,
    /// An error if the key can't be written.
    pub(crate) places: Result<Vec<Place<H>>, Error>,
    pub(crate) key: &'a dyn Ask,
    pub(crate) guard: Guard<'a, Kd>,
    pub(crate) store: Store<'a, K, Kd::Val>,
}

/// How the entry in memory is read.
type InMemory<H, V> = fn(&Place<H>, &dyn Ask) -> Option<Entry<V>>;

/// What keeps an instance for operations that are carried out later.
pub(crate) trait Lasting: Home + Send + Sync + 'static {}
impl<H: Home + Send + Sync + 'static> Lasting for H {}

impl<H: Lasting, K: 'static, Kd: Kind<Val: Send + Sync>> At<'_, H, K, Kd> {
    fn places(&self) -> Result<&[Place<H>], Error> {
        self.places.as_deref().map_err(Error::again)
    }

    fn held(&self) -> Result<Held, Error> {
        self.key.hold().ok_or_else(no_way)
    }

    /// Does something now on this thread, or later in a task.
    fn pending<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Pending<T> {
        match self.face {
            Face::Thread => Pending::now(block_on(future)),
            Face::Task => Pending::later(future),
        }
    }

    /// The entry, from the first place that has one in memory, else from the first that has one in its stores. What was saved
    /// comes in before.
    fn find<F>(
        &self,
        in_memory: InMemory<H, Kd::Val>,
        outside: impl Fn(Place<H>, Face) -> F + Send + 'static,
    ) -> Pending<Result<Found<Kd::Val>, Explanation>>
    where
        F: Future<Output = Result<(Entry<Kd::Val>, &'static str), Explanation>> + Send,
    {
        let Ok(places) = self.places() else { return Pending::now(Err(Explanation::Absent)) };
        if let Some(entry) = places.iter().find_map(|place| in_memory(place, self.key)) {
            let refused = self.guard.refuses(&entry);
            return Pending::now(Ok(Found { entry, tier: "memory", refused }));
        }
        let (places, face, later) = (places.to_vec(), self.face, self.guard.later());
        let again = if places.iter().any(Place::awaits_contents) { self.key.hold() } else { None };
        let read = async move {
            if face == Face::Task {
                later.look().await;
            }
            let found = |entry, tier| {
                let refused = later.refuses(&entry);
                Found { entry, tier, refused }
            };
            let mut reason = Explanation::Absent;
            for place in places {
                if let Some(key) = &again {
                    // That it can't come in is counted, and nothing is found.
                    place.ready(face).await.ok();
                    if let Some(entry) = in_memory(&place, &**key) {
                        return Ok(found(entry, "memory"));
                    }
                }
                match outside(place, face).await {
                    Ok((entry, tier)) => return Ok(found(entry, tier)),
                    Err(other) => reason = reason.or(other),
                }
            }
            Err(reason)
        };
        match face {
            // The tests of a thread can look only now; those of a task have come along.
            Face::Thread => Pending::now(block_on(read).map(|found| {
                let refused = self.guard.refuses(&found.entry);
                Found { refused, ..found }
            })),
            Face::Task => Pending::later(read),
        }
    }

    /// What is stored where, on the terms of the attribute.
    fn settings(&self, value: &Kd::Val) -> Result<Vec<Setting<H, Kd::Val>>, Error> {
        let places = self.places()?;
        if places.is_empty() {
            return Err(Error::unsupported("there is no place for the entry: why not, the error hook was told"));
        }
        let mut settings = Vec::new();
        for place in places {
            let mut put = |extras: &Extras<'_, K, Kd::Val>| {
                let terms = extras.terms(value, place.options().tags);
                let weigh = extras.weigh_any();
                let weigh = weigh.as_ref().map(|weigh| weigh as Weigh<'_>).or(place.weigh());
                let weight = weigh.map_or(0, |weigh| weighed::<K, _>(weigh, self.key, value));
                settings.push(place.setting((value, Kd::copy), terms, weight, false)?);
                Ok(())
            };
            let mut result: Result<(), Error> = Ok(());
            (self.store)(&mut address::Setting::new(&mut |extras| result = put(extras)));
            result?;
        }
        Ok(settings)
    }
}

/// What a value weighs under a key that is not in the store.
fn weighed<K: 'static, V: 'static>(weigh: Weigh<'_>, key: &dyn Ask, value: &V) -> u64 {
    let mut owned: Option<K> = None;
    key.own(&mut owned);
    owned.map_or(0, |key| weigh(&key, value))
}

impl<H: Lasting, K: 'static, Kd: Kind<Val: Send + Sync>> Operations for At<'_, H, K, Kd> {
    fn entry(&self) -> Pending<Option<Box<dyn Any>>> {
        if switch::is_disabled() || UnderLock::is_here() {
            return Pending::now(None);
        }
        let outside = |place: Place<H>, face| async move {
            let entry = place.read_outside::<Kd::Val>(face).await.ok().flatten();
            entry.map(|entry| (entry, "")).ok_or(Explanation::Absent)
        };
        let found = self.find(|place, key| place.read_memory(key, Kd::copy), outside);
        found.map(|found| Some(Box::new(found.ok().filter(|found| found.refused.is_none())?.entry) as _))
    }

    fn set(&self, value: Box<dyn Any>) -> Pending<Result<(), Error>> {
        let Ok(value) = value.downcast::<Kd::Val>() else { return Pending::now(Ok(())) };
        if switch::is_disabled() {
            return Pending::now(Ok(()));
        }
        let prepared = switch::reachable()
            .and_then(|()| self.guard.sees_dependency())
            .and_then(|()| Ok((self.settings(&value)?, self.held()?)));
        let (settings, held) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Pending::now(Err(error)),
        };
        let face = self.face;
        self.pending(async move {
            let mut result = Ok(());
            for setting in settings {
                let set = setting.set_in_contents(face, &*held).await;
                result = result.and(set.map(drop));
            }
            result
        })
    }

    fn delete(&self) -> Pending<Result<bool, Error>> {
        if let Err(error) = switch::reachable() {
            return Pending::now(Err(error));
        }
        self.deletion()(self.face)
    }

    fn explain(&self) -> Pending<Explanation> {
        if switch::is_disabled() || UnderLock::is_here() {
            return Pending::now(Explanation::Disabled);
        }
        let Ok([first, ..]) = self.places() else { return Pending::now(Explanation::Absent) };
        let is_over = self.places().is_ok_and(|places| places.iter().any(|place| place.is_over(self.key, Kd::copy)));
        let absent = if is_over { Explanation::Expired } else { absent(first.options(), self.store) };
        let outside = |place: Place<H>, face| async move { place.explain_outside::<Kd::Val>(face).await };
        let found = self.find(|place, key| place.read_copy(key, Kd::copy), outside);
        found.map(|found| match found {
            Ok(Found { entry, tier, refused: None }) => {
                Explanation::Hit { tier, age: entry.age(), remaining: entry.remaining() }
            }
            Ok(Found { refused: Some(reason), .. }) => reason,
            Err(reason) => reason.or(absent),
        })
    }

    fn deletion(&self) -> Deletion {
        deletion(self.places().map(<[_]>::to_vec), self.key.hold())
    }
}

/// Deletes the entry at some places, later, from anywhere; or tells why it can't be found.
pub(crate) fn deletion<H: Lasting>(places: Result<Vec<Place<H>>, Error>, held: Option<Held>) -> Deletion {
    let delete = async move |face| {
        let (places, held) = (places?, held.ok_or_else(no_way)?);
        let mut result = Ok(false);
        for place in places {
            let existed = place.delete_from_contents(face, &*held).await;
            result = result.and_then(|before| Ok(existed? | before));
        }
        result
    };
    Box::new(move |face| match face {
        Face::Thread => Pending::now(block_on(delete(face))),
        Face::Task => Pending::later(delete(face)),
    })
}

fn no_way() -> Error {
    Error::encoding("the key can't leave its thread")
}
