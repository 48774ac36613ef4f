//! Bytes to fewer bytes and back.

#[cfg(feature = "zlib")]
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

use std::{borrow::Cow, fmt, io};

use super::{codec, number};
use crate::{error::Error, message::Message};

/// A compressor with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compressor {
    kind: Kind,
    level: i32,
    threads: u32,
}

/// Built in or not; a [`Compressor`] is made only of what is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Zlib,
    Zstd,
}

/// All names, and the cargo features that they need: are they on?
const NAMES: &[(&str, (&str, bool))] = &[
    ("zlib", ("zlib", cfg!(feature = "zlib"))),
    ("zstd", ("zstd", cfg!(feature = "zstd"))),
    ("zstandard", ("zstd", cfg!(feature = "zstd"))),
];

/// Is this the name of a compressor, built in or not?
pub(super) const fn is_name(name: &str) -> bool {
    number(NAMES, name).is_some()
}

/// The compressors that are built in.
pub(super) fn names() -> impl Iterator<Item = String> {
    NAMES.iter().filter(|(_, (_, on))| *on).map(|(name, _)| (*name).to_owned())
}

/// What is wrong with a name where a compressor has to stand.
pub(super) const fn fault(name: &str) -> Option<Message> {
    let message = Message::new();
    match number(NAMES, name) {
        Some(number) if NAMES[number].1.1 => None,
        Some(number) => {
            let message = message.text("the compressor ").value(name).text(" needs the cargo feature ");
            Some(message.value(NAMES[number].1.0).text(" of `memo`"))
        }
        None if codec::is_ours(name) => Some(a_codec(name)),
        None => Some(listed(message.text("unknown compressor ").value(name).text(": known are "))),
    }
}

/// A codec stands where a compressor has to.
pub(super) const fn a_codec(name: &str) -> Message {
    Message::new().value(name).text(" is a codec: the codec comes first, compressors follow")
}

/// The compressors that are built in, at the end of a message.
const fn listed(mut message: Message) -> Message {
    let (mut at, mut listed) = (0, 0);
    while at < NAMES.len() {
        if NAMES[at].1.1 {
            message = message.item(listed, NAMES[at].0);
            listed += 1;
        }
        at += 1;
    }
    if listed == 0 { message.text("none, as `memo` is built") } else { message }
}

impl Compressor {
    /// The compressor of a name, at its default level; otherwise what is wrong with the name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        match name {
            "zlib" if cfg!(feature = "zlib") => Ok(Self { kind: Kind::Zlib, level: 6, threads: 0 }),
            "zstd" | "zstandard" if cfg!(feature = "zstd") => Ok(Self { kind: Kind::Zstd, level: 3, threads: 0 }),
            _ => Err(fault(name).unwrap_or(a_codec(name)).to_string()),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self.kind {
            Kind::Zlib => "zlib",
            Kind::Zstd => "zstd",
        }
    }

    /// At another level; otherwise which levels there are.
    pub(super) fn with_level(self, level: i64) -> Result<Self, String> {
        let levels = match self.kind {
            Kind::Zlib => 0..=9,
            Kind::Zstd => -7..=22,
        };
        let taken = i32::try_from(level).ok().filter(|level| levels.contains(level));
        let wrong = || format!("the levels of `{}` are {} to {}", self.name(), levels.start(), levels.end());
        taken.map(|level| Self { level, ..self }).ok_or_else(wrong)
    }

    /// With worker threads; otherwise why not.
    pub(super) fn with_threads(self, threads: i64) -> Result<Self, String> {
        match (self.kind, u32::try_from(threads)) {
            (Kind::Zlib, _) => Err("`zlib` has no worker threads, only `zstd` has".to_owned()),
            (Kind::Zstd, Ok(threads @ 0..=64)) => Ok(Self { threads, ..self }),
            (Kind::Zstd, _) => Err("`zstd` takes 0 to 64 worker threads".to_owned()),
        }
    }

    pub(super) fn compress(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let compressed = match self.kind {
            #[cfg(feature = "zlib")]
            Kind::Zlib => zlib::compress(bytes, self.level.unsigned_abs()),
            #[cfg(feature = "zstd")]
            Kind::Zstd => zstd::compress(bytes, self.level, self.threads),
            #[cfg(not(all(feature = "zlib", feature = "zstd")))]
            _ => not_built_in(bytes),
        };
        compressed.map_err(|error| {
            Error::encoding(format!("`{}` can't compress this value: {error}", self.name())).with_source(error)
        })
    }

    fn decompress(self, bytes: &[u8], limit: usize) -> io::Result<Vec<u8>> {
        match self.kind {
            #[cfg(feature = "zlib")]
            Kind::Zlib => zlib::decompress(bytes, limit),
            #[cfg(feature = "zstd")]
            Kind::Zstd => zstd::decompress(bytes, limit),
            #[cfg(not(all(feature = "zlib", feature = "zstd")))]
            _ => not_built_in((bytes, limit)),
        }
    }
}

#[cfg(not(all(feature = "zlib", feature = "zstd")))]
fn not_built_in<T>(_: T) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The compressors that a frame names, in their order; otherwise what is wrong with one.
pub(super) fn listed_in(names: &str) -> Result<Box<[Compressor]>, String> {
    if names.is_empty() { Ok(Box::default()) } else { names.split('+').map(Compressor::named).collect() }
}

/// Takes back what compressors did, the last one first. No step may give more than `limit` bytes.
pub(super) fn undo<'a>(compressors: &[Compressor], bytes: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>, Error> {
    let mut bytes = Cow::Borrowed(bytes);
    for compressor in compressors.iter().rev() {
        bytes = Cow::Owned(compressor.decompress(&bytes, limit).map_err(|error| {
            let name = compressor.name();
            Error::corrupt(format!("`{name}` can't decompress these bytes: {error}")).with_source(error)
        })?);
    }
    if bytes.len() > limit {
        return Err(Error::corrupt(format!("the value has {} bytes, `max_value` allows {limit}", bytes.len())));
    }
    Ok(bytes)
}

impl fmt::Display for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(any(feature = "zlib", feature = "zstd"))]
fn too_large(limit: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("they give more than the {limit} bytes that `max_value` allows"))
}

#[cfg(any(feature = "zlib", feature = "zstd"))]
fn left_over() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "bytes are left over")
}

/// Reads to the end, if that comes within the limit.
#[cfg(any(feature = "zlib", feature = "zstd"))]
fn read_to_end(reader: &mut impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(one_more).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(too_large(limit)) } else { Ok(bytes) }
}
