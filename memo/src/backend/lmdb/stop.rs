//! Why a transaction ended early, and what users are told of it.

use std::{io::ErrorKind, path::Path};

use heed::MdbError;

use crate::error::Error;

/// What comes of one run of a transaction.
pub(super) type Attempt<T> = Result<T, Stop>;

/// Why a transaction ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The map has no room for what is written.
    Full,
    /// The disk has none.
    NoSpace(heed::Error),
    /// Other processes use more of the file than this one has mapped.
    Outgrown,
    /// All slots for readers are taken.
    ReadersFull,
    /// The files that are open are no longer those at their paths.
    Moved,
    /// Anything else that LMDB says.
    Lmdb(heed::Error),
    Ours(Error),
}

impl From<heed::Error> for Stop {
    fn from(error: heed::Error) -> Self {
        match error {
            heed::Error::Mdb(MdbError::MapFull) => Self::Full,
            heed::Error::Mdb(MdbError::MapResized) => Self::Outgrown,
            heed::Error::Mdb(MdbError::ReadersFull) => Self::ReadersFull,
            heed::Error::Io(io) if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                Self::NoSpace(heed::Error::Io(io))
            }
            other => Self::Lmdb(other),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// What an error of LMDB means to users of the store in this directory.
pub(super) fn explain(dir: &Path, error: heed::Error) -> Error {
    let dir = dir.display();
    let made = match &error {
        heed::Error::Mdb(
            MdbError::Corrupted
            | MdbError::PageNotFound
            | MdbError::Invalid
            | MdbError::PageFull
            | MdbError::CursorFull
            | MdbError::Problem
            | MdbError::Incompatible
            | MdbError::BadTxn,
        ) => Error::corrupt(format!("the store in `{dir}` is damaged: {error}")),
        heed::Error::Mdb(MdbError::VersionMismatch) => {
            Error::config(format!("the store in `{dir}` was made, or is in use, by another version of LMDB: {error}"))
        }
        heed::Error::Mdb(MdbError::Panic) => Error::unavailable(format!(
            "the store in `{dir}` failed to write before and takes no more until it is opened again"
        )),
        _ => Error::unavailable(format!("the store in `{dir}` fails: {error}")),
    };
    made.with_source(error)
}
