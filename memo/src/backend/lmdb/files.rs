//! The files of an environment, as they must be before LMDB maps them.
//!
//! A page that is missing in a mapped file is not an error but a signal that ends the process. So the lock file is
//! written in full before anybody maps it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use super::page::meta_pages;
use crate::error::Error;

pub(super) fn data_file(dir: &Path) -> PathBuf {
    dir.join("data.mdb")
}

/// Sees to it that what stands where the data file should be is one, or nothing. Changes nothing.
pub(super) fn check_data(dir: &Path) -> Result<(), Error> {
    let path = data_file(dir);
    let fails = |error: io::Error| {
        Error::unavailable(format!("`{}` can't be read: {error}", path.display())).with_source(error)
    };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fails(error)),
    };
    let found = file.metadata().map_err(fails)?;
    if !found.is_file() {
        return Err(fails(io::Error::other("it is no file")));
    }
    if found.len() == 0 {
        return Ok(());
    }
    let wrong = match meta_pages(&mut file).map_err(fails)? {
        Err(wrong) => wrong,
        // The file may end before its last pages where they were freed as soon as they were taken, by one transaction.
        Ok(metas) if metas.iter().any(|meta| meta.file_len() > found.len().saturating_add(MOST_MISSING)) => {
            "more than can be is missing at its end".to_owned()
        }
        Ok(_) => return Ok(()),
    };
    Err(damaged(dir, &wrong))
}

/// The most that one transaction can take and free without writing it.
const MOST_MISSING: u64 = 1 << 30;

pub(super) fn damaged(dir: &Path, wrong: &str) -> Error {
    let path = data_file(dir);
    Error::corrupt(format!("`{}` is damaged, or no file of memo's: {wrong}; nothing was changed", path.display()))
}

/// Creates the lock file, unless it is there, with room for as many readers.
pub(super) fn prepare_lock(dir: &Path, max_readers: u32) -> Result<(), Error> {
    /// What a reader takes in the file, and what else is in it: no less than LMDB needs.
    const SLOT: usize = 64;
    const HEAD: usize = 512;
    static NEXT: AtomicU64 = AtomicU64::new(0);

    let path = dir.join("lock.mdb");
    if path.exists() {
        return Ok(());
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let draft = dir.join(format!("lock.mdb.{}.{number}", process::id()));
    let len = (HEAD + SLOT * max_readers as usize).next_multiple_of(4096);
    // Another process may create it at the same time: the file gets its name when it is complete, unless the name is taken.
    let written = create(&draft).and_then(|mut file| file.write_all(&vec![0; len]));
    let named = written.and_then(|()| fs::hard_link(&draft, &path));
    fs::remove_file(&draft).ok();
    match named {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Error::unavailable(format!("`{}` can't be created: {error}", path.display())).with_source(error))
        }
        _ => Ok(()),
    }
}

/// Creates a file for its owner only.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
