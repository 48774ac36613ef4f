//! Names: where an entry lives, where the keys of a prefix can be, and which names are the store's own.
//!
//! ```text
//! entries/<first part of the key, readable>-<its hash>/<shard>/<hash of the group><hash of the key>.memo
//! ```
//!
//! All are one safe path segment within 100 bytes: lower case, since some file systems don't tell cases apart, and ending in
//! a hash or an extension, so that none is a reserved name of Windows or ends in a dot or a space. What does not have
//! exactly this form is foreign.

use xxhash_rust::xxh3::xxh3_128;

use crate::backend::{
    SEPARATOR,
    keys::{address_end, end_of_parts},
};

/// The directories of the store.
pub(super) const ENTRIES: &str = "entries";
pub(super) const TAGS: &str = "tags";
pub(super) const LOCKS: &str = "locks";

/// Shards of a directory, and locks of a store.
pub(super) const SHARDS: usize = 64;

/// Hexadecimal digits of a hash.
const HEX: usize = 32;
const READABLE: usize = 40;
const ENTRY: &str = ".memo";
const TEMPORARY: &str = ".tmp";

/// The place of an entry. All versions of one are a *group*: they share a shard and the beginning of their names, so that a prefix
/// that names a group needs the listing of one shard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Of the shard's lock. First, since what is sorted by places is locked shard by shard.
    pub(super) shard: usize,
    /// The directory of the key's first part.
    pub(super) dir: String,
    /// The name of the file.
    pub(super) name: String,
}

impl Place {
    pub(super) fn of(key: &[u8]) -> Self {
        let group = xxh3_128(&key[..address_end(key).unwrap_or(key.len())]);
        let mut name = String::with_capacity(2 * HEX + ENTRY.len());
        push_hex(&mut name, group);
        push_hex(&mut name, xxh3_128(key));
        name.push_str(ENTRY);
        Self { shard: shard_of(group), dir: dir_of(key), name }
    }

    /// The place that belongs to a name in a directory; `None` if the name is foreign.
    pub(super) fn named(dir: &str, name: &str) -> Option<Self> {
        if !is_entry(name) || !is_dir(dir) {
            return None;
        }
        let group = u128::from_str_radix(&name[..HEX], 16).ok()?;
        Some(Self { shard: shard_of(group), dir: dir.to_owned(), name: name.to_owned() })
    }

    pub(super) fn shard_name(&self) -> String {
        shard_name(self.shard)
    }

    /// What the names of the entry and of what stands beside it have in common.
    pub(super) fn key_hash(&self) -> &str {
        &self.name[HEX..2 * HEX]
    }
}

/// Where the keys under a prefix can be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Everywhere,
    /// In a directory; the prefix is the whole first part.
    Directory(String),
    /// In a directory, among others.
    Within(String),
    /// In one shard, under names that begin like this.
    Group {
        dir: String,
        shard: usize,
        stem: String,
    },
}

impl Reach {
    pub(super) fn of(prefix: &[u8]) -> Self {
        if prefix.is_empty() {
            return Self::Everywhere;
        }
        let dir = dir_of(prefix);
        match address_end(prefix) {
            Some(end) => {
                let group = xxh3_128(&prefix[..end]);
                let mut stem = String::with_capacity(HEX);
                push_hex(&mut stem, group);
                Self::Group { dir, shard: shard_of(group), stem }
            }
            None if end_of_parts(prefix, 1) == Some(prefix.len()) => Self::Directory(dir),
            None => Self::Within(dir),
        }
    }

    /// The one directory, if it is one.
    pub(super) fn dir(&self) -> Option<&str> {
        match self {
            Self::Everywhere => None,
            Self::Directory(dir) | Self::Within(dir) | Self::Group { dir, .. } => Some(dir),
        }
    }

    pub(super) fn has_shard(&self, number: usize) -> bool {
        !matches!(self, Self::Group { shard, .. } if *shard != number)
    }

    /// Can an entry of this name be under the prefix?
    pub(super) fn has_name(&self, name: &str) -> bool {
        !matches!(self, Self::Group { stem, .. } if !name.starts_with(&**stem))
    }

    /// Do places alone say that an entry is under the prefix?
    pub(super) fn is_certain(&self) -> bool {
        matches!(self, Self::Everywhere | Self::Directory(_))
    }
}

pub(super) fn shard_name(shard: usize) -> String {
    format!("{shard:02x}")
}

/// The number of a shard; `None` if the name is foreign.
pub(super) fn shard_named(name: &str) -> Option<usize> {
    let shard = (name.len() == 2 && is_hex(name)).then(|| usize::from_str_radix(name, 16).ok())?;
    shard.filter(|shard| *shard < SHARDS)
}

/// The directory of a tag's markers.
pub(super) fn tag_dir(tag: &str) -> String {
    let mut name = String::with_capacity(HEX);
    push_hex(&mut name, xxh3_128(tag.as_bytes()));
    name
}

pub(super) fn is_tag_dir(name: &str) -> bool {
    name.len() == HEX && is_hex(name)
}

pub(super) fn is_dir(name: &str) -> bool {
    name.is_ascii() && name.len() > HEX && name.len() <= READABLE + 1 + HEX && {
        let (readable, hash) = name.split_at(name.len() - HEX);
        readable.ends_with('-') && is_hex(hash)
    }
}

pub(super) fn is_entry(name: &str) -> bool {
    name.strip_suffix(ENTRY).is_some_and(|stem| stem.len() == 2 * HEX && is_hex(stem))
}

/// A name for a file that takes another's place as soon as it is whole.
pub(super) fn temporary(unique: u128) -> String {
    let mut name = String::with_capacity(HEX + TEMPORARY.len());
    push_hex(&mut name, unique);
    name.push_str(TEMPORARY);
    name
}

pub(super) fn is_temporary(name: &str) -> bool {
    name.strip_suffix(TEMPORARY).is_some_and(|stem| stem.len() == HEX && is_hex(stem))
}

/// The name of a bare value: what people recognise, the hash of the key, a number that no other write has.
pub(super) fn data(key: &[u8], place: &Place, unique: u128, extension: &str) -> String {
    // Without the last part, which is a version, but never nothing.
    let mut parts = key.rsplit(|byte| *byte == SEPARATOR).filter(|part| !part.is_empty());
    let last = parts.next().unwrap_or_default();
    let mut name = readable(parts.next().unwrap_or(last), READABLE / 2);
    name.push('-');
    name.push_str(place.key_hash());
    name.push('.');
    name.push_str(&hex(unique)[HEX / 2..]);
    name.push('.');
    name.push_str(extension);
    name
}

/// The hash of the key in the name of a bare value; `None` if the name is foreign.
pub(super) fn data_key(name: &str) -> Option<&str> {
    let mut parts = name.rsplitn(3, '.');
    let (extension, unique, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (readable, hash) = rest.split_at_checked(rest.len().checked_sub(HEX)?)?;
    let is_extension = !extension.is_empty()
        && extension.len() <= 8
        && extension.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_readable = readable.ends_with('-') && readable.len() <= READABLE / 2 + 1 && readable.bytes().all(is_plain);
    let fits = is_extension && is_readable && unique.len() == HEX / 2 && is_hex(unique) && is_hex(hash);
    fits.then_some(hash)
}

fn shard_of(group: u128) -> usize {
    usize::try_from(group % SHARDS as u128).unwrap_or(0)
}

fn dir_of(key: &[u8]) -> String {
    let first = &key[..end_of_parts(key, 1).unwrap_or(0)];
    let mut name = readable(first.strip_suffix(&[SEPARATOR]).unwrap_or(first), READABLE);
    name.push('-');
    push_hex(&mut name, xxh3_128(first));
    name
}

fn readable(text: &[u8], most: usize) -> String {
    let safe = |byte: &u8| if is_plain(byte.to_ascii_lowercase()) { byte.to_ascii_lowercase() } else { b'-' };
    text.iter().take(most).map(safe).map(char::from).collect()
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(hash: u128) -> String {
    let mut text = String::with_capacity(HEX);
    push_hex(&mut text, hash);
    text
}

/// Faster than the formatting of the standard library, which every read would feel.
fn push_hex(text: &mut String, hash: u128) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in hash.to_be_bytes() {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_safe_segment() {
        let long = "x".repeat(5000);
        let keys = ["", "|", "con|nul|aux|1", "../../etc|/etc/passwd|\0|", "ä. |b", &long, "A|1", "a|1", "answer"];
        for key in keys {
            let place = Place::of(key.as_bytes());
            for segment in [&place.dir, &place.name, &data(key.as_bytes(), &place, 7, "json")] {
                assert!(segment.len() <= 100, "{segment}");
                let is_safe = |byte: u8| is_plain(byte) || byte == b'.';
                assert!(segment.bytes().all(is_safe) && !segment.starts_with('.'), "{segment}");
                assert!(!segment.ends_with(['.', ' ']), "{segment}");
            }
            assert_eq!(Place::named(&place.dir, &place.name), Some(place.clone()));
            assert_eq!(data_key(&data(key.as_bytes(), &place, 7, "json")), Some(place.key_hash()));
        }
        assert_ne!(Place::of(b"A|1").dir, Place::of(b"a|1").dir);
    }

    #[test]
    fn foreign_names_are_foreign() {
        let name = Place::of(b"a|b|c|d").name;
        let upper = name.to_uppercase();
        for foreign in ["", "x.memo", "notes.json", "CACHEDIR.TAG", &name[1..], &upper, &format!("{name}~")] {
            assert!(!is_entry(foreign) && !is_temporary(foreign), "{foreign}");
            assert!(data_key(foreign).is_none() && shard_named(foreign).is_none(), "{foreign}");
        }
        assert_eq!((shard_named("3f"), shard_named("40"), shard_named("+1")), (Some(63), None, None));
    }

    #[test]
    fn a_prefix_that_lacks_the_last_part_is_in_one_shard() {
        let Reach::Group { dir, shard, stem } = Reach::of(b"space|inst|id|") else { panic!("not a group") };
        for key in ["space|inst|id|1", "space|inst|id|2", "space|inst|id|2|more"] {
            let place = Place::of(key.as_bytes());
            assert_eq!((&place.dir, place.shard), (&dir, shard), "{key}");
            assert!(place.name.starts_with(&stem), "{key}");
        }
        assert_eq!(Reach::of(b"space|inst|id|2|"), Reach::Group { dir: dir.clone(), shard, stem });
        assert_eq!(Reach::of(b"space|inst|"), Reach::Within(dir.clone()));
        assert_eq!(Reach::of(b"space|"), Reach::Directory(dir));
    }
}
