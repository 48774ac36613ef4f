//! Many entries: what is under a prefix, what has expired, what was left behind.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use super::{
    Files,
    disk::{self, doing},
    entry::{Head, Opened},
    names::{self, ENTRIES, Place, Reach},
    single,
};
use crate::{
    backend::{UnixMillis, Visit, is_under},
    error::Error,
};

/// A directory of entries.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) number: usize,
    pub(super) path: PathBuf,
    dir: String,
}

impl Shard {
    /// The entries that can be under a prefix.
    fn entries(&self, reach: &Reach) -> Result<Vec<Place>, Error> {
        let names = disk::files_in(&self.path).map_err(doing("read", &self.path))?;
        let names = names.iter().filter(|name| reach.has_name(name));
        Ok(names.filter_map(|name| self.place(name)).collect())
    }

    /// The place of an entry; `None` if the name is foreign. A file of ours in a shard that is not its own is foreign, too.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        Place::named(&self.dir, name).filter(|place| place.shard == self.number)
    }
}

impl Files {
    /// The shards that may hold entries under a prefix.
    pub(super) fn shards(&self, reach: &Reach) -> Result<Vec<Shard>, Error> {
        let dirs = match reach.dir() {
            Some(dir) => vec![dir.to_owned()],
            None => self.dirs()?,
        };
        let mut shards = Vec::new();
        for dir in dirs {
            let found = disk::find_dirs(&self.root, &[ENTRIES, &dir]).map_err(doing("read", &self.root))?;
            let Some(path) = found else { continue };
            let number_of = |name: &str| names::shard_named(name).filter(|number| reach.has_shard(*number));
            let names = disk::dirs_in(&path, |name| number_of(name).is_some()).map_err(doing("read", &path))?;
            for name in names {
                let number = number_of(&name);
                shards.extend(number.map(|number| Shard { number, path: path.join(&name), dir: dir.clone() }));
            }
        }
        Ok(shards)
    }

    /// The directories of first parts.
    fn dirs(&self) -> Result<Vec<String>, Error> {
        let found = disk::find_dirs(&self.root, &[ENTRIES]).map_err(doing("read", &self.root))?;
        let Some(path) = found else { return Ok(Vec::new()) };
        Ok(disk::dirs_in(&path, names::is_dir).map_err(doing("read", &path))?)
    }

    pub(super) fn remove_under(&self, prefix: &[u8]) -> Result<u64, Error> {
        let reach = Reach::of(prefix);
        let mut removed = 0;
        for shard in self.shards(&reach)? {
            let _lock = self.lock(shard.number)?;
            for place in shard.entries(&reach)? {
                // What is torn can't be anything else's than the names say.
                let torn = || !matches!(reach, Reach::Within(_)) && self.may_remove_torn(&shard.path.join(&place.name));
                let decide = |head: Option<&Head<'_>>| match head {
                    Some(head) => is_under(head.key, prefix),
                    None => torn(),
                };
                removed += u64::from(self.remove_if(&shard.path, &place, decide)?);
            }
        }
        Ok(removed)
    }

    pub(super) fn scan_under(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        let reach = Reach::of(prefix);
        for shard in self.shards(&reach)? {
            for place in shard.entries(&reach)? {
                // Without a lock: `visit` may call the store.
                let found = Self::load(&shard.path.join(&place.name), |head| is_under(head.key, prefix))?;
                let Some(found) = found else { continue };
                if visit(&found.key, &found.bytes) == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    pub(super) fn count_under(&self, prefix: &[u8]) -> Result<u64, Error> {
        let reach = Reach::of(prefix);
        let mut count = 0;
        for shard in self.shards(&reach)? {
            let places = shard.entries(&reach)?;
            if reach.is_certain() {
                count += places.len() as u64;
                continue;
            }
            for place in places {
                let path = shard.path.join(&place.name);
                let opened = Opened::open(&path).map_err(doing("read", &path))?;
                let head = opened.as_ref().and_then(Opened::head);
                count += u64::from(head.is_some_and(|head| is_under(head.key, prefix)));
            }
        }
        Ok(count)
    }

    /// Removes what has expired; gives its number. Then what killed writers left behind, markers of nothing, empty directories.
    pub(super) fn sweep(&self, now: UnixMillis) -> Result<u64, Error> {
        let mut removed = 0;
        for shard in self.shards(&Reach::Everywhere)? {
            let _lock = self.lock(shard.number)?;
            for place in shard.entries(&Reach::Everywhere)? {
                removed += u64::from(self.remove_if(&shard.path, &place, |head| match head {
                    Some(head) => head.expires.is_some_and(|expires| expires <= now),
                    None => self.may_remove_torn(&shard.path.join(&place.name)),
                })?);
            }
            self.sweep_leftovers(&shard)?;
        }
        for dir in self.dirs()? {
            disk::remove_empty_dirs(&self.root.join(ENTRIES).join(dir), |name| names::shard_named(name).is_some())?;
        }
        self.sweep_markers()?;
        self.sweep_dirs()?;
        Ok(removed)
    }

    /// Temporary files, and bare values that no entry names.
    fn sweep_leftovers(&self, shard: &Shard) -> Result<(), Error> {
        let names = disk::files_in(&shard.path).map_err(doing("read", &shard.path))?;
        let is_value = |name: &&String| names::data_key(name).is_some();
        let in_use: HashSet<String> = if names.iter().any(|name| is_value(&name)) {
            let entries = names.iter().filter(|name| names::is_entry(name));
            let beside = |name| {
                let path = shard.path.join(name);
                single::value_beside(&path).map_err(doing("read", &path)).transpose()
            };
            entries.filter_map(beside).collect::<Result<_, _>>()?
        } else {
            HashSet::new()
        };
        for name in &names {
            let path = shard.path.join(name);
            let is_left = match () {
                () if names::is_temporary(name) => is_abandoned(&path),
                () if is_value(&name) && !in_use.contains(name) => self.may_remove_torn(&path),
                () => false,
            };
            if is_left {
                disk::remove(&path).map_err(doing("removed", &path))?;
            }
        }
        Ok(())
    }

    /// Empty directories of entries, and what else was left behind outside of them.
    fn sweep_dirs(&self) -> Result<(), Error> {
        disk::remove_empty_dirs(&self.root.join(ENTRIES), names::is_dir)?;
        for name in disk::files_in(&self.root).map_err(doing("read", &self.root))? {
            let path = self.root.join(&name);
            if names::is_temporary(&name) && is_abandoned(&path) {
                disk::remove(&path).map_err(doing("removed", &path))?;
            }
        }
        self.locks.sweep()
    }
}

fn is_abandoned(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| disk::is_abandoned(&found))
}
