//! The marker of a directory that is a store: the version of its layout.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    disk::{self, doing},
    names::{self, ENTRIES, LOCKS, TAGS},
};
use crate::{
    backend::{cachedir, place},
    error::Error,
    owner_only,
};

const NAME: &str = "memo-store";
const BEGIN: &str = "memo file store, version ";
const VERSION: u32 = 1;

/// Is the directory a store? A store of a newer version is an error, and nothing in it is touched.
pub(super) fn check(root: &Path) -> Result<bool, Error> {
    let path = root.join(NAME);
    let Some(file) = disk::open(&path).map_err(doing("read", &path))? else { return Ok(false) };
    let mut bytes = Vec::new();
    file.take(64).read_to_end(&mut bytes).map_err(doing("read", &path))?;
    let text = String::from_utf8_lossy(&bytes);
    let version = text.strip_prefix(BEGIN).and_then(|rest| rest.trim_end().parse::<u32>().ok());
    match version {
        Some(VERSION) => Ok(true),
        Some(newer) if newer > VERSION => Err(Error::config(format!(
            "`{}` is a store of version {newer}, which a newer release of `memo` made; this one knows version {VERSION}",
            root.display()
        ))),
        _ => Err(Error::corrupt(format!("`{}` is not the marker of a store", path.display()))),
    }
}

/// Is there a marker, of whatever version?
pub(super) fn is_there(root: &Path) -> bool {
    root.join(NAME).symlink_metadata().is_ok()
}

/// Makes a directory a store, if it is none.
pub(super) fn prepare(root: &Path, sync: bool) -> Result<(), Error> {
    place::create_dir(root)?;
    if check(root)? {
        return Ok(());
    }
    // A directory with other contents is not marked as a whole: backups would leave those out.
    let marked = if has_foreign(root)? { make_entries(root, sync)? } else { root.to_owned() };
    // A convenience: a foreign file of that name is none of our business.
    cachedir::tag(&marked, &mut owner_only::options()).ok();
    let path = root.join(NAME);
    disk::replace(&path, format!("{BEGIN}{VERSION}\n").as_bytes(), sync, |_| ()).map_err(doing("written", &path))?;
    if sync {
        disk::sync_dir(root).map_err(doing("synchronised", root))?;
    }
    Ok(())
}

/// Is there anything that neither we nor another process that is making the store put there?
fn has_foreign(root: &Path) -> Result<bool, Error> {
    for entry in fs::read_dir(root).map_err(doing("read", root))? {
        let name = entry.map_err(doing("read", root))?.file_name();
        let name = name.to_string_lossy();
        let is_ours = [NAME, cachedir::NAME, ENTRIES, TAGS, LOCKS].contains(&&*name) || names::is_temporary(&name);
        if !is_ours {
            return Ok(true);
        }
    }
    Ok(false)
}

fn make_entries(root: &Path, sync: bool) -> Result<PathBuf, Error> {
    Ok(disk::make_dirs(root, &[ENTRIES], sync).map_err(doing("made", &root.join(ENTRIES)))?)
}
