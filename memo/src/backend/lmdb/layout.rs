//! How entries lie in the tree.
//!
//! There is one tree, so that a lookup is one descent. The first byte of its keys says what stands there:
//!
//! | key in the tree | value |
//! | --- | --- |
//! | `e` place | an entry: expiry, tags, the whole key if the place does not tell it, bytes |
//! | `m` name | of the store itself: the version of this layout |
//! | `t` hash of a tag, place | nothing: an entry that has the tag |
//! | `x` expiry, place | nothing: an entry that expires then |
//!
//! A place is a key, or, as keys of LMDB end at 511 bytes, the first [`CUT`] bytes of a longer one and a hash of the whole.
//! So keys with a common prefix stand together, whatever their length. Hashes only lead to entries: the entry says what its
//! key and its tags are.

use std::{io::Write, ops::Deref};

use xxhash_rust::xxh3::xxh3_128;

use crate::{
    backend::{Item, UnixMillis},
    error::Error,
};

/// The version of all this.
pub(super) const VERSION: u32 = 1;
/// Where it stands.
pub(super) const VERSION_KEY: &[u8] = b"mlayout";
/// Where the last cleaning of a full store is noted.
pub(super) const CLEANED_KEY: &[u8] = b"mcleaned";

/// What begins the keys of entries, and of the index of expiries.
pub(super) const ENTRY: u8 = b'e';
pub(super) const EXPIRY: u8 = b'x';
const TAG: u8 = b't';

/// Longer keys are cut here.
pub(super) const CUT: usize = MOST - 1 - HASH - HASH;
const HASH: usize = 16;
/// The length of the longest keys that LMDB takes.
const MOST: usize = 511;

/// Most keys of the tree that are looked up are no longer.
pub(super) const SHORT: usize = 128;

/// A key in the tree.
pub(super) struct TreeKey {
    bytes: [u8; MOST],
    len: usize,
}

impl PartialEq for TreeKey {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Deref for TreeKey {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl TreeKey {
    /// Where the entry of a key stands.
    #[inline]
    pub(super) fn entry(key: &[u8]) -> Self {
        if key.len() <= CUT {
            return Self::of(&[&[ENTRY], key]);
        }
        Self::of(&[&[ENTRY], &key[..CUT], &xxh3_128(key).to_be_bytes()])
    }

    /// The same of a key that is short enough for this room, which costs a lookup less than that of all keys.
    #[inline]
    pub(super) fn entry_in<'r>(room: &'r mut [u8; SHORT], key: &[u8]) -> Option<&'r [u8]> {
        let at = room.get_mut(..=key.len())?;
        at[0] = ENTRY;
        at[1..].copy_from_slice(key);
        Some(at)
    }

    /// Where an entry stands in the index of a tag.
    pub(super) fn tag(tag: &[u8], place: &[u8]) -> Self {
        Self::of(&[&[TAG], &xxh3_128(tag).to_be_bytes(), place])
    }

    /// Where an entry stands in the index of expiries.
    pub(super) fn expiry(at: UnixMillis, place: &[u8]) -> Self {
        Self::of(&[&[EXPIRY], &at.to_be_bytes(), place])
    }

    /// What the tree's keys of all entries under a prefix begin with; others may, too, if the prefix is long.
    pub(super) fn entries_under(prefix: &[u8]) -> Self {
        Self::of(&[&[ENTRY], cut(prefix)])
    }

    /// The same within the index of a tag.
    pub(super) fn tagged_under(tag: &[u8], prefix: &[u8]) -> Self {
        Self::tag(tag, cut(prefix))
    }

    #[inline]
    fn of(parts: &[&[u8]]) -> Self {
        let mut key = Self { bytes: [0; MOST], len: 0 };
        for part in parts {
            key.bytes[key.len..key.len + part.len()].copy_from_slice(part);
            key.len += part.len();
        }
        key
    }
}

fn cut(prefix: &[u8]) -> &[u8] {
    &prefix[..prefix.len().min(CUT)]
}

/// The place in a tree's key of an entry.
pub(super) fn place(tree_key: &[u8]) -> &[u8] {
    tree_key.get(1..).unwrap_or_default()
}

/// The tree's key of the entry that an index leads to: behind its first byte and `skip` more, there is the place.
pub(super) fn entry_at(index_key: &[u8], index: Index) -> Vec<u8> {
    let skip = match index {
        Index::Tag => 1 + HASH,
        Index::Expiry => 1 + size_of::<UnixMillis>(),
    };
    let place = index_key.get(skip..).unwrap_or_default();
    [&[ENTRY], place].concat()
}

#[derive(Clone, Copy)]
pub(super) enum Index {
    Tag,
    Expiry,
}

/// The value of an entry, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// [`NEVER`] if it has no end.
    expires: UnixMillis,
    /// Of each tag the length and the text.
    tags: &'a [u8],
    /// Empty where the place tells it.
    whole_key: &'a [u8],
    pub(super) bytes: &'a [u8],
}

const NEVER: UnixMillis = UnixMillis::MAX;
/// Expiry, length of the tags, length of the whole key; little-endian.
const HEAD: usize = 8 + 4 + 4;

impl<'a> Entry<'a> {
    #[inline]
    pub(super) fn parse(value: &'a [u8]) -> Result<Self, Error> {
        Self::taken_apart(value).ok_or_else(|| Error::corrupt("an entry in the store is not in its form"))
    }

    #[inline]
    fn taken_apart(value: &'a [u8]) -> Option<Self> {
        let (expires, rest) = value.split_first_chunk()?;
        let (tags_len, rest) = rest.split_first_chunk()?;
        let (key_len, rest) = rest.split_first_chunk()?;
        let (tags, rest) = rest.split_at_checked(u32::from_le_bytes(*tags_len) as usize)?;
        let (whole_key, bytes) = rest.split_at_checked(u32::from_le_bytes(*key_len) as usize)?;
        Some(Self { expires: u64::from_le_bytes(*expires), tags, whole_key, bytes })
    }

    /// Is it the entry of this key, and not of one that only has the same place?
    #[inline]
    pub(super) fn is_of(&self, key: &[u8]) -> bool {
        key.len() <= CUT || self.whole_key == key
    }

    /// The key of the entry that stands at this place.
    pub(super) fn key(&self, place: &'a [u8]) -> &'a [u8] {
        if place.len() > CUT { self.whole_key } else { place }
    }

    pub(super) fn expires(&self) -> Option<UnixMillis> {
        (self.expires != NEVER).then_some(self.expires)
    }

    /// Its tags.
    pub(super) fn tags(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.tags;
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first_chunk()?;
            let (tag, behind) = behind.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            rest = behind;
            Some(tag)
        })
    }
}

/// The value of an entry, to be written.
pub(super) struct Record<'a> {
    item: Item<'a>,
    whole_key: &'a [u8],
    tags_len: u32,
    key_len: u32,
    /// Of the value.
    pub(super) len: usize,
}

impl<'a> Record<'a> {
    pub(super) fn new(key: &'a [u8], item: Item<'a>) -> Result<Self, Error> {
        let whole_key = if key.len() > CUT { key } else { &[] };
        let tags_len = item.tags.iter().map(|tag| size_of::<u32>() + tag.len()).sum::<usize>();
        let len = HEAD + tags_len + whole_key.len() + item.bytes.len();
        // LMDB has 32 bits for the length of a value; so all lengths in it fit, too.
        if u32::try_from(len).is_err() {
            return Err(Error::encoding(format!("an entry of {len} bytes: at most 4 GiB fit into one")));
        }
        let short = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Ok(Self { item, whole_key, tags_len: short(tags_len), key_len: short(whole_key.len()), len })
    }

    pub(super) fn expires(&self) -> Option<UnixMillis> {
        self.item.expires.filter(|at| *at != NEVER)
    }

    pub(super) fn write_to(&self, value: &mut impl Write) -> std::io::Result<()> {
        value.write_all(&self.item.expires.unwrap_or(NEVER).to_le_bytes())?;
        value.write_all(&self.tags_len.to_le_bytes())?;
        value.write_all(&self.key_len.to_le_bytes())?;
        for tag in self.item.tags {
            value.write_all(&u32::try_from(tag.len()).unwrap_or(u32::MAX).to_le_bytes())?;
            value.write_all(tag.as_bytes())?;
        }
        value.write_all(self.whole_key)?;
        value.write_all(self.item.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(key: &[u8], item: Item<'_>) -> Vec<u8> {
        let (record, mut value) = (Record::new(key, item).expect("small"), Vec::new());
        record.write_to(&mut value).expect("fits");
        assert_eq!(value.len(), record.len);
        value
    }

    #[test]
    fn entries_come_back_as_they_were_written() {
        let long = vec![b'k'; 2000];
        for key in [&b""[..], b"a|b", &long] {
            let item = Item::new(b"bytes").expires(7).tags(&["a", "", "ä|"]);
            let value = value(key, item);
            let entry = Entry::parse(&value).expect("in its form");
            assert!(entry.is_of(key));
            assert_eq!(entry.key(place(&TreeKey::entry(key))), key);
            assert_eq!((entry.bytes, entry.expires()), (item.bytes, item.expires));
            assert!(entry.tags().eq(item.tags.iter().map(|tag| tag.as_bytes())));
        }
    }

    #[test]
    fn every_cut_value_is_an_error_or_only_shorter() {
        let value = value(&[b'k'; 600], Item::new(b"0123456789").tags(&["tag"]));
        for len in 0..value.len() {
            if let Ok(entry) = Entry::parse(&value[..len]) {
                assert!(len >= value.len() - 10, "only bytes may be missing");
                entry.tags().count();
            }
        }
    }

    #[test]
    fn places_differ_where_keys_do() {
        let key = |len: usize| vec![b'k'; len];
        assert_eq!(TreeKey::entry(&key(CUT)).len(), 1 + CUT);
        assert_eq!(TreeKey::entry(&key(CUT + 1)).len(), 1 + CUT + HASH);
        // A key that looks like the place of a longer one is itself cut.
        let longer = TreeKey::entry(&key(CUT + 1));
        let alike = place(&longer);
        assert_ne!(*TreeKey::entry(alike), *longer);
        let most = TreeKey::tag(b"tag", alike);
        assert_eq!(most.len(), MOST);
    }

    /// Stores on disks lie like this: whatever changes here is another version.
    #[test]
    fn version_1() {
        assert_eq!(VERSION, 1);
        let item = Item::new(b"bytes").expires(0x0102).tags(&["a", "bc"]);
        let head = [2, 1, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0];
        let tags = *b"\x01\0\0\0a\x02\0\0\0bc";
        assert_eq!(value(b"k", item), [&head[..], &tags, b"bytes"].concat());
        assert_eq!(*TreeKey::entry(b"a|b"), *b"ea|b");
        assert_eq!(*TreeKey::expiry(0x0102, b"a|b"), *b"x\0\0\0\0\0\0\x01\x02a|b");
        let hash = |text: &[u8]| xxh3_128(text).to_be_bytes();
        assert_eq!(hash(b"users")[..4], [72, 134, 15, 152]);
        assert_eq!(*TreeKey::tag(b"users", b"a|b"), *[b"t", &hash(b"users")[..], b"a|b"].concat());
        let long = vec![b'k'; 479];
        assert_eq!(*TreeKey::entry(&long), *[b"e", &long[..478], &hash(&long)].concat());
        assert_eq!(
            value(&long, Item::new(b""))[..16],
            [255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 223, 1, 0, 0]
        );
    }

    #[test]
    fn expiries_sort_by_time() {
        let at = |time| TreeKey::expiry(time, b"k").to_vec();
        assert!(at(1) < at(256) && at(256) < at(u64::MAX));
    }
}
