//! Which files are open: so that it is noticed when they are deleted or replaced.

use std::{
    fs::{File, Metadata},
    io::ErrorKind,
    path::PathBuf,
};

use heed::{Env, WithTls};

use super::files;

/// The files of an environment that is open.
#[derive(Debug)]
pub(super) struct Identity {
    data: File,
    /// Both: who opens the environment with another lock file writes without waiting for us.
    paths: [(PathBuf, Id); 2],
}

impl Identity {
    /// The files of an environment that has just been opened.
    pub(super) fn of(env: &Env<WithTls>) -> heed::Result<Self> {
        // The one that is open, whatever is at its path by now.
        let data = env.try_clone_inner_file()?;
        let [data_file, lock_file] = [files::data_file(env.path()), files::lock_file(env.path())];
        let (data_id, lock_id) = (id(&data.metadata()?), id(&lock_file.metadata()?));
        Ok(Self { data, paths: [(data_file, data_id), (lock_file, lock_id)] })
    }

    /// Was the file with the entries deleted, or another put in its place? Looks up no path, as [`is_current`](Self::is_current)
    /// does, but does not notice that the file was moved elsewhere.
    pub(super) fn is_deleted(&self) -> bool {
        // There are file systems that do not count links.
        self.data.metadata().is_ok_and(|found| !has_name(&found)) && !self.is_current()
    }

    /// Are they still those at their paths? Where that can't be found out, they are.
    pub(super) fn is_current(&self) -> bool {
        self.paths.iter().all(|(path, opened)| match path.metadata() {
            Ok(found) => id(&found) == *opened,
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        })
    }
}

/// Device and number. A number is not given again while the file is open.
#[cfg(unix)]
type Id = (u64, u64);

#[cfg(unix)]
fn id(found: &Metadata) -> Id {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

#[cfg(unix)]
fn has_name(found: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(found) > 0
}

/// What is mapped can't be deleted or replaced there.
#[cfg(not(unix))]
type Id = ();

#[cfg(not(unix))]
fn id(_: &Metadata) -> Id {}

#[cfg(not(unix))]
fn has_name(_: &Metadata) -> bool {
    true
}
