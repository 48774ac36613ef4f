//! Storing entries, whatever was removed meanwhile: they belong to the generations that were there when they were written, so what is
//! removed later removes them.

use super::{
    Memcached,
    generations::{Generations, TRIES},
    item::{Entry, Place, UNKNOWN},
    wire::{Answer, Command, Life, Verb},
};
use crate::{
    backend::{Change, Edit, Item, Moment},
    error::Error,
};

impl Memcached {
    /// Stores entries in place of what is there.
    pub(super) fn put(&self, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        let all = self.ensured(items.iter().flat_map(|(key, item)| self.names_of(key, item.tags)))?;
        let command = |(key, item): &(&[u8], Item<'_>)| {
            let bytes = self.place(key, item, UNKNOWN, &all)?;
            Some(Command { key: self.names.entry(key), verb: Verb::Set(bytes, Life::until(item.expires)) })
        };
        let commands: Vec<Command> = items.iter().filter_map(command).collect();
        let answers = self.nodes.write(&commands)?;
        let refused = commands.iter().zip(answers).map(|(command, answer)| self.judged(command, answer).map(drop));
        refused.fold(Ok(()), Result::and)
    }

    /// Puts an entry in the place of what was found there; did it?
    pub(super) fn replace(
        &self,
        key: &[u8],
        item: &Item<'_>,
        (since, found): (Moment, Option<u64>),
        all: &Generations,
    ) -> Result<Answer, Error> {
        let Some(bytes) = self.place(key, item, since, all) else { return Ok(Answer::NotDone) };
        let command = Command::put(&self.names.entry(key), bytes, Life::until(item.expires), found);
        let answers = self.nodes.write(std::slice::from_ref(&command))?;
        self.judged(&command, answers.into_iter().next().unwrap_or(Answer::NotDone))
    }

    pub(super) fn change(&self, key: &[u8], edit: Edit<'_>) -> Result<(), Error> {
        for _ in 0..TRIES {
            let Some(found) = self.look(&[key])?.pop() else { return Ok(()) };
            let is_done = match edit(found.bytes.as_deref()) {
                Change::Keep => true,
                Change::Remove => self.end(key, found.unique)?,
                // What was kept for it at that moment is gone.
                Change::Set { since: Some(_), .. } if found.unique.is_none() => true,
                Change::Set { bytes, expires, tags, since: Some(since), .. } => {
                    Item::borrowed(&bytes, expires, &tags, |item| self.put_since(key, &item, since, found.unique))?
                }
                Change::Set { bytes, expires, tags, .. } => Item::borrowed(&bytes, expires, &tags, |item| {
                    let all = self.ensured(self.names_of(key, item.tags))?;
                    let answer = self.replace(key, &item, (found.since, found.unique), &all)?;
                    Ok::<_, Error>(answer == Answer::Done)
                })?,
            };
            if is_done {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    /// Removes what was found at the place of an entry, if it is there still; is it gone?
    fn end(&self, key: &[u8], found: Option<u64>) -> Result<bool, Error> {
        self.advance(Vec::new())?;
        let Some(unique) = found else { return Ok(true) };
        // The protocol can't delete what is still the same, but it can put something in its place that has ended.
        let command = Command { key: self.names.entry(key), verb: Verb::Cas(Vec::new(), Life::OVER, unique) };
        let answers = self.nodes.write(&[command])?;
        Ok(answers.first().is_some_and(|answer| matches!(answer, Answer::Done | Answer::NotThere)))
    }

    /// An entry as it is written; none if one of its generations is missing.
    fn place(&self, key: &[u8], item: &Item<'_>, since: Moment, all: &Generations) -> Option<Vec<u8>> {
        let (stamp, tags) = (self.stamp(key, all)?, self.tags_of(key, item.tags, all)?);
        let entry = Some(Entry { stamp, tags, bytes: item.bytes });
        Some(Place { since, expires: item.expires, key, entry }.write())
    }

    /// What the server made of an entry. If it refused, the old entry goes, too: it is not what should be there.
    fn judged(&self, command: &Command, answer: Answer) -> Result<Answer, Error> {
        let Answer::Refused(words) = answer else { return Ok(answer) };
        self.nodes.write(&[Command { key: command.key.clone(), verb: Verb::Delete }])?;
        if !words.contains("too large") {
            return Err(self.nodes.refused(&command.key, &words));
        }
        let size = command.verb.bytes().len();
        let limit =
            self.nodes.largest_value(&command.key).map_or_else(String::new, |most| format!(" of at most {most}"));
        Err(Error::unavailable(format!(
            "an entry of {size} bytes is too large for `{}`, which takes values{limit} (memcached's option `-I`)",
            self.nodes.shown()
        )))
    }
}
