//! One entry as bytes.
//!
//! All numbers are little-endian; times are Unix milliseconds.
//!
//! | offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 4 | `memo` |
//! | 4 | 1 | version of the format: 1, 2 with a window, or 3 with a window, when it becomes stale and a dependency |
//! | 5 | 1 | length of the codec's name |
//! | 6 | 1 | length of the compressors' names |
//! | 7 | 1 | 0 |
//! | 8 | 8 | created |
//! | 16 | 8 | expires, 2⁶⁴ - 1: never |
//! | 24 | 8 | cost in ns, 0: unknown |
//! | 32 | 4 | length of the key |
//! | 36 | 4 | length of the key data, 2³² - 1: none |
//! | 40 | 4 | number of tags |
//! | 44 | 8 | window in ms, 0: none; from version 2 on |
//! | 52 | 8 | when it becomes stale, 2⁶⁴ - 1: never; from version 3 on |
//! | 60 | 8 | length of what the dependency looked like, 0: there is none; from version 3 on |
//! | | 4 each | lengths of the tags |
//! | | | codec, compressors, key, tags: UTF-8 |
//! | | | key data, what the dependency looked like, value |
//! | | 8 | `XXH3_64bits` of all before |
//!
//! Magic, version and checksum keep their places in all versions to come, so a reader tells a newer format from a damaged frame.
//! A frame is written in the lowest version that can say it, so that older programs over the same store go on reading it.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    backend::UnixMillis,
    error::{Error, Kind},
};

const MAGIC: &[u8; 4] = b"memo";
/// The first version, without a window.
const PLAIN: u8 = 1;
/// With a window.
const SLIDING: u8 = 2;
/// With a window, when it becomes stale and a dependency, or not with all of them.
const NEWEST: u8 = 3;
const HEAD: usize = 44;
const CHECKSUM: usize = 8;
const EXPIRES: usize = 16;
const FRESH_UNTIL: usize = 52;
const NEVER: UnixMillis = UnixMillis::MAX;
const NO_DATA: u32 = u32::MAX;

/// One entry of a store of bytes: a value with all that is known about it.
///
/// ```
/// use memo::wire::Frame;
///
/// let frame = Frame { key: "users::find(7)", tags: (&["users", "eu"]).into(), value: b"Ada", ..Frame::default() };
/// let mut bytes = Vec::new();
/// frame.write(&mut bytes)?;
///
/// let read = Frame::read(&bytes)?;
/// assert_eq!((read.key, read.value), ("users::find(7)", &b"Ada"[..]));
/// assert!(read.tags.iter().eq(["users", "eu"]));
/// assert!(Frame::read(&bytes[1..]).is_err_and(|error| error.is_corrupt()));
/// # Ok::<(), memo::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The name of the codec that wrote the value.
    pub codec: &'a str,
    /// The names of the compressors that it went through, in their order, joined by `+`; empty if none.
    pub compressors: &'a str,
    /// When the value was computed.
    pub created: UnixMillis,
    /// From when on it does not count any more. `None`: never.
    pub expires: Option<UnixMillis>,
    /// From when on it is stale. `None`: it is fresh until it expires.
    pub fresh_until: Option<UnixMillis>,
    /// The time to live that a hit begins anew, in milliseconds. `None`, or 0: a hit changes nothing.
    pub window: Option<u64>,
    /// What the dependency looked like before it was computed. `None`, or empty: it has none.
    pub dependency: Option<&'a [u8]>,
    /// How long it took to compute, in nanoseconds; 0 if that is not known.
    pub cost: u64,
    /// The groups that it is cleared by.
    pub tags: Tags<'a>,
    /// The whole key, as people read it and as it is compared.
    pub key: &'a str,
    /// The key as bytes, where it is to be decoded again.
    pub key_data: Option<&'a [u8]>,
    /// The value: encoded, then compressed.
    pub value: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame and verifies it. Borrows everything, allocates nothing.
    ///
    /// # Errors
    ///
    /// [`Error::is_newer`] if the frame is whole, but in a format that this version does not know; otherwise
    /// [`Error::is_corrupt`]. To a cache both are misses.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let parts = Parts::read(bytes)?;
        parts.frame().map_err(Fault::into_error)
    }

    /// Appends the frame to `out`.
    ///
    /// # Errors
    ///
    /// [`Error::is_encoding`] if a name is longer than 255 bytes, or the key, its data or a tag than 4 GiB.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let codec = length::<u8>("codec's name", self.codec.len())?;
        let compressors = length::<u8>("compressors' names", self.compressors.len())?;
        let key = length::<u32>("key", self.key.len())?;
        let key_data = match self.key_data {
            Some(data) => length::<u32>("key data", data.len())?,
            None => NO_DATA,
        };
        let (mut count, mut texts) = (0, 0);
        for tag in self.tags.iter() {
            length::<u32>("tag", tag.len())?;
            count += 1;
            texts += tag.len();
        }
        let start = out.len();
        let texts = self.codec.len() + self.compressors.len() + self.key.len() + texts;
        let dependency = self.dependency.unwrap_or_default();
        let data = self.key_data.map_or(0, <[u8]>::len) + dependency.len() + self.value.len();
        let version = match (self.window, self.fresh_until) {
            (_, Some(_)) => NEWEST,
            _ if !dependency.is_empty() => NEWEST,
            (Some(_), None) => SLIDING,
            (None, None) => PLAIN,
        };
        let later = [self.window.unwrap_or(0), self.fresh_until.unwrap_or(NEVER), dependency.len() as u64];
        let later = &later[..later_numbers(version)];
        out.reserve_exact(HEAD + 8 * later.len() + 4 * count + texts + data + CHECKSUM);

        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[version, codec, compressors, 0]);
        out.extend_from_slice(&self.created.to_le_bytes());
        out.extend_from_slice(&self.expires.unwrap_or(NEVER).to_le_bytes());
        out.extend_from_slice(&self.cost.to_le_bytes());
        out.extend_from_slice(&key.to_le_bytes());
        out.extend_from_slice(&key_data.to_le_bytes());
        out.extend_from_slice(&length::<u32>("list of tags", count)?.to_le_bytes());
        for time in later {
            out.extend_from_slice(&time.to_le_bytes());
        }
        for tag in self.tags.iter() {
            out.extend_from_slice(&length::<u32>("tag", tag.len())?.to_le_bytes());
        }
        for text in [self.codec, self.compressors, self.key].into_iter().chain(self.tags.iter()) {
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(self.key_data.unwrap_or_default());
        out.extend_from_slice(dependency);
        out.extend_from_slice(self.value);
        let checksum = xxh3_64(&out[start..]);
        out.extend_from_slice(&checksum.to_le_bytes());
        Ok(())
    }

    /// Has it expired by then?
    pub fn is_over(&self, now: UnixMillis) -> bool {
        is_over(self.expires, now)
    }
}

/// How many numbers of eight bytes a version has behind those of the first.
fn later_numbers(version: u8) -> usize {
    match version {
        PLAIN => 0,
        SLIDING => 1,
        _ => 3,
    }
}

fn is_over(expires: Option<UnixMillis>, now: UnixMillis) -> bool {
    expires.is_some_and(|expires| expires <= now)
}

/// The same frame with another end; what its window is stays, and so does how long it is stale at its end. The value is not decoded.
///
/// # Errors
///
/// As [`Frame::read`].
pub fn with_expiry(bytes: &[u8], expires: Option<UnixMillis>) -> Result<Vec<u8>, Error> {
    let frame = Frame::read(bytes)?;
    let mut changed = bytes.to_vec();
    let end = changed.len() - CHECKSUM;
    changed[EXPIRES..EXPIRES + 8].copy_from_slice(&expires.unwrap_or(NEVER).to_le_bytes());
    if let Some((fresh_until, before)) = frame.fresh_until.zip(frame.expires) {
        let fresh_until = expires.map_or(NEVER, |end| end.saturating_sub(before.saturating_sub(fresh_until)));
        changed[FRESH_UNTIL..FRESH_UNTIL + 8].copy_from_slice(&fresh_until.to_le_bytes());
    }
    let checksum = xxh3_64(&changed[..end]);
    changed[end..].copy_from_slice(&checksum.to_le_bytes());
    Ok(changed)
}

/// The tags of a frame: those that it was made with, or those that stand in its bytes.
#[derive(Clone, Copy)]
pub struct Tags<'a>(List<'a>);

#[derive(Clone, Copy)]
enum List<'a> {
    Given(&'a [&'a str]),
    /// Lengths of four bytes each, and the texts that they divide; both are verified.
    Read(&'a [u8], &'a str),
}

impl<'a> Tags<'a> {
    /// The tags in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (given, read): (&[&str], _) = match self.0 {
            List::Given(tags) => (tags, None),
            List::Read(lengths, texts) => (&[], Some(divided(lengths, texts))),
        };
        given.iter().copied().chain(read.into_iter().flatten().map_while(|tag| tag))
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        match self.0 {
            List::Given(tags) => tags.is_empty(),
            List::Read(lengths, _) => lengths.is_empty(),
        }
    }
}

/// The parts of `texts` that have these lengths; `None` once a length goes beyond the end or cuts a character.
fn divided<'a>(lengths: &'a [u8], texts: &'a str) -> impl Iterator<Item = Option<&'a str>> + use<'a> {
    let mut rest = Some(texts);
    lengths.chunks_exact(4).map(move |length| {
        let length = u32::from_le_bytes(length.try_into().ok()?);
        let (tag, after) = rest?.split_at_checked(usize::try_from(length).ok()?)?;
        rest = Some(after);
        Some(tag)
    })
}

impl Default for Tags<'_> {
    fn default() -> Self {
        Self(List::Given(&[]))
    }
}

impl<'a> From<&'a [&'a str]> for Tags<'a> {
    fn from(tags: &'a [&'a str]) -> Self {
        Self(List::Given(tags))
    }
}

impl<'a, const N: usize> From<&'a [&'a str; N]> for Tags<'a> {
    fn from(tags: &'a [&'a str; N]) -> Self {
        Self(List::Given(tags))
    }
}

impl fmt::Debug for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Tags<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Tags<'_> {}

/// What is wrong with a frame. Small, because it goes through the reading of every frame.
#[derive(Clone, Copy)]
enum Fault {
    NoFrame,
    Checksum,
    Newer(u8),
    Version(u8),
    Lengths,
    Text,
}

impl Fault {
    #[cold]
    fn into_error(self) -> Error {
        match self {
            Self::NoFrame => Error::corrupt("these bytes are no frame"),
            Self::Checksum => Error::corrupt("the checksum of a frame does not fit its bytes"),
            Self::Newer(version) => {
                Error::new(Kind::Newer, format!("a frame has the format {version}; this version knows {NEWEST}"))
            }
            Self::Version(version) => Error::corrupt(format!("a frame has the format {version}, which never was")),
            Self::Lengths => Error::corrupt("the lengths in a frame do not fit its bytes"),
            Self::Text => Error::corrupt("a text in a frame is not UTF-8"),
        }
    }
}

/// The version of a frame, and all of it that the checksum is about.
fn verified(bytes: &[u8]) -> Result<(u8, &[u8]), Fault> {
    if !bytes.starts_with(MAGIC) {
        return Err(Fault::NoFrame);
    }
    // The least that a frame of any version is: magic, version, checksum.
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(Fault::NoFrame)?;
    let version = *body.get(MAGIC.len()).ok_or(Fault::NoFrame)?;
    if xxh3_64(body) != u64::from_le_bytes(*checksum) {
        return Err(Fault::Checksum);
    }
    Ok((version, body))
}

/// A frame whose lengths and checksum are verified, and whose texts nobody has looked at.
pub(crate) struct Parts<'a> {
    pub(crate) codec: &'a [u8],
    pub(crate) compressors: &'a [u8],
    pub(crate) created: UnixMillis,
    pub(crate) expires: Option<UnixMillis>,
    pub(crate) fresh_until: Option<UnixMillis>,
    pub(crate) window: Option<u64>,
    pub(crate) dependency: Option<&'a [u8]>,
    pub(crate) cost: u64,
    pub(crate) key: &'a [u8],
    /// The lengths of the tags, and their texts.
    tags: (&'a [u8], &'a [u8]),
    /// All texts together, in their order.
    texts: &'a [u8],
    key_data: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
}

impl<'a> Parts<'a> {
    /// As [`Frame::read`].
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse(bytes).map_err(Fault::into_error)
    }

    fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let (version, body) = verified(bytes)?;
        let later = match version {
            0 => return Err(Fault::Version(version)),
            PLAIN..=NEWEST => later_numbers(version),
            _ => return Err(Fault::Newer(version)),
        };
        let (head, rest) = body.split_first_chunk::<HEAD>().ok_or(Fault::Lengths)?;
        if head[7] != 0 {
            return Err(Fault::Lengths);
        }
        let (later, rest) = rest.split_at_checked(8 * later).ok_or(Fault::Lengths)?;
        let mut later = later.chunks_exact(8).map(|time| u64::from_le_bytes(std::array::from_fn(|at| time[at])));
        let tags = usize::try_from(u32_at(head, 40)).ok().and_then(|tags| tags.checked_mul(4)).ok_or(Fault::Lengths)?;
        let (lengths, rest) = rest.split_at_checked(tags).ok_or(Fault::Lengths)?;
        let texts = texts(head, lengths).ok_or(Fault::Lengths)?;
        let (texts, rest) = rest.split_at_checked(texts).ok_or(Fault::Lengths)?;
        let (key_data, value) = match u32_at(head, 36) {
            NO_DATA => (None, rest),
            length => {
                let length = usize::try_from(length).map_err(|_| Fault::Lengths)?;
                let (data, value) = rest.split_at_checked(length).ok_or(Fault::Lengths)?;
                (Some(data), value)
            }
        };
        let window = later.next().filter(|window| version == SLIDING || *window != 0);
        let fresh_until = later.next().filter(|fresh_until| *fresh_until != NEVER);
        let (dependency, value) = match later.next() {
            None | Some(0) => (None, value),
            Some(length) => {
                let length = usize::try_from(length).map_err(|_| Fault::Lengths)?;
                let (dependency, value) = value.split_at_checked(length).ok_or(Fault::Lengths)?;
                (Some(dependency), value)
            }
        };
        // They are not longer than all texts together.
        let (codec, others) = texts.split_at(head[5].into());
        let (compressors, others) = others.split_at(head[6].into());
        let (key, tags) = others.split_at(u32_at(head, 32) as usize);
        let expires = u64_at(head, EXPIRES);
        Ok(Self {
            codec,
            compressors,
            created: u64_at(head, 8),
            expires: (expires != NEVER).then_some(expires),
            window,
            fresh_until,
            dependency,
            cost: u64_at(head, 24),
            key,
            tags: (lengths, tags),
            texts,
            key_data,
            value,
        })
    }

    pub(crate) fn has_tags(&self) -> bool {
        !self.tags.0.is_empty()
    }

    /// The tags, which are looked at here.
    pub(crate) fn tags(&self) -> Result<Tags<'a>, Error> {
        let texts = str::from_utf8(self.tags.1).map_err(|_| Fault::Text);
        texts.and_then(|texts| self.tags_in(texts)).map_err(Fault::into_error)
    }

    fn tags_in(&self, texts: &'a str) -> Result<Tags<'a>, Fault> {
        let lengths = self.tags.0;
        if divided(lengths, texts).any(|tag| tag.is_none()) {
            return Err(Fault::Text);
        }
        Ok(Tags(List::Read(lengths, texts)))
    }

    fn frame(&self) -> Result<Frame<'a>, Fault> {
        // One look at all texts together; then each must end between characters.
        let texts = str::from_utf8(self.texts).map_err(|_| Fault::Text)?;
        let (codec, texts) = texts.split_at_checked(self.codec.len()).ok_or(Fault::Text)?;
        let (compressors, texts) = texts.split_at_checked(self.compressors.len()).ok_or(Fault::Text)?;
        let (key, tags) = texts.split_at_checked(self.key.len()).ok_or(Fault::Text)?;
        let Self { created, expires, fresh_until, window, dependency, cost, key_data, value, .. } = *self;
        let tags = self.tags_in(tags)?;
        Ok(Frame {
            codec,
            compressors,
            created,
            expires,
            fresh_until,
            window,
            dependency,
            cost,
            tags,
            key,
            key_data,
            value,
        })
    }

    /// As [`Frame::is_over`].
    pub(crate) fn is_over(&self, now: UnixMillis) -> bool {
        is_over(self.expires, now)
    }

    /// Where the value begins, in the bytes of the frame.
    pub(crate) fn value_at(&self, bytes: &[u8]) -> usize {
        bytes.len() - CHECKSUM - self.value.len()
    }
}

/// The value in the bytes of a frame that was verified, which begins there.
pub(crate) fn value_from(bytes: &[u8], start: usize) -> &[u8] {
    &bytes[start..bytes.len() - CHECKSUM]
}

/// The length of all texts together.
fn texts(head: &[u8; HEAD], lengths: &[u8]) -> Option<usize> {
    let names = usize::from(head[5]) + usize::from(head[6]);
    let mut all = names.checked_add(usize::try_from(u32_at(head, 32)).ok()?)?;
    for length in lengths.chunks_exact(4) {
        let length = u32::from_le_bytes(length.try_into().ok()?);
        all = all.checked_add(usize::try_from(length).ok()?)?;
    }
    Some(all)
}

fn u32_at(head: &[u8; HEAD], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|byte| head[at + byte]))
}

fn u64_at(head: &[u8; HEAD], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|byte| head[at + byte]))
}

/// A length as it stands in a frame. The greatest number is kept free for other meanings.
fn length<L: TryFrom<usize> + Into<u64> + Copy>(what: &str, length: usize) -> Result<L, Error> {
    let most = (1 << (8 * size_of::<L>())) - 1_u64;
    let fits = L::try_from(length).ok().filter(|&length| size_of::<L>() == 1 || length.into() < most);
    fits.ok_or_else(|| {
        Error::encoding(format!("the {what} of an entry is {length} bytes long: more than a frame holds"))
    })
}
