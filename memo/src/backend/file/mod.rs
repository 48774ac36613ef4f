//! `file://dir`: one file per entry.

mod bound;
mod disk;
mod entry;
mod locks;
mod marker;
mod names;
mod owned_dir;
pub(crate) mod plain;
mod single;
mod sweep;
mod tags;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use self::{
    bound::Bound,
    disk::doing,
    locks::{Guard, Locks},
    names::{ENTRIES, Place},
};
use super::{Backend, Capabilities, Change, Edit, Item, UnixMillis, Url, Visit, place};
use crate::error::Error;

/// A store that is a directory, with one file for each entry.
///
/// ```
/// use memo::backend::{Backend, Files, Item, Url};
/// # let dir = std::env::temp_dir().join(format!("memo-doc-{}", std::process::id()));
/// # let url = format!("file://{}?locking=flock", dir.display());
///
/// // let url = "file:///var/cache/app?locking=flock";
/// let store = Files::open(&Url::parse(&url)?)?;
/// store.set(b"answer", Item::new(b"42"))?;
/// assert_eq!(store.get(b"answer")?.as_deref(), Some(&b"42"[..]));
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `locking` | `auto` | how processes that write exclude each other: `flock` (the kernel's locks), `mkdir` (directories, for network file systems), `auto` (`flock`, and `mkdir` where the file system has none), `none` |
/// | `stale_after`, `wait`, `poll` | `300s`, `30s`, `50ms` | for `mkdir`: when a lock of a process on another machine is broken (that of a living process of this one never is, that of a dead one at once), how long to wait for a lock, how often to look |
/// | `format` | `frame` | `plain` keeps the value in a file of its own beside the header, for people who read it |
/// | `sync` | `false` | each write goes to the disk before it returns |
/// | `max_bytes` | none | what all files may hold together; the oldest go first, and an entry that is too large alone is not kept |
///
/// **Readers** take no lock and wait for nobody: each finds the old entry or the new one, whole. **Writers** of one shard (a 64th of
/// the store) wait for each other. With `locking=none` a write is still whole, but [`update`](Backend::update) may lose
/// what another process wrote meanwhile. All processes that share a directory must use the same locking.
///
/// **What is durable.** When `set` returns, the entry survives the end of this process, however it ends. It survives a power
/// cut with `sync=true`, or once [`flush`](Backend::flush) has returned (on Linux). Whatever happens, what is read
/// was set: damaged files are absent.
///
/// **Speed.** Reading costs about as much as [`std::fs::read`]. A directory listing of one shard is enough to remove or
/// count all versions of an entry (a prefix of three parts); those of a first part need its directory alone.
/// Purging, and bounding when the store is full, read the whole directory tree.
///
/// **Other files** in the directory are left alone. It is marked by `CACHEDIR.TAG` (where it had other contents: the directory `entries` in
/// it) and by its version; a newer one is refused. Files are for their owner only. A link in the place of an entry is not followed;
/// one in the place of a directory of the store is an error for whoever writes or removes what is behind it.
pub struct Files {
    root: PathBuf,
    /// The marker was read, and its version is known.
    is_checked: AtomicBool,
    locks: Locks,
    sync: bool,
    plain: bool,
    bound: Bound,
}

impl Files {
    /// Opens the store that a URL names. Nothing is written before the first entry is.
    ///
    /// # Errors
    ///
    /// If the URL is wrong, or the directory can't be read or belongs to a newer version.
    pub fn open(url: &Url) -> Result<Self, Error> {
        url.expect_scheme(&["file"])?;
        let root = place::of(url)?;
        Ok(Self {
            is_checked: AtomicBool::new(marker::check(&root)?),
            locks: Locks::new(&root, url)?,
            sync: url.param("sync") == Some("true"),
            plain: url.param("format") == Some("plain"),
            bound: Bound::new(url.size("max_bytes")?),
            root,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Is the version of the store known? A newer one may have been made since this was opened; then it is an error.
    fn check(&self) -> Result<bool, Error> {
        if self.is_checked.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let is_marked = marker::check(&self.root)?;
        self.is_checked.store(is_marked, Ordering::Relaxed);
        Ok(is_marked)
    }

    /// Locks a shard of a store that is there, or is made.
    fn lock(&self, shard: usize) -> Result<Guard<'_>, Error> {
        let locked = self.locks.lock(shard);
        if locked.is_ok() || self.root.is_dir() {
            return locked;
        }
        // Deleted under our feet.
        marker::prepare(&self.root, self.sync)?;
        self.locks.lock(shard)
    }

    /// Does something to one entry, under its lock, in a store that is made if need be.
    fn writing<T>(&self, place: &Place, write: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        if !self.check()? || !marker::is_there(&self.root) {
            marker::prepare(&self.root, self.sync)?;
        }
        let _lock = self.lock(place.shard)?;
        write()
    }

    /// The directory of an entry; `None` if it is absent.
    fn find_shard(&self, place: &Place) -> Result<Option<PathBuf>, Error> {
        let names = [ENTRIES, &place.dir, &place.shard_name()];
        Ok(disk::find_dirs(&self.root, &names).map_err(doing("read", &self.root))?)
    }

    fn remove_key(&self, place: &Place, key: &[u8]) -> Result<bool, Error> {
        let Some(dir) = self.find_shard(place)? else { return Ok(false) };
        self.remove_if(&dir, place, |head| match head {
            Some(head) => head.key == key,
            None => self.may_remove_torn(&dir.join(&place.name)),
        })
    }
}

impl Backend for Files {
    fn name(&self) -> &'static str {
        "file"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_batch: false,
            atomic_update: self.locks.exclude_processes(),
            count: true,
            enumerate: true,
            tags: true,
            fences: false,
            notify: false,
            persistent: true,
            shared: true,
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = Self::load(&self.path_of(&Place::of(key)), |head| head.key == key)?;
        Ok(found.map(|found| found.bytes))
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        let place = Place::of(key);
        let written = self.writing(&place, || self.write(&place, key, &item))?;
        self.make_room(&place, written)
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        let place = Place::of(key);
        self.check()?;
        if self.find_shard(&place)?.is_none() {
            return Ok(false);
        }
        let _lock = self.lock(place.shard)?;
        self.remove_key(&place, key)
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.check()?;
        self.remove_under(prefix)
    }

    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        self.check()?;
        self.remove_all_tagged(prefix, tags)
    }

    fn update(&self, key: &[u8], change: Edit<'_>) -> Result<(), Error> {
        let place = Place::of(key);
        let written = self.writing(&place, || match change(self.get(key)?.as_deref()) {
            Change::Keep => Ok(0),
            Change::Remove => self.remove_key(&place, key).map(|_| 0),
            Change::Set { bytes, expires, tags, .. } => {
                Item::borrowed(&bytes, expires, &tags, |item| self.write(&place, key, &item))
            }
        })?;
        self.make_room(&place, written)
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        self.scan_under(prefix, visit)
    }

    fn count(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.count_under(prefix)
    }

    fn purge(&self, now: UnixMillis) -> Result<u64, Error> {
        self.check()?;
        self.sweep(now)
    }

    /// With `sync=true` there is nothing left to do; otherwise the file system is written to the disk, on Linux.
    fn flush(&self) -> Result<(), Error> {
        #[cfg(target_os = "linux")]
        if !self.sync && marker::is_there(&self.root) {
            let synced = std::fs::File::open(&self.root).and_then(|dir| Ok(rustix::fs::syncfs(dir)?));
            synced.map_err(doing("synchronised", &self.root))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("path", &self.root).finish_non_exhaustive()
    }
}
