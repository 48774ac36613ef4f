//! Files that are replaced as a whole: who opens one finds the old contents or the new ones.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock,
    error::Error,
    owner_only::{self, unique},
};

/// What a killed process left is removed when it is so old.
const LEFT_BEHIND: Duration = Duration::from_hours(1);

/// A place in the order of those who write one file. Who began later has newer contents, and is not written over.
pub(super) struct Turn {
    path: PathBuf,
    number: u64,
}

/// The writers of a file in this process.
#[derive(Default)]
struct Writers {
    running: u64,
    /// The number of the last one whose contents stand in the file.
    landed: u64,
}

/// Who writes which file, and the number of the last who began.
static FILES: LazyLock<Mutex<(HashMap<PathBuf, Writers>, u64)>> = LazyLock::new(Mutex::default);

fn files() -> MutexGuard<'static, (HashMap<PathBuf, Writers>, u64)> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turn {
    /// To be taken before the contents are.
    pub(super) fn new(path: &Path) -> Result<Self, Error> {
        if path.file_name().is_none() {
            return Err(Error::config(format!("`{}` is not the path of a file", path.display())));
        }
        let path = std::path::absolute(path).map_err(|error| failed("written", path, error))?;
        let mut files = files();
        files.1 += 1;
        let number = files.1;
        files.0.entry(path.clone()).or_default().running += 1;
        Ok(Self { path, number })
    }

    /// Puts these contents in the place of the file, or of none, safely on the disk. Where a later turn has landed
    /// already, its contents stay.
    pub(super) fn land(self, contents: &[u8]) -> Result<(), Error> {
        self.try_land(contents).map_err(|error| failed("written", &self.path, error))
    }

    fn try_land(&self, contents: &[u8]) -> io::Result<()> {
        let temporary = self.path.with_file_name(self.temporary());
        owner_only::create(&temporary, contents, true)?;
        let landed = self.take_place(&temporary);
        if !matches!(landed, Ok(true)) {
            fs::remove_file(&temporary).ok();
        }
        landed?;
        self.sweep();
        Ok(())
    }

    fn take_place(&self, temporary: &Path) -> io::Result<bool> {
        let mut files = files();
        let writers = files.0.entry(self.path.clone()).or_default();
        if writers.landed > self.number {
            return Ok(false);
        }
        fs::rename(temporary, &self.path)?;
        writers.landed = self.number;
        drop(files);
        // The new name is as durable as the contents.
        self.path.parent().map_or(Ok(()), owner_only::sync_dir)?;
        Ok(true)
    }

    /// What the names of all temporary files for this one begin with.
    fn prefix(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!(".{name}.memo-")
    }

    fn temporary(&self) -> String {
        format!("{}{:032x}.tmp", self.prefix(), unique())
    }

    /// Removes what killed processes left long ago. Whatever goes wrong here, the file itself is written.
    fn sweep(&self) {
        let prefix = self.prefix();
        let Some(listed) = self.path.parent().and_then(|parent| fs::read_dir(parent).ok()) else { return };
        for file in listed.flatten() {
            let name = file.file_name();
            let is_ours = name.to_string_lossy().strip_prefix(&prefix).is_some_and(is_suffix);
            let age = || clock::wall().duration_since(file.metadata().ok()?.modified().ok()?).ok();
            if is_ours && age().is_some_and(|age| age > LEFT_BEHIND) {
                fs::remove_file(file.path()).ok();
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut files = files();
        if let Some(writers) = files.0.get_mut(&self.path) {
            writers.running -= 1;
            if writers.running == 0 {
                files.0.remove(&self.path);
            }
        }
    }
}

/// The contents of a file; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(contents) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, error)),
    }
}

/// Removes a file, if there is one.
#[cfg(feature = "stores")]
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path).and_then(|()| path.parent().map_or(Ok(()), owner_only::sync_dir)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removed", path, error)),
        _ => Ok(()),
    }
}

/// A number of 32 hexadecimal digits, and `.tmp`.
fn is_suffix(text: &str) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_suffix(".tmp").is_some_and(|number| number.len() == 32 && number.bytes().all(is_digit))
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    Error::unavailable(format!("`{}` can't be {what}: {error}", path.display())).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_began_earlier_does_not_replace_a_later_one() {
        let path = std::env::temp_dir().join(format!("memo-turns-{}", std::process::id()));
        let (first, second, third) = (Turn::new(&path), Turn::new(&path), Turn::new(&path));
        second.expect("a path").land(b"second").expect("writes");
        first.expect("a path").land(b"first").expect("is superseded");
        assert_eq!(read(&path).expect("reads"), Some(b"second".to_vec()));
        third.expect("a path").land(b"third").expect("writes");
        assert_eq!(read(&path).expect("reads"), Some(b"third".to_vec()));
        let absolute = std::path::absolute(&path).expect("a path");
        assert!(!files().0.contains_key(&absolute), "nothing is kept when nobody writes");
        fs::remove_file(path).expect("is there");
    }

    #[test]
    fn only_temporary_files_are_swept() {
        let turn = Turn::new(Path::new("users.snapshot")).expect("a path");
        let (one, other) = (turn.temporary(), turn.temporary());
        assert_ne!(one, other, "a name is used once");
        let own = one.strip_prefix(&turn.prefix()).expect("begins with it");
        assert!(is_suffix(own), "{own}");
        for foreign in ["17.tmp", ".tmp", &own[1..], &own.to_uppercase(), &format!("{own}.old"), &format!("0{own}")] {
            assert!(!is_suffix(foreign), "{foreign}");
        }
    }
}
