//! `format=plain`: the bare value in a file of its own, for people who read it, beside the entry's file, which then holds the
//! rest.
//!
//! The two can't come apart. The bare value is written first, under a name that no other write uses; the entry's file
//! names it, with its length and its hash, and takes the old one's place at once. Before that moment, readers find the old
//! entry and the old value, after it the new ones. What nobody names is removed by `purge`.

use std::{
    io::{self, Read},
    path::Path,
};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    disk,
    entry::{take_u32, take_u64},
    names::{self, Place},
};

/// Where the bytes of an entry part into what only the library needs and what people want to see. The store knows
/// neither; whoever made the bytes does.
pub(crate) trait PlainSplit: Send + Sync {
    /// How much of the bytes is header, and the extension of the file that holds the rest: at most 8 of `a-z0-9`.
    fn split(&self, bytes: &[u8]) -> (usize, &'static str);

    /// The bytes that were split.
    fn join(&self, header: &[u8], body: Vec<u8>) -> Vec<u8> {
        if header.is_empty() { body } else { [header, &body].concat() }
    }
}

/// No header: all bytes are the value.
pub(super) struct AllBody;

impl PlainSplit for AllBody {
    fn split(&self, _: &[u8]) -> (usize, &'static str) {
        (0, "data")
    }
}

/// What the entry's file says of the bare value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    header: &'a [u8],
    len: u64,
    hash: u64,
    /// The name of the file beside.
    pub(super) name: &'a str,
}

impl<'a> Pair<'a> {
    /// Takes bytes apart; gives what belongs into the file beside, too.
    pub(super) fn of(bytes: &'a [u8], header: usize, name: &'a str) -> (Self, &'a [u8]) {
        let (header, body) = bytes.split_at(header.min(bytes.len()));
        (Self { header, len: body.len() as u64, hash: xxh3_64(body), name }, body)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20 + self.name.len() + self.header.len());
        bytes.extend(self.len.to_le_bytes());
        bytes.extend(self.hash.to_le_bytes());
        // Names are short.
        bytes.extend(u32::try_from(self.name.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(self.name.as_bytes());
        bytes.extend(self.header);
        bytes
    }

    pub(super) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let (len, hash) = (take_u64(&mut bytes)?, take_u64(&mut bytes)?);
        let name_len = take_u32(&mut bytes)?.try_into().ok()?;
        let (name, header) = bytes.split_at_checked(name_len)?;
        let name = std::str::from_utf8(name).ok()?;
        // A name that the store gives leads nowhere else.
        names::data_key(name)?;
        Some(Self { header, len, hash, name })
    }

    /// The bytes, joined; `None` if the file beside is gone or is not the one that was meant.
    pub(super) fn read(&self, dir: &Path, split: &dyn PlainSplit) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = disk::open(&dir.join(self.name))? else { return Ok(None) };
        let Ok(len) = usize::try_from(self.len) else { return Ok(None) };
        if file.metadata()?.len() != self.len {
            return Ok(None);
        }
        let mut body = Vec::with_capacity(len);
        file.take(self.len).read_to_end(&mut body)?;
        let verifies = body.len() == len && xxh3_64(&body) == self.hash;
        Ok(verifies.then(|| split.join(self.header, body)))
    }
}

/// A name for the bare value of an entry.
pub(super) fn fresh_name(key: &[u8], place: &Place, extension: &str) -> String {
    names::data(key, place, disk::unique(), extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_says_what_was_split() {
        let name = fresh_name(b"space|f|7|1", &Place::of(b"space|f|7|1"), "json");
        let (pair, body) = Pair::of(b"header{}", 6, &name);
        assert_eq!(body, b"{}");
        assert_eq!(Pair::parse(&pair.encode()), Some(pair));
    }

    #[test]
    fn a_pair_names_no_file_elsewhere() {
        for name in ["../../etc/passwd", "/etc/passwd", "notes.json", ""] {
            let (pair, _) = Pair::of(b"{}", 0, name);
            assert_eq!(Pair::parse(&pair.encode()), None, "{name}");
        }
    }
}
