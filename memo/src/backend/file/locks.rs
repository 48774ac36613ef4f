//! Locks of writers. Readers need none: they open a file that is whole or not there.
//!
//! One lock guards a shard, in all directories: 64 in a store. Threads of a process exclude each other by a mutex per
//! shard; processes by one of the methods below. Where there is no lock between processes, writes are still atomic, but an
//! update may lose another's.

use std::{
    fs::File,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use super::{
    disk::{self, doing},
    names::{LOCKS, SHARDS, shard_name},
    owned_dir::{OwnedDir, OwnedDirs},
};
use crate::{backend::Url, error::Error};

/// How processes exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locking {
    /// `Flock`, or `Mkdir` where the file system has no such locks.
    Auto,
    /// The kernel's locks; it frees those of a process that ends.
    Flock,
    /// Directories that say who holds them.
    Mkdir,
    None,
}

/// When a wait for a directory ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) stale_after: Duration,
    pub(super) wait: Duration,
    pub(super) poll: Duration,
}

#[derive(Debug)]
pub(super) struct Locks {
    root: PathBuf,
    locking: Locking,
    wait: Duration,
    dirs: OwnedDirs,
    /// Under `Auto`: the file system has shown that it can't lock files.
    no_flock: AtomicBool,
    threads: Box<[Mutex<()>]>,
}

/// A shard is locked. Processes first, then threads.
#[derive(Debug)]
pub(super) struct Guard<'a> {
    _process: Process<'a>,
    _thread: MutexGuard<'a, ()>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
enum Process<'a> {
    File(File),
    Dir(OwnedDir<'a>),
    None,
}

impl Locks {
    pub(super) fn new(root: &Path, url: &Url) -> Result<Self, Error> {
        let locking = match url.param("locking") {
            Some("flock") => Locking::Flock,
            Some("mkdir") => Locking::Mkdir,
            Some("none") => Locking::None,
            _ => Locking::Auto,
        };
        let millis = |name, default| {
            let found = url.duration(name)?;
            Ok::<_, Error>(Duration::from_millis(found.unwrap_or(default)))
        };
        let patience = Patience {
            stale_after: millis("stale_after", 300_000)?,
            wait: millis("wait", 30_000)?,
            poll: millis("poll", 50)?.max(Duration::from_millis(1)),
        };
        let threads = (0..SHARDS).map(|_| Mutex::new(())).collect();
        Ok(Self {
            root: root.to_owned(),
            locking,
            wait: patience.wait,
            dirs: OwnedDirs::new(root.join(LOCKS), patience),
            no_flock: AtomicBool::new(false),
            threads,
        })
    }

    /// Do locks keep writers of other processes out?
    pub(super) fn exclude_processes(&self) -> bool {
        self.locking != Locking::None
    }

    /// Locks a shard. The directory of the store exists.
    pub(super) fn lock(&self, shard: usize) -> Result<Guard<'_>, Error> {
        let until = Instant::now() + self.wait;
        let thread = self.thread(shard, until)?;
        let process = match self.locking {
            Locking::None => Process::None,
            Locking::Flock => Process::File(self.flock(shard).map_err(|error| self.failed(shard, error))?),
            Locking::Mkdir => self.mkdir(shard, until)?,
            Locking::Auto if self.no_flock.load(Ordering::Relaxed) => self.mkdir(shard, until)?,
            Locking::Auto => match self.flock(shard) {
                Ok(file) => Process::File(file),
                Err(error) if can_not_lock(&error) => {
                    self.no_flock.store(true, Ordering::Relaxed);
                    self.mkdir(shard, until)?
                }
                Err(error) => return Err(self.failed(shard, error)),
            },
        };
        Ok(Guard { _process: process, _thread: thread })
    }

    /// Waits for other threads: as long as need be, where they themselves wait for the kernel alone.
    fn thread(&self, shard: usize, until: Instant) -> Result<MutexGuard<'_, ()>, Error> {
        let thread = &self.threads[shard];
        if self.locking != Locking::Mkdir && !self.no_flock.load(Ordering::Relaxed) {
            return Ok(thread.lock());
        }
        let locked = thread.try_lock_until(until);
        locked.ok_or_else(|| Error::unavailable(format!("shard {shard} of the store is locked by another thread")))
    }

    fn flock(&self, shard: usize) -> io::Result<File> {
        let names = [LOCKS];
        loop {
            let path = disk::make_dirs(&self.root, &names, false)?.join(shard_name(shard));
            let file = match disk::open_or_create(&path) {
                Err(error) if disk::is_absent(&error) && self.root.is_dir() => continue,
                file => file?,
            };
            match file.lock() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                locked => locked?,
            }
            // If somebody deleted it meanwhile, others lock another file by now.
            if is_linked(&file)? {
                return Ok(file);
            }
        }
    }

    fn mkdir(&self, shard: usize, until: Instant) -> Result<Process<'_>, Error> {
        disk::make_dirs(&self.root, &[LOCKS], false).map_err(|error| self.failed(shard, error))?;
        Ok(Process::Dir(self.dirs.take(&shard_name(shard), until)?))
    }

    /// Removes what processes that ended left behind.
    pub(super) fn sweep(&self) -> Result<(), Error> {
        Ok(self.dirs.sweep().map_err(doing("swept", &self.root.join(LOCKS)))?)
    }

    fn failed(&self, shard: usize, error: io::Error) -> Error {
        doing("locked", &self.root.join(LOCKS).join(shard_name(shard)))(error).into()
    }
}

/// `ENOLCK` is what network file systems say whose server locks nothing.
fn can_not_lock(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    if error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error()) {
        return true;
    }
    error.kind() == ErrorKind::Unsupported
}

#[cfg(unix)]
fn is_linked(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 0)
}

/// A file that is open can't be replaced there by another of its name.
#[cfg(not(unix))]
fn is_linked(_: &File) -> io::Result<bool> {
    Ok(true)
}
