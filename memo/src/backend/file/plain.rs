//! `format=plain`: the bare value in a file of its own, for people who read it, beside the entry's file, which then holds the
//! rest.
//!
//! The two can't come apart. The bare value is written first, under a name that no other write uses; the entry's file
//! names it, with its length and its hash, and takes the old one's place at once. Before that moment, readers find the old
//! entry and the old value, after it the new ones. What nobody names is removed by `purge`.

use std::{
    io::{self, Read},
    ops::Range,
    path::Path,
    sync::OnceLock,
};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    disk,
    entry::{take_u32, take_u64},
    names::{self, Place},
};
use crate::owner_only::unique;

/// Where the value stands in the bytes of an entry.
pub(crate) struct Split {
    pub(crate) value: Range<usize>,
    /// Of the file that holds it: at most 8 of `a-z0-9`.
    pub(crate) extension: &'static str,
}

/// Finds the value in an entry. The store does not know how; whoever makes the bytes does. `None`: all of them.
type Find = fn(&[u8]) -> Option<Split>;

static FIND: OnceLock<Find> = OnceLock::new();

/// Says how values are found, once for all stores.
pub(crate) fn find_values_by(find: Find) {
    FIND.get_or_init(|| find);
}

/// Where the value of an entry stands.
pub(super) fn split(bytes: &[u8]) -> Split {
    let found = FIND.get().and_then(|find| find(bytes));
    let fits = |split: &Split| split.value.start <= split.value.end && split.value.end <= bytes.len();
    found.filter(fits).unwrap_or(Split { value: 0..bytes.len(), extension: "data" })
}

/// What the entry's file says of the bare value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    /// What stands before the value, and what behind it.
    around: (&'a [u8], &'a [u8]),
    len: u64,
    hash: u64,
    /// The name of the file beside.
    pub(super) name: &'a str,
}

impl<'a> Pair<'a> {
    /// Takes bytes apart; gives what belongs into the file beside, too.
    pub(super) fn of(bytes: &'a [u8], value: Range<usize>, name: &'a str) -> (Self, &'a [u8]) {
        let (around, body) = ((&bytes[..value.start], &bytes[value.end..]), &bytes[value]);
        (Self { around, len: body.len() as u64, hash: xxh3_64(body), name }, body)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let (before, behind) = self.around;
        let mut bytes = Vec::with_capacity(28 + self.name.len() + before.len() + behind.len());
        bytes.extend(self.len.to_le_bytes());
        bytes.extend(self.hash.to_le_bytes());
        // Names are short.
        bytes.extend(u32::try_from(self.name.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(self.name.as_bytes());
        bytes.extend((before.len() as u64).to_le_bytes());
        bytes.extend(before);
        bytes.extend(behind);
        bytes
    }

    pub(super) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let (len, hash) = (take_u64(&mut bytes)?, take_u64(&mut bytes)?);
        let name_len = take_u32(&mut bytes)?.try_into().ok()?;
        let (name, mut rest) = bytes.split_at_checked(name_len)?;
        let before = take_u64(&mut rest)?.try_into().ok()?;
        let name = std::str::from_utf8(name).ok()?;
        // A name that the store gives leads nowhere else.
        names::data_key(name)?;
        Some(Self { around: rest.split_at_checked(before)?, len, hash, name })
    }

    /// The bytes, joined; `None` if the file beside is gone or is not the one that was meant.
    pub(super) fn read(&self, dir: &Path) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = disk::open(&dir.join(self.name))? else { return Ok(None) };
        let Ok(len) = usize::try_from(self.len) else { return Ok(None) };
        if file.metadata()?.len() != self.len {
            return Ok(None);
        }
        let mut body = Vec::with_capacity(len);
        file.take(self.len).read_to_end(&mut body)?;
        let verifies = body.len() == len && xxh3_64(&body) == self.hash;
        Ok(verifies.then(|| [self.around.0, &body, self.around.1].concat()))
    }
}

/// A name for the bare value of an entry.
pub(super) fn fresh_name(key: &[u8], place: &Place, extension: &str) -> String {
    names::data(key, place, unique(), extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_says_what_was_split() {
        let name = fresh_name(b"space|f|7|1", &Place::of(b"space|f|7|1"), "json");
        let (pair, body) = Pair::of(b"header{}end", 6..8, &name);
        assert_eq!(body, b"{}");
        assert_eq!(Pair::parse(&pair.encode()), Some(pair));
    }

    #[test]
    fn a_pair_names_no_file_elsewhere() {
        for name in ["../../etc/passwd", "/etc/passwd", "notes.json", ""] {
            let (pair, _) = Pair::of(b"{}", 0..2, name);
            assert_eq!(Pair::parse(&pair.encode()), None, "{name}");
        }
    }
}
