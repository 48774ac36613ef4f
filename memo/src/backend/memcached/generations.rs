//! Generations: one for each prefix, each tag, and each tag within a first part of keys. An entry names those that it belongs to, and
//! is there only as long as all of them are. A generation that was removed, or that the server dropped, never comes back:
//! the next one has another number. So nothing has to be found to be removed, and nothing that was comes to light again.

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_128;

use super::{
    Memcached,
    item::{Generation, Tag},
    names::{first_part, prefixes},
    wire::{Answer, Command, Life, Verb},
};
use crate::error::Error;

/// So often is tried what others keep from being done.
pub(super) const TRIES: u32 = 100;

/// Those that were found, by their names.
pub(super) type Generations = HashMap<String, Generation>;

impl Memcached {
    /// The generations of all prefixes of a key.
    pub(super) fn names_of_prefixes(&self, key: &[u8]) -> Vec<String> {
        prefixes(key).map(|prefix| self.names.under(prefix)).collect()
    }

    /// Both generations of a tag that an entry of this key belongs to.
    pub(super) fn names_of_tag(&self, key: &[u8], tag: &str) -> [String; 2] {
        [self.names.tagged(tag, b""), self.names.tagged(tag, first_part(key))]
    }

    /// All that an entry belongs to.
    pub(super) fn names_of(&self, key: &[u8], tags: &[&str]) -> Vec<String> {
        let tagged = tags.iter().flat_map(|tag| self.names_of_tag(key, tag));
        self.names_of_prefixes(key).into_iter().chain(tagged).collect()
    }

    /// The generations of these names, new ones where there are none.
    pub(super) fn ensured(&self, names: impl IntoIterator<Item = String>) -> Result<Generations, Error> {
        let names = each_once(names);
        for _ in 0..TRIES {
            let (mut all, mut new) = (Generations::new(), Vec::new());
            for (name, held) in names.iter().zip(self.nodes.get(&names)?) {
                let read = held.as_ref().and_then(|held| Generation::read(&held.bytes));
                let generation = read.unwrap_or_else(|| {
                    let made = Generation::new();
                    new.push(Command::put(name, made.write(), Life::UNBOUNDED, held.map(|held| held.unique)));
                    made
                });
                all.insert(name.clone(), generation);
            }
            if new.is_empty() || self.are_done(&new)? {
                return Ok(all);
            }
        }
        Err(self.busy())
    }

    /// The generations of a key's prefixes as one number; none if one is missing.
    pub(super) fn stamp(&self, key: &[u8], all: &Generations) -> Option<u128> {
        let ids = self.names_of_prefixes(key).into_iter().map(|name| Some(all.get(&name)?.id.to_le_bytes()));
        Some(xxh3_128(&ids.collect::<Option<Vec<_>>>()?.concat()))
    }

    /// Tags with their generations; none if one is missing.
    pub(super) fn tags_of<'a>(&self, key: &[u8], tags: &[&'a str], all: &Generations) -> Option<Vec<Tag<'a>>> {
        let tag = |name: &&'a str| {
            let [one, other] = self.names_of_tag(key, name).map(|name| all.get(&name).map(Generation::seen));
            Some(Tag { name, seen: [one?, other?] })
        };
        tags.iter().map(tag).collect()
    }

    /// Does all of this; was none of it in vain?
    pub(super) fn are_done(&self, commands: &[Command]) -> Result<bool, Error> {
        let answers = self.nodes.write(commands)?;
        for (command, answer) in commands.iter().zip(&answers) {
            if let Answer::Refused(words) = answer {
                return Err(self.nodes.refused(&command.key, words));
            }
        }
        Ok(answers.iter().all(|answer| *answer == Answer::Done))
    }

    /// Others come in between, again and again.
    #[cold]
    pub(super) fn busy(&self) -> Error {
        Error::unavailable(format!(
            "what stands in `{}` was changed {TRIES} times while it was written",
            self.nodes.shown()
        ))
    }
}

impl Command {
    /// Puts something in the place of what was found there, by its number, if that is there still.
    pub(super) fn put(name: &str, bytes: Vec<u8>, life: Life, found: Option<u64>) -> Self {
        let verb = match found {
            Some(unique) => Verb::Cas(bytes, life, unique),
            None => Verb::Add(bytes, life),
        };
        Self { key: name.to_owned(), verb }
    }
}

/// Names without repetition, in their order.
pub(super) fn each_once(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}
