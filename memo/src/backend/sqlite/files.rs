//! The database's file, before SQLite sees it.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::patience::patiently;
use crate::{backend::place, error::Error, owner_only};

/// How long the lock of the directory is waited for.
const WAIT: Duration = Duration::from_secs(1);

/// Creates the file, empty and for its owner only, and its directory, if they are missing. SQLite gives the files beside it the
/// same permissions.
pub(super) fn create(path: &Path) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    place::create_dir(directory)?;
    let _lock = lock(directory);
    create_alone(path).map_err(|error| {
        Error::unavailable(format!("`{}` can't be created: {error}", path.display())).with_source(error)
    })
}

fn create_alone(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    // Left by a database that was deleted alone. SQLite would play them back into the new one.
    for suffix in ["-wal", "-shm", "-journal"] {
        match fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match owner_only::create(path, b"", false) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

/// Keeps other processes from removing what this one has just made. Where a directory can't be locked, or somebody else
/// holds it for good (`flock dir program`), it goes without.
fn lock(directory: &Path) -> Option<File> {
    let directory = File::open(directory).ok()?;
    let is_held = |error: &TryLockError| matches!(error, TryLockError::WouldBlock);
    patiently(WAIT, is_held, || directory.try_lock()).ok()?;
    Some(directory)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
