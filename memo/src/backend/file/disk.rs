//! What the store does with files and directories: for the owner only, never through a link, atomically.

use std::{
    fs::{self, File, FileType, Metadata, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use super::names;
pub(super) use crate::owner_only::{create, sync_dir};
use crate::{
    error::Error,
    owner_only::{self, unique},
};

/// What nobody writes to any more after so long was left behind by a writer that was killed.
pub(super) const ABANDONED: Duration = Duration::from_hours(1);

/// A directory may vanish at any moment (a sweep, a user); so often it is made again before a write gives up.
const ATTEMPTS: usize = 16;

/// Opens a file for reading; `None` if it is absent, or a link, which is never followed.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    if is_special(path) {
        return Ok(None);
    }
    match options().read(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_absent(&error) || is_link(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a file for writing, and makes it where there is none.
pub(super) fn open_or_create(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Puts a file in the place of another, or of none. Who opens the path finds the old file or the new one, whole. The old
/// one is shown to `last_look` before it goes.
pub(super) fn replace(path: &Path, contents: &[u8], sync: bool, last_look: impl FnOnce(&Path)) -> io::Result<()> {
    let temporary = path.with_file_name(names::temporary(unique()));
    create(&temporary, contents, sync)?;
    let moved = take_place(&temporary, path, last_look);
    if moved.is_err() {
        fs::remove_file(&temporary).ok();
    }
    moved
}

/// On ext4, renaming over a file flushes the new one to the disk at once (`auto_da_alloc`), which costs several times the
/// rest; exchanging the two names and unlinking the old file does not, and is as atomic.
#[cfg(target_os = "linux")]
fn take_place(new: &Path, old: &Path, last_look: impl FnOnce(&Path)) -> io::Result<()> {
    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };
    match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
        Ok(()) => {
            last_look(new);
            remove(new).map(drop)
        }
        Err(Errno::NOENT) => fs::rename(new, old),
        // The file system can't exchange.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            last_look(old);
            fs::rename(new, old)
        }
        Err(error) => Err(error.into()),
    }
}

/// Elsewhere a rename is enough. Windows may refuse it while somebody has the old file open (where it lacks POSIX renames):
/// then the old file steps aside first, which it may, since all open it with leave to delete. For that moment
/// readers find nothing, a miss.
#[cfg(not(target_os = "linux"))]
fn take_place(new: &Path, old: &Path, last_look: impl FnOnce(&Path)) -> io::Result<()> {
    last_look(old);
    match fs::rename(new, old) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let aside = old.with_file_name(names::temporary(unique()));
            fs::rename(old, &aside)?;
            let moved = fs::rename(new, old);
            match moved {
                Ok(()) => drop(fs::remove_file(&aside)),
                Err(_) => drop(fs::rename(&aside, old)),
            }
            moved
        }
        moved => moved,
    }
}

/// Removes a file; was there one?
pub(super) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The directory below `root` that these names lead to; all of them are made where they are missing. A link among them is an
/// error: it would lead out.
pub(super) fn make_dirs(root: &Path, names: &[&str], sync: bool) -> io::Result<PathBuf> {
    let mut dir = root.to_owned();
    for name in names {
        dir.push(name);
        match dir.symlink_metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(no_directory(&dir)),
            Err(error) if is_absent(&error) => make_dir(&dir, sync)?,
            Err(error) => return Err(error),
        }
    }
    Ok(dir)
}

fn make_dir(dir: &Path, sync: bool) -> io::Result<()> {
    match owner_only::directories().create(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.symlink_metadata()?.is_dir() => Ok(()),
        Ok(()) if sync => dir.parent().map_or(Ok(()), sync_dir),
        made => made,
    }
}

/// The directory below `root` that these names lead to; `None` if one of them is absent. A link among them is an error: what
/// is behind it can still be read, so nobody may believe that it is gone.
pub(super) fn find_dirs(root: &Path, names: &[&str]) -> io::Result<Option<PathBuf>> {
    let mut dir = root.to_owned();
    for name in names {
        dir.push(name);
        match dir.symlink_metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(found) if found.is_symlink() => return Err(no_directory(&dir)),
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(dir))
}

/// The names of the files in a directory; none if it is absent. Names that are not UTF-8 are not ours.
pub(super) fn files_in(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    each_in(dir, |name, kind| {
        if kind.is_file() {
            names.push(name);
        }
        Ok(())
    })?;
    Ok(names)
}

/// The names of our directories in a directory; none if it is absent. A link under such a name is an error, as in [`find_dirs`].
pub(super) fn dirs_in(dir: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    each_in(dir, |name, kind| {
        if !is_ours(&name) {
            return Ok(());
        }
        if kind.is_symlink() {
            return Err(no_directory(&dir.join(name)));
        }
        if kind.is_dir() {
            names.push(name);
        }
        Ok(())
    })?;
    Ok(names)
}

fn each_in(dir: &Path, mut each: impl FnMut(String, FileType) -> io::Result<()>) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(error),
        };
        if let Ok(name) = entry.file_name().into_string() {
            each(name, kind)?;
        }
    }
    Ok(())
}

/// Removes the directories of ours in a directory that are empty. Whoever is about to write there makes them again.
pub(super) fn remove_empty_dirs(dir: &Path, is_ours: impl Fn(&str) -> bool) -> Result<(), Failed> {
    for name in dirs_in(dir, is_ours).map_err(doing("read", dir))? {
        // Fails where there is something.
        fs::remove_dir(dir.join(name)).ok();
    }
    Ok(())
}

/// Does something that needs a directory, and again if it vanished meanwhile.
pub(super) fn retry<T>(mut attempt: impl FnMut() -> Result<T, Failed>) -> Result<T, Error> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(Failed { error, .. }) if is_absent(&error) => {}
            done => return done.map_err(Error::from),
        }
    }
    attempt().map_err(Error::from)
}

/// What could not be done, and with what.
#[derive(Debug)]
pub(super) struct Failed {
    what: &'static str,
    path: PathBuf,
    error: io::Error,
}

/// Says what could not be done: `doing("read", path)`.
pub(super) fn doing(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failed {
    move |error| Failed { what, path: path.to_owned(), error }
}

impl From<Failed> for Error {
    fn from(Failed { what, path, error }: Failed) -> Self {
        Error::unavailable(format!("`{}` can't be {what}: {error}", path.display())).with_source(error)
    }
}

/// Is it so long since a file was written that its writer can't be at work any more?
pub(super) fn is_abandoned(found: &Metadata) -> bool {
    found.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= ABANDONED))
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn no_directory(path: &Path) -> io::Error {
    io::Error::other(format!("`{}` is no directory, and a link is not followed", path.display()))
}

/// Linux opens no link and waits for no pipe when it is told so; elsewhere it takes a look.
#[cfg(target_os = "linux")]
fn is_special(_: &Path) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn is_special(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| !found.is_file())
}

#[cfg(target_os = "linux")]
fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(target_os = "linux"))]
fn is_link(_: &io::Error) -> bool {
    false
}

/// For the owner only. On Linux, links are not followed, and a pipe in the place of a file blocks nobody.
fn options() -> OpenOptions {
    #[cfg_attr(not(target_os = "linux"), expect(unused_mut, reason = "nothing is said there"))]
    let mut options = owner_only::options();
    #[cfg(target_os = "linux")]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    options
}
