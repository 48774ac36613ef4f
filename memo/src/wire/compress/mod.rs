//! Bytes to fewer bytes and back.

#[cfg(feature = "zlib")]
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

use std::{borrow::Cow, fmt, io};

use crate::error::Error;

/// A compressor with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compressor {
    #[cfg(feature = "zlib")]
    Zlib { level: u32 },
    #[cfg(feature = "zstd")]
    Zstd { level: i32, threads: u32 },
}

/// All names, and the cargo features that they need.
const NAMES: &[(&str, &str)] = &[("zlib", "zlib"), ("zstd", "zstd"), ("zstandard", "zstd")];

/// Is this the name of a compressor, built in or not?
pub(super) fn is_name(name: &str) -> bool {
    NAMES.iter().any(|(known, _)| *known == name)
}

/// The compressors that are built in.
pub(super) fn names() -> impl Iterator<Item = String> {
    NAMES.iter().map(|(name, _)| (*name).to_owned()).filter(|name| Compressor::named(name).is_ok())
}

impl Compressor {
    /// The compressor of a name, at its default level; otherwise what is wrong with the name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        match name {
            #[cfg(feature = "zlib")]
            "zlib" => Ok(Self::Zlib { level: 6 }),
            #[cfg(feature = "zstd")]
            "zstd" | "zstandard" => Ok(Self::Zstd { level: 3, threads: 0 }),
            _ => Err(unknown(name)),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "zlib")]
            Self::Zlib { .. } => "zlib",
            #[cfg(feature = "zstd")]
            Self::Zstd { .. } => "zstd",
        }
    }

    /// At another level; otherwise which levels there are.
    pub(super) fn with_level(self, new: i64) -> Result<Self, String> {
        match self {
            #[cfg(feature = "zlib")]
            Self::Zlib { .. } => match u32::try_from(new) {
                Ok(level @ 0..=9) => Ok(Self::Zlib { level }),
                _ => Err("the levels of `zlib` are 0 to 9".to_owned()),
            },
            #[cfg(feature = "zstd")]
            Self::Zstd { threads, .. } => match i32::try_from(new) {
                Ok(level @ -7..=22) => Ok(Self::Zstd { level, threads }),
                _ => Err("the levels of `zstd` are -7 to 22".to_owned()),
            },
        }
    }

    /// With worker threads; otherwise why not.
    pub(super) fn with_threads(self, new: i64) -> Result<Self, String> {
        match self {
            #[cfg(feature = "zlib")]
            Self::Zlib { .. } => Err("`zlib` has no worker threads, only `zstd` has".to_owned()),
            #[cfg(feature = "zstd")]
            Self::Zstd { level, .. } => match u32::try_from(new) {
                Ok(threads @ 0..=64) => Ok(Self::Zstd { level, threads }),
                _ => Err("`zstd` takes 0 to 64 worker threads".to_owned()),
            },
        }
    }

    pub(super) fn compress(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let compressed = match self {
            #[cfg(feature = "zlib")]
            Self::Zlib { level } => zlib::compress(bytes, level),
            #[cfg(feature = "zstd")]
            Self::Zstd { level, threads } => zstd::compress(bytes, level, threads),
        };
        compressed.map_err(|error| {
            Error::encoding(format!("`{}` can't compress this value: {error}", self.name())).with_source(error)
        })
    }

    fn decompress(self, bytes: &[u8], limit: usize) -> io::Result<Vec<u8>> {
        match self {
            #[cfg(feature = "zlib")]
            Self::Zlib { .. } => zlib::decompress(bytes, limit),
            #[cfg(feature = "zstd")]
            Self::Zstd { .. } => zstd::decompress(bytes, limit),
        }
    }
}

fn unknown(name: &str) -> String {
    if let Some((_, feature)) = NAMES.iter().find(|(known, _)| *known == name) {
        return format!("the compressor `{name}` needs the cargo feature `{feature}` of `memo`");
    }
    let names: Vec<_> = names().collect();
    format!("unknown compressor `{name}`: known are {}", super::listed(&names))
}

/// Takes back what the compressors of a frame did, the last one first. No step may give more than `limit` bytes.
pub(super) fn undo<'a>(names: &str, bytes: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>, Error> {
    let mut bytes = Cow::Borrowed(bytes);
    for name in names.rsplit('+').filter(|_| !names.is_empty()) {
        let compressor = Compressor::named(name).map_err(Error::corrupt)?;
        bytes = Cow::Owned(compressor.decompress(&bytes, limit).map_err(|error| {
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
