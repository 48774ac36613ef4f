//! A snapshot as bytes.
//!
//! All numbers are little-endian.
//!
//! | offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | `memosnap` |
//! | 8 | 4 | version of the format: 1 |
//! | 12 | 4 | 0 |
//! | 16 | 8 | when it was saved, in Unix milliseconds |
//! | 24 | 8 | fingerprint of the types of keys and values |
//! | 32 | 8 | number of entries |
//! | 40 | 8 | length of the first frame |
//! | 48 | | the first frame; then, for each other, its length and itself |
//! | | 8 | `XXH3_64bits` of all before |
//!
//! Magic, version and checksum keep their places in all versions to come. Entries stand in the order of their keys' bytes.

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    error::{Error, Kind},
    wire::Frame,
};

const MAGIC: &[u8; 8] = b"memosnap";
const VERSION: u32 = 1;
const HEAD: usize = 40;
const COUNT: usize = 32;

/// Puts a snapshot together.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(saved: u64, shape: u64, count: usize) -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        for number in [saved, shape, count as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        Self(bytes)
    }

    pub(super) fn add(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let start = self.0.len() + 8;
        self.0.extend_from_slice(&[0; 8]);
        frame.write(&mut self.0)?;
        let length = (self.0.len() - start) as u64;
        self.0[start - 8..start].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let checksum = xxh3_64(&self.0);
        self.0.extend_from_slice(&checksum.to_le_bytes());
        self.0
    }
}

/// A snapshot that has been verified as a whole.
pub(super) struct Reader<'a> {
    pub(super) shape: u64,
    pub(super) frames: Vec<Frame<'a>>,
}

impl<'a> Reader<'a> {
    /// # Errors
    ///
    /// [`Error::is_newer`] if the snapshot is whole, but in a format of a later version; else [`Error::is_corrupt`].
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        if !bytes.starts_with(MAGIC) {
            return Err(Error::corrupt("it is no snapshot"));
        }
        let (body, checksum) = bytes.split_last_chunk().ok_or_else(cut)?;
        let (magic_and_version, _) = body.split_first_chunk::<12>().ok_or_else(cut)?;
        if xxh3_64(body) != u64::from_le_bytes(*checksum) {
            return Err(Error::corrupt("its checksum does not fit its bytes"));
        }
        let [.., a, b, c, d] = *magic_and_version;
        match u32::from_le_bytes([a, b, c, d]) {
            VERSION => {}
            0 => return Err(Error::corrupt("it has the format 0, which never was")),
            newer => {
                let message = format!("it has the format {newer}; this version knows {VERSION}");
                return Err(Error::new(Kind::Newer, message));
            }
        }
        let (head, mut rest) = body.split_at_checked(HEAD).ok_or_else(cut)?;
        let (shape, count) = (number(&head[24..]).ok_or_else(cut)?.0, number(&head[COUNT..]).ok_or_else(cut)?.0);
        let mut frames = Vec::new();
        while let Some((length, after)) = number(rest) {
            let length = usize::try_from(length).map_err(|_| cut())?;
            let (frame, after) = after.split_at_checked(length).ok_or_else(cut)?;
            frames.push(Frame::read(frame)?);
            rest = after;
        }
        if !rest.is_empty() || frames.len() as u64 != count {
            return Err(cut());
        }
        Ok(Self { shape, frames })
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

fn cut() -> Error {
    Error::corrupt("its lengths do not fit its bytes")
}
