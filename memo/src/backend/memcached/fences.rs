//! Fences: what was made of what was read before a removal is not stored after it.
//!
//! The present is a number on the server that grows with every removal, and begins at a random place when it was lost. Whoever asks
//! for it sees to it that the generations of the key's prefixes are there, something at the key's own place, and each of them
//! dated: by a present that was read when it was there already. A removal lets the clock go on first and deletes then. So what is
//! there with a date of then or before was not removed since; what is missing, or younger, may have been. The entry is stored
//! with the generations that were found like that, in the place that is still what it was when it was found: what is removed in between
//! changes one of them.
//!
//! (A place that is kept is what Nishtala et al., "Scaling Memcache at Facebook", 2013, call a lease.)

use xxhash_rust::xxh3::xxh3_64;

use super::{
    Memcached,
    generations::{Generations, TRIES, each_once},
    item::{self, Generation, Place, UNKNOWN},
    wire::{Answer, Command, Held, Life},
};
use crate::{
    backend::{Item, Moment},
    clock,
    error::Error,
    owner_only,
};

/// For so long a place is kept for what is being computed: a day.
const KEPT: u64 = 24 * 60 * 60 * 1000;

impl Memcached {
    pub(super) fn present(&self, key: &[u8]) -> Result<Moment, Error> {
        let mut names = self.names_of_prefixes(key);
        names.push(self.names.tags());
        self.dated(&names, Some(key))
    }

    /// Stores an entry made of what was read at some moment, unless it may have been removed since. `seen`: only if this is at its place
    /// still; `false` if it is not.
    pub(super) fn put_since(
        &self,
        key: &[u8],
        item: &Item<'_>,
        moment: Moment,
        seen: Option<u64>,
    ) -> Result<bool, Error> {
        let prefixes = self.names_of_prefixes(key);
        let tags = each_once(item.tags.iter().flat_map(|tag| self.names_of_tag(key, tag)));
        for _ in 0..TRIES {
            if !tags.is_empty() {
                self.dated(&tags, None)?;
            }
            let names = each_once(prefixes.iter().chain(&tags).cloned());
            let found = self.nodes.get(&names)?;
            let read = |(name, held): (&String, Option<Held>)| Some((name.clone(), Generation::read(&held?.bytes)?));
            let all: Generations = names.iter().zip(found).filter_map(read).collect();
            // After the generations of its tags, and the clock after all: what they say holds for what was read before.
            let mut rest = self.nodes.get(&[self.names.tags(), self.names.entry(key), self.names.clock()])?;
            let (now, place, all_tags) = (rest.pop().flatten(), rest.pop().flatten(), rest.pop().flatten());
            if now.and_then(|now| read_clock(&now)).is_none_or(|now| !is_same_clock(now, moment)) {
                return Ok(true);
            }
            let Some(place) = place else { return Ok(true) };
            if seen.is_some_and(|seen| seen != place.unique) {
                return Ok(false);
            }
            let since = Place::read(&place.bytes).filter(|place| place.key == key).map_or(UNKNOWN, |place| place.since);
            let stands = |name: &String| all.get(name).is_some_and(|generation| is_unbroken(generation.since, moment));
            if !is_unbroken(since, moment) || !prefixes.iter().all(stands) {
                return Ok(true);
            }
            if !tags.iter().all(|tag| all.contains_key(tag)) {
                // The server drops them as fast as they are made.
                continue;
            }
            let all_tags = all_tags.and_then(|held| item::since(&held.bytes)).unwrap_or(UNKNOWN);
            let is_new = |name: &String| !stands(name) && !is_unbroken(all_tags, moment);
            let mut parts = tags.iter().filter_map(|name| all.get(name)).flat_map(|generation| &generation.parts);
            if tags.iter().any(is_new) || parts.any(|part| is_later(part.at, moment) && part.has(key, item.tags)) {
                return Ok(true);
            }
            match self.replace(key, item, (since, Some(place.unique)), &all)? {
                Answer::NotDone => {}
                _ => return Ok(true),
            }
        }
        Err(self.busy())
    }

    /// The present, when all generations of these names were there, dated, and also something at the place of a key.
    fn dated(&self, generations: &[String], key: Option<&[u8]>) -> Result<Moment, Error> {
        let places = key.map(|key| self.names.entry(key));
        // The clock is read last.
        let names: Vec<String> = generations.iter().cloned().chain(places).chain([self.names.clock()]).collect();
        for _ in 0..TRIES {
            let mut found = self.nodes.get(&names)?;
            let held = found.pop().flatten();
            let now = held.as_ref().and_then(read_clock);
            let mut commands = Vec::new();
            if now.is_none() {
                let begin = new_clock().to_string().into_bytes();
                let found = held.as_ref().map(|held| held.unique);
                commands.push(Command::put(&self.names.clock(), begin, Life::UNBOUNDED, found));
            }
            let mut is_there = now.is_some();
            for (number, (name, held)) in names.iter().zip(found).enumerate() {
                let key = key.filter(|_| number == generations.len());
                let unique = held.as_ref().map(|held| held.unique);
                let (bytes, life) = match (held.and_then(|held| understood(held, key)), now) {
                    (Some((bytes, life)), Some(now)) if item::since(&bytes) == Some(UNKNOWN) => {
                        (item::with_since(bytes, now), life)
                    }
                    (Some(_), _) => continue,
                    (None, _) => {
                        is_there = false;
                        new(key)
                    }
                };
                commands.push(Command::put(name, bytes, life, unique));
            }
            let is_done = commands.is_empty() || self.are_done(&commands)?;
            if let Some(now) = now.filter(|_| is_there && is_done) {
                return Ok(now);
            }
        }
        Err(self.busy())
    }
}

/// A generation, or what stands at the place of a key, and how long it lives; `None` if it is anything else.
fn understood(held: Held, key: Option<&[u8]>) -> Option<(Vec<u8>, Life)> {
    let life = match key {
        None => Generation::read(&held.bytes).map(|_| Life::UNBOUNDED),
        Some(key) => Place::read(&held.bytes).filter(|place| place.key == key).map(|place| Life::until(place.expires)),
    };
    life.map(|life| (held.bytes, life))
}

/// A generation, or a place for the entry of a key.
fn new(key: Option<&[u8]>) -> (Vec<u8>, Life) {
    let Some(key) = key else { return (Generation::new().write(), Life::UNBOUNDED) };
    let expires = Some(clock::unix_now().saturating_add(KEPT));
    (Place { since: UNKNOWN, expires, key, entry: None }.write(), Life::until(expires))
}

/// Where a clock begins: the upper half is one that no other has, but for one in two thousand million.
fn new_clock() -> Moment {
    (xxh3_64(&owner_only::unique().to_le_bytes()) >> 33).max(1) << 32
}

fn read_clock(held: &Held) -> Option<Moment> {
    str::from_utf8(&held.bytes).ok()?.trim().parse().ok()
}

fn is_same_clock(one: Moment, other: Moment) -> bool {
    one >> 32 == other >> 32
}

/// Did something happen after a moment? What another clock says was before this one began: it was looked at last, and goes on.
fn is_later(at: Moment, moment: Moment) -> bool {
    is_same_clock(at, moment) && at > moment
}

/// Has something been there since a moment, or longer?
fn is_unbroken(since: Moment, moment: Moment) -> bool {
    since != UNKNOWN && !is_later(since, moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_younger_than_a_moment_may_have_been_broken() {
        let now = new_clock();
        assert!(is_unbroken(now, now) && is_unbroken(now, now + 1) && !is_unbroken(now + 1, now));
        assert!(is_unbroken(now ^ 1 << 40, now), "another clock was before");
        assert!(!is_unbroken(UNKNOWN, now));
        assert!((0..100).all(|_| !is_same_clock(now, new_clock())), "no clock is like one before");
    }
}
