//! One environment of LMDB, open once in this process, whose map grows as it must.

use std::{
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::UNIX_EPOCH,
};

use heed::{CommitOrAbort, Env, RoTxn, RwTxn, WithTls};

use super::{
    files,
    gate::{Closed, Gate, Inside},
    layout::VERSION,
    page::{META_PAGES, Meta, meta_pages},
    raw,
    settings::Settings,
    stop::{Result, Stop, explain},
    tree::Tree,
    verify,
};
use crate::{backend::UnixMillis, clock, error::Error};

#[derive(Debug)]
pub(super) struct Environment {
    dir: PathBuf,
    pub(super) settings: Settings,
    env: Env<WithTls>,
    tree: Tree,
    /// Transactions are inside.
    gate: Gate,
    commits: AtomicU32,
    /// The map could not be replaced, and there is none: LMDB must not be asked any more.
    lost: AtomicBool,
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// It may take what room there is; if there is none, expired entries make some.
    Add,
    /// It may take some more, so that a full store can be emptied.
    Remove,
}

/// Files of at most this size are verified whenever they are opened: it takes some milliseconds.
const SMALL: u64 = 32 << 20;
/// Maps are not halved further, where there is no room for them.
const LEAST: usize = 1 << 20;
/// After so many commits, slots of readers that have died are freed: they keep pages from being used again.
const COMMITS_BETWEEN_CHECKS: u32 = 256;

impl Environment {
    /// Opens the environment in a directory. Nobody else in this process has it open.
    pub(super) fn open(dir: PathBuf, settings: Settings) -> std::result::Result<Self, Error> {
        files::check_data(&dir)?;
        files::prepare_lock(&dir, settings.max_readers)?;
        let env = map(&dir, settings).map_err(|error| explain(&dir, error))?;
        let gate = Gate::default();
        let tree = loop {
            match first_look(&env, &dir) {
                Ok(tree) => break tree,
                // Another process has just made the file larger than our map.
                Err(Stop::Outgrown) => raw::resize(&env, 0, &gate.close()).map_err(|error| explain(&dir, error))?,
                Err(stop) => return Err(unstopped(&dir, stop)),
            }
        };
        Ok(Self { dir, settings, env, tree, gate, commits: AtomicU32::new(0), lost: AtomicBool::new(false) })
    }

    /// Reads within one transaction.
    #[inline]
    pub(super) fn read<T>(&self, mut body: impl FnMut(Tree, &RoTxn<'_>) -> Result<T>) -> std::result::Result<T, Error> {
        let mut cleared = false;
        loop {
            let inside = self.enter()?;
            let txn = self.env.read_txn().map_err(Stop::from);
            let stop = match txn.and_then(|txn| body(self.tree, &txn)) {
                Ok(result) => return Ok(result),
                Err(stop) => stop,
            };
            drop(inside);
            self.recover(stop, &mut cleared)?;
        }
    }

    /// Writes within one transaction. `body` may be run several times; what counts is its last run.
    pub(super) fn write<T>(
        &self,
        intent: Intent,
        mut body: impl FnMut(Tree, &mut RwTxn<'_>) -> Result<T>,
    ) -> std::result::Result<T, Error> {
        let (mut cleared, mut cleaned) = (false, false);
        loop {
            let inside = self.enter()?;
            let size = self.env.info().map_size;
            let result = self.env.write_txn().map_err(Stop::from).and_then(|mut txn| {
                let result = body(self.tree, &mut txn)?;
                txn.commit()?;
                Ok(result)
            });
            let stop = match result {
                Ok(result) => {
                    self.after_commit();
                    return Ok(result);
                }
                Err(stop) => stop,
            };
            drop(inside);
            match stop {
                Stop::Full if self.grow(size, intent)? => {}
                Stop::Full | Stop::NoSpace(_) if intent == Intent::Add && !cleaned => {
                    cleaned = true;
                    self.make_room()?;
                }
                Stop::Full => return Err(self.full()),
                other => self.recover(other, &mut cleared)?,
            }
        }
    }

    /// Removes all entries that expired at `now` or before, some at a time; gives their number.
    pub(super) fn purge(&self, now: UnixMillis) -> std::result::Result<u64, Error> {
        let mut sum = 0;
        loop {
            let (removed, more) = self.write(Intent::Remove, |tree, txn| tree.purge(txn, now))?;
            sum += removed;
            if !more {
                return Ok(sum);
            }
        }
    }

    /// Returns when all that was committed is on the disk.
    pub(super) fn sync(&self) -> std::result::Result<(), Error> {
        let _inside = self.enter()?;
        self.env.force_sync().map_err(|error| explain(&self.dir, error))
    }

    #[inline]
    fn enter(&self) -> std::result::Result<Inside<'_>, Error> {
        let inside = self.gate.enter();
        // Set while the gate is closed.
        if self.lost.load(Ordering::Relaxed) { Err(self.gone()) } else { Ok(inside) }
    }

    /// Closes the gate.
    fn close(&self) -> std::result::Result<Closed<'_>, Error> {
        let closed = self.gate.close();
        if self.lost.load(Ordering::Relaxed) { Err(self.gone()) } else { Ok(closed) }
    }

    /// What can be done about a transaction that ended early, other than for lack of room.
    #[cold]
    fn recover(&self, stop: Stop, cleared: &mut bool) -> std::result::Result<(), Error> {
        match stop {
            Stop::Outgrown => {
                let closed = self.close()?;
                self.resize(0, &closed)
            }
            Stop::ReadersFull if !*cleared => {
                *cleared = true;
                self.env.clear_stale_readers().map(drop).map_err(|error| explain(&self.dir, error))
            }
            Stop::ReadersFull => Err(Error::unavailable(format!(
                "the store in `{}` has {} readers, and no room for another: `max_readers` says how many threads, of all \
                 processes, may read",
                self.dir.display(),
                self.env.max_readers()
            ))),
            other => Err(unstopped(&self.dir, other)),
        }
    }

    /// Maps more of the file than `size`, unless somebody has done so; is there more?
    #[cold]
    fn grow(&self, size: usize, intent: Intent) -> std::result::Result<bool, Error> {
        // Perhaps pages are only held by readers that have died.
        self.env.clear_stale_readers().map_err(|error| explain(&self.dir, error))?;
        let most = match intent {
            Intent::Add => self.settings.max_map_size,
            Intent::Remove => self.settings.size_for_removing(),
        };
        let closed = self.close()?;
        let now = self.env.info().map_size;
        if now > size {
            return Ok(true);
        }
        if now >= most {
            return Ok(false);
        }
        self.resize(now.saturating_mul(2).min(most), &closed)?;
        Ok(true)
    }

    /// Removes expired entries from a store, or a disk, that is full.
    #[cold]
    fn make_room(&self) -> std::result::Result<(), Error> {
        let now = unix_now();
        self.purge(now)?;
        self.write(Intent::Remove, |tree, txn| tree.note_cleaning(txn, now))?;
        // What was mapped for removing is not for adding.
        let closed = self.close()?;
        if self.env.info().map_size > self.settings.max_map_size {
            self.resize(self.settings.max_map_size, &closed)?;
        }
        Ok(())
    }

    fn resize(&self, size: usize, closed: &Closed<'_>) -> std::result::Result<(), Error> {
        raw::resize(&self.env, size, closed).map_err(|error| {
            // The old map is gone by then.
            self.lost.store(true, Ordering::Relaxed);
            explain(&self.dir, error)
        })
    }

    #[cold]
    fn gone(&self) -> Error {
        Error::unavailable(format!(
            "the store in `{}` could not be mapped when it grew; it is not there until it is opened again",
            self.dir.display()
        ))
    }

    fn after_commit(&self) {
        if self.commits.fetch_add(1, Ordering::Relaxed) % COMMITS_BETWEEN_CHECKS == COMMITS_BETWEEN_CHECKS - 1 {
            // It is done again later if it fails now.
            self.env.clear_stale_readers().ok();
        }
    }

    fn full(&self) -> Error {
        Error::unavailable(format!(
            "the store in `{}` is full: it has reached `max_map_size`, which is {} bytes",
            self.dir.display(),
            self.settings.max_map_size
        ))
    }
}

/// Opens the environment with as large a map as there is room for in this process.
fn map(dir: &Path, settings: Settings) -> heed::Result<Env<WithTls>> {
    let mut size = settings.map_size;
    loop {
        match raw::open(dir, size, settings.max_readers, settings.flags()) {
            Err(heed::Error::Io(error)) if error.kind() == ErrorKind::OutOfMemory && size > LEAST => size /= 2,
            other => return other,
        }
    }
}

/// What is done before anybody uses an environment.
fn first_look(env: &Env<WithTls>, dir: &Path) -> Result<Tree> {
    env.clear_stale_readers()?;
    verify(env, dir)?;
    tree(env, dir)
}

fn metas(dir: &Path) -> Result<[Meta; META_PAGES]> {
    let mut file = File::open(files::data_file(dir)).map_err(heed::Error::Io)?;
    let metas = meta_pages(&mut file).map_err(heed::Error::Io)?;
    metas.map_err(|wrong| Stop::Ours(files::damaged(dir, &wrong)))
}

/// Walks the trees, if it costs little, or the file is shorter than it says: then the pages that are missing must be free
/// ones. To read one that is needed is not an error but a signal that ends the process.
fn verify(env: &Env<WithTls>, dir: &Path) -> Result<()> {
    let mut file = File::open(files::data_file(dir)).map_err(heed::Error::Io)?;
    let len = file.metadata().map_err(heed::Error::Io)?.len();
    let is_whole = metas(dir)?.iter().all(|meta| meta.file_len() <= len);
    if is_whole && len > SMALL {
        return Ok(());
    }
    loop {
        // Pages of a snapshot are not written as long as a transaction reads it.
        let txn = env.read_txn()?;
        let Some(meta) = metas(dir)?.into_iter().find(|meta| meta.txn == txn.id()) else {
            // Two others have been committed meanwhile.
            continue;
        };
        let verdict = verify::snapshot(&mut file, &meta).map_err(heed::Error::Io)?;
        return verdict.map_err(|wrong| Stop::Ours(files::damaged(dir, &wrong)));
    }
}

/// The tree, whose layout is ours; in a new environment, it becomes so.
fn tree(env: &Env<WithTls>, dir: &Path) -> Result<Tree> {
    let txn = env.read_txn()?;
    let database = env.open_databases_and_commit(txn, |opener, txn| {
        opener.open_database(txn, None).map(CommitOrAbort::<_, ()>::Commit)
    });
    let database = database?.commit().flatten();
    let tree = Tree(database.ok_or_else(|| Error::corrupt(format!("`{}` holds no tree", dir.display())))?);
    let known = |version: Option<u32>| match version {
        Some(version) if version != VERSION => Err(Stop::Ours(Error::config(format!(
            "the store in `{}` has layout {version}, which this version of memo does not know (it knows {VERSION}); nothing \
             was changed",
            dir.display()
        )))),
        other => Ok(other.is_some()),
    };
    let txn = env.read_txn()?;
    if known(tree.version(&txn)?)? {
        return Ok(tree);
    }
    drop(txn);
    let mut txn = env.write_txn()?;
    // Others may have opened it, too.
    if !known(tree.version(&txn)?)? {
        tree.set_version(&mut txn)?;
        txn.commit()?;
    }
    Ok(tree)
}

/// The error to tell users where nothing else can be done.
fn unstopped(dir: &Path, stop: Stop) -> Error {
    let lmdb = match stop {
        Stop::Ours(error) => return error,
        Stop::Lmdb(error) | Stop::NoSpace(error) => error,
        Stop::Full => heed::MdbError::MapFull.into(),
        Stop::Outgrown => heed::MdbError::MapResized.into(),
        Stop::ReadersFull => heed::MdbError::ReadersFull.into(),
    };
    explain(dir, lmdb)
}

fn unix_now() -> UnixMillis {
    let since = clock::system_time(clock::now()).duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX)
}
