//! The file of an entry: a header with all that the store has to know, and the bytes.
//!
//! ```text
//! magic, format version, kind     12 bytes
//! length of the header             4
//! length of the body               8
//! hash of the body                 8
//! expiry                           8   u64::MAX: never
//! length of the key                4
//! number of tags                   4
//! key
//! tags, each with its length       4 + …
//! hash of all of the above         8
//! body
//! ```
//!
//! Numbers are little-endian, hashes are xxh3. A file that was cut off, grew, or has a wrong bit does not verify: it is as
//! if it were not there.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::Path,
};

use xxhash_rust::xxh3::xxh3_64;

use super::disk;
use crate::{
    backend::{Item, UnixMillis},
    error::Error,
};

const MAGIC: &[u8; 8] = b"memofile";
const VERSION: u16 = 1;
const FIXED: usize = 48;
const HASH: usize = 8;
const NEVER: u64 = u64::MAX;

/// What is read at once: most entries as a whole.
const FIRST: usize = 4096;

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The bytes of the entry.
    Whole = 0,
    /// Says in which file the bare value is. See [`plain`](super::plain).
    Pair = 1,
}

/// What the header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) kind: Kind,
    pub(super) key: &'a [u8],
    pub(super) expires: Option<UnixMillis>,
    /// With their lengths, as they stand in the file.
    tags: &'a [u8],
    len: usize,
    body_len: u64,
    body_hash: u64,
}

impl<'a> Head<'a> {
    /// `None` if the bytes do not begin with a whole header.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let len = announced_len(bytes)?;
        let (header, hash) = bytes.get(..len)?.split_at(len - HASH);
        if u64::from_le_bytes(hash.try_into().ok()?) != xxh3_64(header) {
            return None;
        }
        let mut rest = &header[MAGIC.len()..];
        if take_u16(&mut rest)? != VERSION {
            return None;
        }
        let kind = match take_u16(&mut rest)? {
            0 => Kind::Whole,
            1 => Kind::Pair,
            _ => return None,
        };
        let _len = take_u32(&mut rest)?;
        let (body_len, body_hash) = (take_u64(&mut rest)?, take_u64(&mut rest)?);
        let expires = Some(take_u64(&mut rest)?).filter(|at| *at != NEVER);
        let (key_len, _tags) = (take_u32(&mut rest)?, take_u32(&mut rest)?);
        let (key, tags) = rest.split_at_checked(key_len.try_into().ok()?)?;
        Some(Self { kind, key, expires, tags, len, body_len, body_hash })
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &'a str> {
        let mut rest = self.tags;
        std::iter::from_fn(move || {
            let len = take_u32(&mut rest)?.try_into().ok()?;
            let tag;
            (tag, rest) = rest.split_at_checked(len)?;
            std::str::from_utf8(tag).ok()
        })
    }

    pub(super) fn has_tag(&self, tag: &str) -> bool {
        self.tags().any(|own| own == tag)
    }
}

/// The file of an entry, as bytes.
pub(super) fn encode(kind: Kind, key: &[u8], item: &Item<'_>) -> Result<Vec<u8>, Error> {
    let tags: usize = item.tags.iter().map(|tag| 4 + tag.len()).sum();
    let len = FIXED + key.len() + tags + HASH;
    let mut file = Vec::with_capacity(len + item.bytes.len());
    file.extend(MAGIC);
    file.extend(VERSION.to_le_bytes());
    file.extend((kind as u16).to_le_bytes());
    file.extend(short(len)?.to_le_bytes());
    file.extend((item.bytes.len() as u64).to_le_bytes());
    file.extend(xxh3_64(item.bytes).to_le_bytes());
    file.extend(item.expires.unwrap_or(NEVER).to_le_bytes());
    file.extend(short(key.len())?.to_le_bytes());
    file.extend(short(item.tags.len())?.to_le_bytes());
    file.extend(key);
    for tag in item.tags {
        file.extend(short(tag.len())?.to_le_bytes());
        file.extend(tag.as_bytes());
    }
    file.extend(xxh3_64(&file).to_le_bytes());
    file.extend(item.bytes);
    Ok(file)
}

/// The file of an entry, opened: its beginning is read.
#[derive(Debug)]
pub(super) struct Opened {
    file: File,
    bytes: Vec<u8>,
    /// Nothing comes after `bytes`.
    at_end: bool,
}

impl Opened {
    /// `None` if there is no such file.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let Some(mut file) = disk::open(path)? else { return Ok(None) };
        let mut bytes = vec![0; FIRST];
        let read = match read(&mut file, &mut bytes) {
            Err(error) if error.kind() == ErrorKind::IsADirectory => return Ok(None),
            read => read?,
        };
        bytes.truncate(read);
        let mut opened = Self { file, bytes, at_end: read < FIRST };
        opened.complete_header()?;
        Ok(Some(opened))
    }

    /// Reads on if the header is longer than the beginning.
    fn complete_header(&mut self) -> io::Result<()> {
        let Some(len) = announced_len(&self.bytes) else { return Ok(()) };
        // What the header announces is believed only as far as the file goes.
        if self.at_end || len <= self.bytes.len() || len as u64 > self.file.metadata()?.len() {
            return Ok(());
        }
        let missing = (len - self.bytes.len()) as u64;
        (&self.file).take(missing).read_to_end(&mut self.bytes)?;
        Ok(())
    }

    /// `None` if it is torn.
    pub(super) fn head(&self) -> Option<Head<'_>> {
        Head::parse(&self.bytes)
    }

    /// The header and the body, if they verify.
    pub(super) fn body(&self) -> io::Result<Option<(Head<'_>, Vec<u8>)>> {
        let Some(head) = self.head() else { return Ok(None) };
        let Ok(len) = usize::try_from(head.body_len) else { return Ok(None) };
        let begin = &self.bytes[head.len..];
        let whole_len = if self.at_end { self.bytes.len() as u64 } else { self.file.metadata()?.len() };
        if whole_len.checked_sub(head.len as u64) != Some(head.body_len) {
            return Ok(None);
        }
        let mut body = Vec::with_capacity(len);
        body.extend_from_slice(begin);
        if !self.at_end {
            (&self.file).take(head.body_len.saturating_sub(begin.len() as u64)).read_to_end(&mut body)?;
        }
        let verifies = body.len() == len && xxh3_64(&body) == head.body_hash;
        Ok(verifies.then_some((head, body)))
    }
}

/// The length of the header that a file begins with, if it begins like one.
fn announced_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes.strip_prefix(MAGIC)?.get(4..)?;
    let len = usize::try_from(take_u32(&mut rest)?).ok()?;
    (len >= FIXED + HASH).then_some(len)
}

fn read(file: &mut File, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn short(len: usize) -> Result<u32, Error> {
    u32::try_from(len).map_err(|_| Error::encoding(format!("a key or its tags are too long for a file: {len} bytes")))
}

fn take_u16(rest: &mut &[u8]) -> Option<u16> {
    rest.split_off(..2).and_then(|bytes| Some(u16::from_le_bytes(bytes.try_into().ok()?)))
}

pub(super) fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    rest.split_off(..4).and_then(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)))
}

pub(super) fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    rest.split_off(..8).and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_was_written() {
        let item = Item::new(b"bytes").expires(17).tags(&["a", "", "ä|b"]);
        let file = encode(Kind::Whole, b"space|id", &item).expect("short");
        let head = Head::parse(&file).expect("whole");
        assert_eq!((head.key, head.expires, head.kind), (&b"space|id"[..], Some(17), Kind::Whole));
        assert_eq!(head.tags().collect::<Vec<_>>(), ["a", "", "ä|b"]);
        assert_eq!(&file[head.len..], b"bytes");
    }

    /// Persistent: a change of these bytes is a change of the version.
    #[test]
    fn the_format_is_this() {
        let item = Item::new(b"bytes").expires(0x0102_0304).tags(&["tag"]);
        let file = encode(Kind::Whole, b"key", &item).expect("short");
        assert_eq!(file, include_bytes!("golden/entry_v1.memo"));
    }
}
