//! Where `shm://name` lives: in the memory that the processes of this host share.

use std::path::{Path, PathBuf};

use crate::{backend::Url, error::Error};

/// The directory of a store in shared memory, and how much of that memory it may take unless its URL says.
#[cfg(target_os = "linux")]
pub(super) fn place(url: &Url) -> Result<(PathBuf, u64), Error> {
    let name = if url.location().is_empty() { "default" } else { url.location() };
    let user = rustix::process::geteuid().as_raw();
    let dir = PathBuf::from(format!("/dev/shm/memo-{user}")).join(name);
    create(&dir)?;
    let space = rustix::fs::statvfs(&dir).map_err(|error| {
        Error::unavailable(format!("the size of `{}` can't be found out: {error}", dir.display())).with_source(error)
    })?;
    Ok((dir, space.f_blocks.saturating_mul(space.f_frsize) / 2))
}

/// Creates the directory of a store, and the one above it, for this user only.
#[cfg(target_os = "linux")]
pub(super) fn create(dir: &Path) -> Result<(), Error> {
    let user = rustix::process::geteuid().as_raw();
    dir.parent().map_or(Ok(()), |of_user| own_directory(of_user, user))?;
    own_directory(dir, user)
}

/// There is never one: see [`place`].
#[cfg(not(target_os = "linux"))]
pub(super) fn create(_: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn place(url: &Url) -> Result<(PathBuf, u64), Error> {
    Err(Error::config(format!("`{url}`: `shm://` needs Linux, whose `/dev/shm` is memory; `lmdb://` works everywhere")))
}

/// Creates a directory for this user only, or sees to it that it is one: anybody may create names in `/dev/shm`.
#[cfg(target_os = "linux")]
fn own_directory(dir: &Path, user: u32) -> Result<(), Error> {
    use std::{io::ErrorKind, os::unix::fs::MetadataExt};

    let fails = |error: std::io::Error| {
        Error::unavailable(format!("the directory `{}` can't be used: {error}", dir.display())).with_source(error)
    };
    match crate::owner_only::directories().create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(fails(error)),
        _ => {}
    }
    let found = dir.symlink_metadata().map_err(fails)?;
    let refused = if !found.is_dir() {
        "is no directory"
    } else if found.uid() != user {
        "belongs to another user"
    } else if found.mode() & 0o077 != 0 {
        "is open to other users"
    } else {
        return Ok(());
    };
    Err(Error::unavailable(format!("`{}` {refused}, so nothing is kept in it", dir.display())))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn directories_of_others_are_refused() {
        let base = std::env::temp_dir().join(format!("memo-shm-{}", std::process::id()));
        fs::create_dir(&base).expect("it is new");
        let user = rustix::process::geteuid().as_raw();
        let dir = base.join("new");
        own_directory(&dir, user).expect("it can be created");
        assert_eq!(fs::metadata(&dir).expect("it is there").permissions().mode() & 0o777, 0o700);
        own_directory(&dir, user).expect("it is ours");
        let said = |user| own_directory(&dir, user).expect_err("it is not ours alone").to_string();
        assert!(said(user + 1).contains("another user"));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).expect("it is ours");
        assert!(said(user).contains("open to other users"));
        std::os::unix::fs::symlink("/tmp", base.join("link")).expect("it is new");
        let error = own_directory(&base.join("link"), user).expect_err("a link leads anywhere");
        assert!(error.is_unavailable() && error.to_string().contains("no directory"), "{error}");
        fs::remove_dir_all(&base).expect("it is ours");
    }
}
