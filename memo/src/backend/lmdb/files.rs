//! The files of an environment, as they must be before LMDB maps them.
//!
//! A page that is missing in a mapped file is not an error but a signal that ends the process. So the lock file is
//! written in full before anybody maps it.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::page::meta_pages;
use crate::{error::Error, owner_only};

pub(super) fn data_file(dir: &Path) -> PathBuf {
    dir.join("data.mdb")
}

pub(super) fn lock_file(dir: &Path) -> PathBuf {
    dir.join("lock.mdb")
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

    let path = lock_file(dir);
    if path.exists() {
        return Ok(());
    }
    let len = (HEAD + SLOT * max_readers as usize).next_multiple_of(4096);
    let draft = dir.join(format!("lock.mdb.{:032x}", owner_only::unique()));
    create_lock(&path, &draft, len).map_err(|error| {
        Error::unavailable(format!("`{}` can't be created: {error}", path.display())).with_source(error)
    })
}

/// Another process may create it at the same time: the file gets its name when it is complete, unless the name is taken.
fn create_lock(path: &Path, draft: &Path, len: usize) -> io::Result<()> {
    owner_only::create(draft, &vec![0; len], false)?;
    let named = fs::hard_link(draft, path);
    fs::remove_file(draft).ok();
    match named {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        named => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_that_somebody_left_is_no_lock_file() {
        let dir = std::env::temp_dir().join(format!("memo-lock-{:x}", owner_only::unique()));
        fs::create_dir(&dir).expect("it is new");
        let (path, draft) = (lock_file(&dir), dir.join("lock.mdb.1.0"));
        fs::write(&draft, b"left behind").expect("it can be written");
        let error = create_lock(&path, &draft, 4096).expect_err("the draft is another's");
        assert!(error.kind() == ErrorKind::AlreadyExists && draft.exists() && !path.exists(), "{error}");
        prepare_lock(&dir, 8).expect("a draft of its own");
        assert_eq!(fs::metadata(&path).expect("it is there").len(), 4096);
        let other = dir.join("lock.mdb.other");
        create_lock(&path, &other, 8192).expect("there is one already");
        assert!(fs::metadata(&path).expect("it is there").len() == 4096 && !other.exists());
        fs::remove_dir_all(dir).expect("it is ours");
    }
}
