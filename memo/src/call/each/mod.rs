//! Calls of functions that compute several keys at once, `each = …`: every key has its own entry and flight, but stores are
//! asked for all of them together, and one run of the body computes all that nobody has. Those that others compute are
//! waited for last, when what this call leads has landed: so calls that lead what the other wants do not wait in a circle.

mod elements;
mod many;
mod run;

use std::{collections::HashMap, mem, sync::Arc};

pub use elements::{Repeated, behind, chosen, itself, repeated};
pub use many::{Apart, Brings, Lacking, Many, Missing, OfElement};
pub use run::Ending;

use super::{
    begun::{Again, Begun, Waiting},
    home::Home,
    kind::Kind,
    run::Run,
    share::HomeOf,
    switch::{self, Way},
    waits::{Ended, On, Reading, Waited, Waits},
};
use crate::{
    flight::wait::block_on,
    key::Query,
    space::{EntryKey, Face, Space},
};

/// One call: the keys of its argument, and where each of them stands.
pub struct Batch<H: Home, K, Kd: Kind> {
    /// Of the function, for people.
    name: &'static str,
    /// What is done with each key.
    way: Way,
    /// For each element of the argument the number of its key.
    order: Vec<usize>,
    keys: Vec<One<H, K, Kd>>,
    /// The keys that were no hits, by their hashes.
    missed: Vec<Missed<K>>,
    by_hash: HashMap<u64, usize>,
}

/// A key.
struct One<H: Home, K, Kd: Kind> {
    /// The element that it is first of.
    element: usize,
    state: State<H, K, Kd>,
}

/// Where a key stands.
enum State<H: Home, K, Kd: Kind> {
    Has(Kd::Val),
    /// The body was asked for it, and has none. Or it is on its way to another state.
    Lacks,
    /// The body is to be run for it.
    Runs(Run<H, K, Kd>),
    Waits(Waiting<H, K, Kd>),
    HasWaited(Again<H, K, Kd>),
}

/// A key that was no hit.
struct Missed<K> {
    hash: u64,
    key: K,
    number: usize,
}

impl<H: Home, K, Kd: Kind> One<H, K, Kd> {
    fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waits(_))
    }
}

/// How a call goes on.
pub enum Next {
    /// Something is to be waited for.
    Wait,
    /// The body is to be run for these elements of the argument.
    Run(Vec<usize>),
    Done,
}

impl<H: Home, K, Kd: Kind> Drop for Batch<H, K, Kd> {
    /// What it leads is given up, the last first: who waits for the first of several finds that all are.
    fn drop(&mut self) {
        while self.keys.pop().is_some() {}
    }
}

impl<H: HomeOf<Kd>, K: 'static, Kd: Kind> Batch<H, K, Kd> {
    /// Takes the mode of the call, which is that of all its keys.
    pub fn new(name: &'static str) -> Self {
        let (order, keys, missed) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, way: switch::take_for_several(), order, keys, missed, by_hash: HashMap::new() }
    }

    /// Asks for the next key; `begin` is its first step.
    pub fn ask<Q: Query<Owned = K>>(&mut self, query: &Q, begin: impl FnOnce() -> Begun<H, K, Kd>) {
        let hash = (!self.missed.is_empty()).then(|| query.hash());
        if let Some(number) = hash.and_then(|hash| self.missed_before(query, hash)) {
            self.keys[number].state.asked_again();
            self.order.push(number);
            return;
        }
        let (element, number) = (self.order.len(), self.keys.len());
        switch::set_for_one(self.way);
        let state = match begin() {
            Begun::Done(result) => State::Has(Kd::split(result).ok().expect("what is found was stored")),
            Begun::Run(run) => State::Runs(run),
            Begun::Wait(waiting) => State::Waits(waiting),
        };
        if !matches!(state, State::Has(_)) {
            let hash = hash.unwrap_or_else(|| query.hash());
            self.by_hash.entry(hash).or_insert(self.missed.len());
            self.missed.push(Missed { hash, key: query.to_owned(), number });
        }
        self.keys.push(One { element, state });
        self.order.push(number);
    }

    /// The number of a key that was no hit when it was asked for before.
    fn missed_before<Q: Query<Owned = K>>(&self, query: &Q, hash: u64) -> Option<usize> {
        let first = *self.by_hash.get(&hash)?;
        let same = |missed: &&Missed<K>| missed.hash == hash && query.matches(&missed.key);
        self.missed[first..].iter().find(same).map(|missed| missed.number)
    }

    /// How to go on. As long as stores may have something, or other processes compute something, nothing is run: one run is to
    /// compute all that is missing. For what others compute in this process nobody waits who has something to run.
    pub fn next_step(&self) -> Next {
        if self.first_wait().is_some() {
            return Next::Wait;
        }
        let missing: Vec<usize> = self.running().map(|one| one.element).collect();
        if !missing.is_empty() {
            Next::Run(missing)
        } else if self.keys.iter().any(One::is_waiting) {
            Next::Wait
        } else {
            Next::Done
        }
    }

    fn running(&self) -> impl Iterator<Item = &One<H, K, Kd>> {
        self.keys.iter().filter(|one| matches!(one.state, State::Runs(_)))
    }

    /// The number of the first key that is waited for before the body is run. Leases come in the order of the keys'
    /// hashes, the same for all processes: so nobody who holds some waits in a circle.
    fn first_wait(&self) -> Option<usize> {
        let rank = |(number, one): (usize, &One<H, K, Kd>)| match one.state.waits()? {
            Waits { on: On::Store(_), .. } => Some((0, 0, number)),
            Waits { on: On::Contents(_), .. } => Some((1, 0, number)),
            Waits { on: On::Lease(_), hash, .. } => Some((2, *hash, number)),
            Waits { on: On::Flight(..), .. } => None,
        };
        self.keys.iter().enumerate().filter_map(rank).min().map(|(.., number)| number)
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self, face: Face) {
        let stored = self.take_stored();
        if let Some(space) = stored.first().and_then(|stored| Some(&stored.reading()?.space)) {
            let space = space.clone();
            return self.ask_stores(face, &space, stored).await;
        }
        let Some(first) = self.first_wait().or_else(|| self.keys.iter().position(One::is_waiting)) else { return };
        self.wait_for(first, face).await;
        // A leader of several that gives up leaves all of them.
        for number in 0..self.keys.len() {
            if matches!(self.keys[number].state.waits(), Some(Waits { on: On::Flight(wait, _), .. }) if wait.is_over())
            {
                self.wait_for(number, face).await;
            }
        }
    }

    async fn wait_for(&mut self, number: usize, face: Face) {
        let state = &mut self.keys[number].state;
        if let State::Waits(waiting) = mem::replace(state, State::Lacks) {
            let waited = if face == Face::Thread { waiting.block() } else { Some(waiting.await) };
            self.keys[number].state = waited.map_or(State::Lacks, State::HasWaited);
        }
    }

    /// On the calling thread.
    pub fn wait_on_thread(&mut self) {
        block_on(self.wait(Face::Thread));
    }

    pub async fn wait_in_task(&mut self) {
        self.wait(Face::Task).await;
    }

    /// Those who wait for a store, of one function or object, with the same question.
    fn take_stored(&mut self) -> Vec<Stored<H>> {
        let mut stored: Vec<Stored<H>> = Vec::new();
        for (number, one) in self.keys.iter_mut().enumerate() {
            let Some(Waits { on: On::Store(reading), .. }) = one.state.waits() else { continue };
            let is_other = |first: &Reading| {
                first.is_for_an_entry() != reading.is_for_an_entry() || !Arc::ptr_eq(&first.space, &reading.space)
            };
            if stored.first().and_then(|first| first.reading()).is_some_and(is_other) {
                continue;
            }
            if let State::Waits(waiting) = mem::replace(&mut one.state, State::Lacks)
                && let Some((home, waits)) = waiting.into_parts()
            {
                stored.push(Stored { number, home, waits });
            }
        }
        stored
    }

    /// Asks the stores for all of them at once.
    async fn ask_stores(&mut self, face: Face, space: &Space, stored: Vec<Stored<H>>) {
        let are_for_entries = stored.iter().filter_map(Stored::reading).all(Reading::is_for_an_entry);
        let keys: Vec<EntryKey> =
            stored.iter().filter_map(|stored| Some(stored.reading()?.outside.key.clone())).collect();
        let reads = if are_for_entries {
            space.read_each(face, &keys.iter().collect::<Vec<_>>()).await
        } else {
            let mut reads = Vec::with_capacity(keys.len());
            for key in &keys {
                reads.push(space.stores.present(face, key).await);
            }
            reads
        };
        for (Stored { number, home, waits }, read) in stored.into_iter().zip(reads) {
            let Waits { held, hash, attempt, on } = waits;
            let On::Store(Reading { outside, seen, renewal, .. }) = on else { continue };
            let waited = Waited { held, hash, attempt, ended: Ended::Store(outside, seen, read, renewal) };
            self.keys[number].state = State::HasWaited(Again::new(home, waited));
        }
    }

    /// Goes on with those that have waited. Gives the result of the call if one of them failed.
    pub fn step<M: Brings<One = Kd::Ret>>(
        &mut self,
        again: impl Fn(usize, Again<H, K, Kd>) -> Begun<H, K, Kd>,
    ) -> Option<M> {
        for number in 0..self.keys.len() {
            let One { element, state } = &mut self.keys[number];
            let waited = match mem::replace(state, State::Lacks) {
                State::HasWaited(waited) => waited,
                other => {
                    *state = other;
                    continue;
                }
            };
            if waited.begins() {
                switch::set_for_one(self.way);
            }
            *state = match again(*element, waited) {
                Begun::Run(run) => State::Runs(run),
                Begun::Wait(waiting) => State::Waits(waiting),
                Begun::Done(result) => match Kd::split(result) {
                    Ok(value) => State::Has(value),
                    Err(result) => match M::failure(result) {
                        Some(failure) => return Some(failure),
                        None => State::Lacks,
                    },
                },
            };
        }
        None
    }
}

/// A key that waits for a store.
struct Stored<H> {
    number: usize,
    home: H,
    waits: Waits,
}

impl<H> Stored<H> {
    fn reading(&self) -> Option<&Reading> {
        match &self.waits.on {
            On::Store(reading) => Some(reading),
            _ => None,
        }
    }
}

impl<H: Home, K, Kd: Kind> State<H, K, Kd> {
    fn waits(&self) -> Option<&Waits> {
        match self {
            Self::Waits(waiting) => waiting.waits(),
            _ => None,
        }
    }

    /// The key stands in the argument once more: that is a hit on what comes of the first, if that is counted at all.
    fn asked_again(&self) {
        let used = match self {
            Self::Runs(Run { led: Some(led), .. }) => led.home.used(),
            Self::Waits(waiting) => waiting.home().used(),
            _ => return,
        };
        used.count(|counters| &counters.hits, 1);
        used.count(|counters| &counters.coalesced, 1);
    }
}
