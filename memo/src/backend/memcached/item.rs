//! What the items on the server hold. Each begins with two bytes that say whose it is and in which version, its kind, and the
//! moment since when it has been there without a break: nothing that it stands for was removed after that.
//!
//! Whatever is not understood is not there: an item of another program, or of a later version.

use crate::backend::{Moment, UnixMillis, is_under};

const MAGIC: [u8; 2] = [0xa7, 1];
/// Where the moment stands.
const SINCE: std::ops::Range<usize> = 3..11;
/// Nobody has looked at the clock since the item is there.
pub(super) const UNKNOWN: Moment = u64::MAX;

/// What all entries under a prefix, or with a tag, have in common as long as none of them was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) since: Moment,
    /// No other generation has it, nor had.
    pub(super) id: u128,
    /// What was removed of it.
    pub(super) parts: Vec<Part>,
}

/// A part of what has a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Larger than that of all before.
    pub(super) number: u32,
    /// When it was removed.
    pub(super) at: Moment,
    pub(super) prefix: Vec<u8>,
    /// What it had beside the one tag.
    pub(super) tags: Vec<String>,
}

/// What stands at the place of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) since: Moment,
    pub(super) expires: Option<UnixMillis>,
    pub(super) key: &'a [u8],
    /// `None`: it is kept for one that is being computed.
    pub(super) entry: Option<Entry<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// The generations of its prefixes.
    pub(super) stamp: u128,
    pub(super) tags: Vec<Tag<'a>>,
    pub(super) bytes: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    /// Its generations, among all and among what has the first part in common, as the entry found them.
    pub(super) seen: [Seen; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: u128,
    /// The number of the last part that was removed.
    pub(super) number: u32,
}

/// Since when an item has been there.
pub(super) fn since(item: &[u8]) -> Option<Moment> {
    let is_ours = item.starts_with(&MAGIC);
    item.get(SINCE).and_then(|since| since.try_into().ok()).filter(|_| is_ours).map(u64::from_le_bytes)
}

/// The same item, of which is known since when it has been there.
pub(super) fn with_since(mut item: Vec<u8>, since: Moment) -> Vec<u8> {
    if let Some(place) = item.get_mut(SINCE) {
        place.copy_from_slice(&since.to_le_bytes());
    }
    item
}

impl Generation {
    /// A new one.
    pub(super) fn new() -> Self {
        Self { since: UNKNOWN, id: crate::owner_only::unique(), parts: Vec::new() }
    }

    pub(super) fn read(item: &[u8]) -> Option<Self> {
        let mut reader = Reader::of(item, b'g')?;
        let (since, id) = (reader.u64()?, reader.u128()?);
        let parts = (0..reader.u32()?).map(|_| {
            let (number, at, prefix) = (reader.u32()?, reader.u64()?, reader.bytes()?.to_vec());
            let tags = (0..reader.u32()?).map(|_| reader.text().map(str::to_owned)).collect::<Option<_>>()?;
            Some(Part { number, at, prefix, tags })
        });
        Some(Self { since, id, parts: parts.collect::<Option<_>>()? })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut writer = Writer::new(b'g', self.since);
        writer.u128(self.id).length(self.parts.len());
        for Part { number, at, prefix, tags } in &self.parts {
            writer.u32(*number).u64(*at).bytes(prefix).length(tags.len());
            for tag in tags {
                writer.bytes(tag.as_bytes());
            }
        }
        writer.0
    }

    pub(super) fn seen(&self) -> Seen {
        Seen { id: self.id, number: self.parts.iter().map(|part| part.number).max().unwrap_or(0) }
    }
}

impl Part {
    /// Does it have an entry of this key and these tags?
    pub(super) fn has(&self, key: &[u8], tags: &[&str]) -> bool {
        is_under(key, &self.prefix) && self.tags.iter().all(|tag| tags.contains(&tag.as_str()))
    }
}

impl<'a> Place<'a> {
    pub(super) fn read(item: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::of(item, b'e')?;
        let (since, expires, key) = (reader.u64()?, reader.u64()?, reader.bytes()?);
        let entry = match reader.byte()? {
            0 => None,
            _ => Some(reader.entry()?),
        };
        Some(Self { since, expires: Some(expires).filter(|expires| *expires != u64::MAX), key, entry })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut writer = Writer::new(b'e', self.since);
        writer.u64(self.expires.unwrap_or(u64::MAX)).bytes(self.key).byte(self.entry.is_some().into());
        let Some(entry) = &self.entry else { return writer.0 };
        writer.u128(entry.stamp).length(entry.tags.len());
        for Tag { name, seen } in &entry.tags {
            writer.bytes(name.as_bytes());
            for Seen { id, number } in seen {
                writer.u128(*id).u32(*number);
            }
        }
        writer.0.extend_from_slice(entry.bytes);
        writer.0
    }
}

struct Reader<'a>(&'a [u8]);

macro_rules! numbers {
    ($($type:ident)*) => {
        impl Reader<'_> {$(
            fn $type(&mut self) -> Option<$type> {
                let (number, rest) = self.0.split_first_chunk()?;
                self.0 = rest;
                Some($type::from_le_bytes(*number))
            }
        )*}
        impl Writer {$(
            fn $type(&mut self, number: $type) -> &mut Self {
                self.0.extend_from_slice(&number.to_le_bytes());
                self
            }
        )*}
    };
}

numbers! { u32 u64 u128 }

impl<'a> Reader<'a> {
    /// Behind the kind, if the item is one of ours and of this kind.
    fn of(item: &'a [u8], kind: u8) -> Option<Self> {
        item.strip_prefix(&MAGIC)?.strip_prefix(&[kind]).map(Self)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    fn entry(&mut self) -> Option<Entry<'a>> {
        let stamp = self.u128()?;
        let tags = (0..self.u32()?).map(|_| Some(Tag { name: self.text()?, seen: [self.seen()?, self.seen()?] }));
        let tags = tags.collect::<Option<_>>()?;
        Some(Entry { stamp, tags, bytes: self.0 })
    }

    fn seen(&mut self) -> Option<Seen> {
        Some(Seen { id: self.u128()?, number: self.u32()? })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(kind: u8, since: Moment) -> Self {
        let mut writer = Self([&MAGIC[..], &[kind]].concat());
        writer.u64(since);
        writer
    }

    fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
        self
    }

    /// What is so long that this can't say it, no server takes either.
    fn length(&mut self, length: usize) -> &mut Self {
        self.u32(u32::try_from(length).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_as_they_were_written_and_not_in_part() {
        let parts = vec![Part { number: 7, at: 9, prefix: b"f|i|".to_vec(), tags: vec!["eu".to_owned()] }];
        let generation = Generation { since: 3, id: 1 << 100, parts };
        let seen = [generation.seen(), Seen { id: 2, number: 0 }];
        let entry = Entry { stamp: 5, tags: vec![Tag { name: "users", seen }], bytes: b"" };
        let place = Place { since: UNKNOWN, expires: Some(4), key: b"f|i|1|v", entry: Some(entry) };
        let kept = Place { entry: None, expires: None, ..place.clone() };
        let items = [generation.write(), place.write(), kept.write()];
        assert_eq!(Generation::read(&items[0]), Some(generation));
        assert_eq!((Place::read(&items[1]), Place::read(&items[2])), (Some(place), Some(kept)));
        for item in items {
            for length in 0..item.len() {
                assert_eq!((Generation::read(&item[..length]), Place::read(&item[..length])), (None, None));
            }
            assert!(since(&with_since(item, 12)) == Some(12));
        }
    }

    #[test]
    fn the_format_is_that_of_the_first_version() {
        let entry = Entry { stamp: 2, tags: Vec::new(), bytes: b"x" };
        let place = Place { since: 1, expires: None, key: b"k", entry: Some(entry) };
        let hex = place.write().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let (head, key) = ("a701650100000000000000ffffffffffffffff", "010000006b");
        assert_eq!(hex, format!("{head}{key}010200000000000000000000000000000000{}78", "0".repeat(6)));
    }

    #[test]
    fn items_of_others_are_not_there() {
        for item in [&b""[..], b"x", b"\xa7\x02g", b"12345678901234567890123456789"] {
            assert_eq!((Generation::read(item), Place::read(item), since(item)), (None, None, None));
        }
    }
}
