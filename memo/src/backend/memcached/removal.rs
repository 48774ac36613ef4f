//! Removing. What is removed is first counted by the clock, then its generation is deleted, and with it goes all that belongs to it.

use super::{
    Memcached,
    generations::TRIES,
    item::{Generation, Part},
    names::first_part,
    wire::{Answer, Command, Life, Verb},
};
use crate::{backend::Moment, error::Error};

/// More than that is not said about a generation: then all of it is removed.
const MOST_BYTES: usize = 4096;

impl Memcached {
    /// Lets the clock go on, then deletes; gives the time, and what became of each. If there is no clock, nobody has asked for the
    /// time, or what he was told counts no more.
    pub(super) fn advance(&self, names: Vec<String>) -> Result<(Moment, Vec<Answer>), Error> {
        let delete = |key| Command { key, verb: Verb::Delete };
        let clock = self.names.clock();
        let tick = Command { key: clock.clone(), verb: Verb::Increment };
        let commands: Vec<Command> = std::iter::once(tick).chain(names.into_iter().map(delete)).collect();
        let mut answers = self.nodes.write(&commands)?.into_iter();
        let now = match answers.next() {
            Some(Answer::Number(now)) => now,
            // Somebody put something else there.
            Some(Answer::Refused(_)) => self.nodes.write(&[delete(clock)]).map(|_| 0)?,
            _ => 0,
        };
        let answers: Vec<Answer> = answers.collect();
        for (command, answer) in commands[1..].iter().zip(&answers) {
            if let Answer::Refused(words) = answer {
                return Err(self.nodes.refused(&command.key, words));
            }
        }
        Ok((now, answers))
    }

    /// Removes entries; says for each whether it was there.
    pub(super) fn take(&self, keys: &[&[u8]]) -> Result<Vec<bool>, Error> {
        let found = self.look(keys)?;
        let ours: Vec<usize> = (0..keys.len()).filter(|number| found[*number].is_ours).collect();
        let (_, answers) = self.advance(ours.iter().map(|number| self.names.entry(keys[*number])).collect())?;
        let mut removed = vec![false; keys.len()];
        for (number, answer) in ours.into_iter().zip(answers) {
            removed[number] = found[number].bytes.is_some() && answer == Answer::Done;
        }
        Ok(removed)
    }

    /// Removes what is under a prefix and has all of some tags.
    pub(super) fn clear_tags(&self, prefix: &[u8], tags: &[&str]) -> Result<(), Error> {
        let mut tags: Vec<&str> = tags.to_vec();
        tags.sort_unstable();
        tags.dedup();
        let Some((tag, others)) = tags.split_first() else { return Ok(()) };
        let part = first_part(prefix);
        let name = self.names.tagged(tag, part);
        if others.is_empty() && part == prefix {
            return self.advance(vec![self.names.tags(), name]).map(drop);
        }
        let (at, _) = self.advance(vec![self.names.tags()])?;
        for _ in 0..TRIES {
            let Some(held) = self.nodes.get(std::slice::from_ref(&name))?.pop().flatten() else { return Ok(()) };
            let Some(generation) = Generation::read(&held.bytes) else { return Ok(()) };
            let bytes = without(generation, at, prefix, others).write();
            let verb = match bytes.len() {
                0..=MOST_BYTES => Verb::Cas(bytes, Life::UNBOUNDED, held.unique),
                _ => Verb::Delete,
            };
            let answers = self.nodes.write(&[Command { key: name.clone(), verb }])?;
            match answers.first() {
                Some(Answer::Refused(words)) => return Err(self.nodes.refused(&name, words)),
                Some(Answer::NotDone) => {}
                _ => return Ok(()),
            }
        }
        Err(self.busy())
    }
}

/// A generation, a part of which was removed.
fn without(mut generation: Generation, at: Moment, prefix: &[u8], tags: &[&str]) -> Generation {
    let number = generation.seen().number.saturating_add(1);
    generation.parts.retain(|part| part.prefix != prefix || part.tags != tags);
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    generation.parts.push(Part { number, at, prefix: prefix.to_vec(), tags });
    generation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_once_and_their_numbers_grow() {
        let mut generation = Generation::new();
        for (prefix, tags) in [("f|", &["b"][..]), ("f|i|", &[]), ("f|", &["b"]), ("f|", &[])] {
            generation = without(generation, 0, prefix.as_bytes(), tags);
        }
        assert!(generation.parts.iter().map(|part| part.number).eq([2, 3, 4]));
        assert_eq!(generation.seen().number, 4);
    }
}
