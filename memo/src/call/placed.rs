//! Addresses of entries that may stand in stores: what the address macros do with them.

use std::any::Any;

use super::{
    address::{self, Deletion, Explanation, Operations, Store},
    answer::Guard,
    entry::Entry,
    extras::Extras,
    instance::Home,
    kind::Kind,
    pending::Pending,
    place::{Place, Setting},
    switch,
};
use crate::{
    error::Error,
    flight::wait::block_on,
    key::{Ask, Held},
    memory::{Found, entries::Weigh, locked::UnderLock},
    space::Face,
};

/// An address of the entries at some places: several only where generics that it does not name made several instances.
pub(crate) struct At<'a, H, K, Kd: Kind> {
    pub(crate) face: Face,
    pub(crate) places: Vec<Place<H>>,
    pub(crate) key: &'a dyn Ask,
    pub(crate) guard: Guard<'a, Kd>,
    pub(crate) store: Store<'a, K, Kd::Val>,
}

/// What keeps an instance for operations that are carried out later.
pub(crate) trait Lasting: Home + Send + Sync + 'static {}
impl<H: Home + Send + Sync + 'static> Lasting for H {}

impl<H: Lasting, K: 'static, Kd: Kind<Val: Send + Sync>> At<'_, H, K, Kd> {
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

    /// What is stored where, on the terms of the attribute.
    fn settings(&self, value: &Kd::Val) -> Result<Vec<Setting<H, Kd::Val>>, Error> {
        let mut settings = Vec::new();
        for place in &self.places {
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
        let in_memory = |place: &Place<_>| place.read_memory(self.key, Kd::copy);
        if let Some(entry) = self.places.iter().find_map(in_memory).filter(|entry| self.guard.accepts(entry)) {
            return Pending::now(Some(Box::new(entry)));
        }
        let (places, face, shared) = (self.places.clone(), self.face, self.guard.shared());
        let read = async move {
            for place in places {
                if let Some((entry, _)) = place.read_outside::<Kd::Val>(face).await.ok().flatten()
                    && shared.iter().all(|test| test(&entry))
                {
                    return Some(entry);
                }
            }
            None
        };
        let entry = self.pending(read);
        // On a thread the tests can look at once; those of a task have come along.
        match self.face {
            Face::Thread => {
                Pending::now(entry.wait().filter(|entry| self.guard.accepts(entry)).map(|e| Box::new(e) as _))
            }
            Face::Task => entry.map(|entry| entry.map(|entry| Box::new(entry) as _)),
        }
    }

    fn set(&self, value: Box<dyn Any>) -> Pending<Result<(), Error>> {
        let Ok(value) = value.downcast::<Kd::Val>() else { return Pending::now(Ok(())) };
        if switch::is_disabled() {
            return Pending::now(Ok(()));
        }
        let prepared = switch::reachable().and_then(|()| Ok((self.settings(&value)?, self.held()?)));
        let (settings, held) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Pending::now(Err(error)),
        };
        let face = self.face;
        self.pending(async move {
            let mut result = Ok(());
            for setting in settings {
                result = result.and(setting.set(face, &*held).await.map(drop));
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
        let explain = |entry: Entry<Kd::Val>, tier: &'static str, accepted: bool| {
            if accepted {
                Explanation::Hit { tier, age: entry.age(), remaining: entry.remaining() }
            } else {
                Explanation::Invalid
            }
        };
        let mut absent = Explanation::Absent;
        for place in &self.places {
            match place.look_in_memory(self.key, Kd::copy) {
                (_, Some(entry)) => {
                    let accepted = self.guard.accepts(&entry);
                    return Pending::now(explain(entry, "memory", accepted));
                }
                (Found::Expired, None) => absent = Explanation::Expired,
                (_, None) => {}
            }
        }
        let (places, face, shared) = (self.places.clone(), self.face, self.guard.shared());
        let read = async move {
            for place in places {
                if let Some((entry, tier)) = place.read_outside::<Kd::Val>(face).await.ok().flatten() {
                    let accepted = shared.iter().all(|test| test(&entry));
                    return Some((entry, tier, accepted));
                }
            }
            None
        };
        let found = self.pending(read);
        match self.face {
            Face::Thread => Pending::now(found.wait().map_or(absent, |(entry, tier, _)| {
                let accepted = self.guard.accepts(&entry);
                explain(entry, tier, accepted)
            })),
            Face::Task => {
                found.map(move |found| found.map_or(absent, |(entry, tier, accepted)| explain(entry, tier, accepted)))
            }
        }
    }

    fn deletion(&self) -> Deletion {
        deletion(Ok(self.places.clone()), self.key.hold())
    }
}

/// Deletes the entry at some places, later, from anywhere; or tells why it can't be found.
pub(crate) fn deletion<H: Lasting>(places: Result<Vec<Place<H>>, Error>, held: Option<Held>) -> Deletion {
    let delete = async move |face| {
        let held = held.ok_or_else(no_way)?;
        let mut result = Ok(false);
        for place in places? {
            let existed = place.delete(face, &*held).await;
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
