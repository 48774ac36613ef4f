//! Which files are open: so that it is noticed when they are deleted or replaced.

use std::{io::ErrorKind, path::PathBuf};

use heed::{Env, WithTls};

use super::files;

/// The files of an environment that is open. Both: who opens it with another lock file writes without waiting for us.
#[derive(Debug)]
pub(super) struct Identity([(PathBuf, Id); 2]);

/// Device and number. A number is not given again while the file is open.
#[cfg(unix)]
type Id = (u64, u64);

#[cfg(unix)]
fn id(found: &std::fs::Metadata) -> Id {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// What is mapped can't be deleted there.
#[cfg(not(unix))]
type Id = ();

#[cfg(not(unix))]
fn id(_: &std::fs::Metadata) -> Id {}

impl Identity {
    /// The files of an environment that has just been opened.
    pub(super) fn of(env: &Env<WithTls>) -> heed::Result<Self> {
        // The one that is open, whatever is at its path by now.
        let data = env.try_clone_inner_file()?.metadata()?;
        let [data_file, lock_file] = [files::data_file(env.path()), files::lock_file(env.path())];
        let lock = lock_file.metadata()?;
        Ok(Self([(data_file, id(&data)), (lock_file, id(&lock))]))
    }

    /// Are they still those at their paths? Where that can't be found out, they are.
    pub(super) fn is_current(&self) -> bool {
        self.0.iter().all(|(path, opened)| match path.metadata() {
            Ok(found) => id(&found) == *opened,
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        })
    }
}
