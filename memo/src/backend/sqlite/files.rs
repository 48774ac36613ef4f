//! The database's file, before SQLite sees it.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{backend::place, error::Error};

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
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Keeps other processes from removing what this one has just made. Where a directory can't be locked, or somebody else
/// holds it for good (`flock dir program`), it goes without.
fn lock(directory: &Path) -> Option<File> {
    let directory = File::open(directory).ok()?;
    for _ in 0..100 {
        match directory.try_lock() {
            Ok(()) => return Some(directory),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
