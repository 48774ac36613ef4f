//! Looking for entries: what stands at their places, and whether all that they belong to is there still.

use std::collections::HashMap;

use super::{
    Memcached,
    generations::{Generations, each_once},
    item::{Entry, Generation, Place, Tag, UNKNOWN},
    wire::Held,
};
use crate::{backend::Moment, clock, error::Error};

/// What was found of an entry.
pub(super) struct Found {
    /// The number of what stands at its place, whosever it is.
    pub(super) unique: Option<u64>,
    /// Is that about this key?
    pub(super) is_ours: bool,
    /// Since when it has been there.
    pub(super) since: Moment,
    /// The bytes of the entry, if it is one that is alive.
    pub(super) bytes: Option<Vec<u8>>,
}

impl Memcached {
    /// Looks for several entries: asks the servers once, and once more if some have tags.
    pub(super) fn look(&self, keys: &[&[u8]]) -> Result<Vec<Found>, Error> {
        let places: Vec<String> = keys.iter().map(|key| self.names.entry(key)).collect();
        let prefixes = keys.iter().flat_map(|key| self.names_of_prefixes(key));
        let names = each_once(places.iter().cloned().chain(prefixes));
        let held = self.nodes.get(&names)?;
        let held: HashMap<&str, Held> =
            names.iter().zip(held).filter_map(|(name, held)| Some((&**name, held?))).collect();
        let mut generations: Generations = held.iter().filter_map(|(name, held)| generation(name, held)).collect();

        let entries = keys.iter().zip(&places).filter_map(|(key, place)| {
            let entry = self.live(key, held.get(&**place)?, &generations)?;
            Some((*key, entry))
        });
        let names_of_tags = |(key, entry): (&[u8], Entry<'_>)| -> Vec<String> {
            entry.tags.iter().flat_map(|tag| self.names_of_tag(key, tag.name)).collect()
        };
        let tagged = each_once(entries.flat_map(names_of_tags));
        for (name, held) in tagged.iter().zip(self.nodes.get(&tagged)?) {
            generations.extend(held.and_then(|held| generation(name, &held)));
        }

        let found = |(key, place): (&&[u8], &String)| {
            let Some(held) = held.get(&**place) else {
                return Found { unique: None, is_ours: false, since: UNKNOWN, bytes: None };
            };
            let place = Place::read(&held.bytes).filter(|place| place.key == *key);
            let live = self.live(key, held, &generations).filter(|entry| self.have(key, &entry.tags, &generations));
            Found {
                unique: Some(held.unique),
                is_ours: place.is_some(),
                since: place.map_or(UNKNOWN, |place| place.since),
                bytes: live.map(|entry| entry.bytes.to_vec()),
            }
        };
        Ok(keys.iter().zip(&places).map(found).collect())
    }

    /// The entry of a key that has neither ended nor lost a prefix.
    fn live<'a>(&self, key: &[u8], held: &'a Held, generations: &Generations) -> Option<Entry<'a>> {
        let place = Place::read(&held.bytes).filter(|place| place.key == key)?;
        let has_ended = place.expires.is_some_and(|expires| expires <= clock::unix_now());
        place.entry.filter(|entry| !has_ended && self.stamp(key, generations) == Some(entry.stamp))
    }

    /// Are the tags of an entry what they were when it was stored?
    fn have(&self, key: &[u8], tags: &[Tag<'_>], generations: &Generations) -> bool {
        let names: Vec<&str> = tags.iter().map(|tag| tag.name).collect();
        tags.iter().all(|tag| {
            self.names_of_tag(key, tag.name).iter().zip(tag.seen).all(|(name, seen)| {
                generations.get(name).is_some_and(|now| {
                    let mut later = now.parts.iter().filter(|part| part.number > seen.number);
                    now.id == seen.id && !later.any(|part| part.has(key, &names))
                })
            })
        })
    }
}

fn generation(name: &str, held: &Held) -> Option<(String, Generation)> {
    Generation::read(&held.bytes).map(|generation| (name.to_owned(), generation))
}
