//! One environment of LMDB, open once in this process, whose map grows as it must.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use heed::{Env, RoTxn, RwTxn, WithTls};

use super::{
    files, first_look,
    gate::{Closed, Gate, Inside},
    raw,
    settings::Settings,
    stop::{Attempt, Stop, explain},
    tree::Tree,
};
use crate::{backend::UnixMillis, clock, error::Error};

#[derive(Debug)]
pub(super) struct Environment {
    pub(super) dir: PathBuf,
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

/// After so many commits, slots of readers that have died are freed: they keep pages from being used again.
const COMMITS_BETWEEN_CHECKS: u32 = 256;

impl Environment {
    /// Opens the environment in a directory. Nobody else in this process has it open.
    pub(super) fn open(dir: PathBuf, settings: Settings) -> Result<Self, Error> {
        files::check_data(&dir)?;
        files::prepare_lock(&dir, settings.max_readers)?;
        let env = first_look::open(&dir, settings).map_err(|error| explain(&dir, error))?;
        let gate = Gate::default();
        let tree = loop {
            match first_look::take(&env, &dir) {
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
    pub(super) fn read<T>(&self, mut body: impl FnMut(Tree, &RoTxn<'_>) -> Attempt<T>) -> Result<T, Error> {
        let mut freed_slots = false;
        loop {
            let inside = self.enter()?;
            let txn = self.env.read_txn().map_err(Stop::from);
            let stop = match txn.and_then(|txn| body(self.tree, &txn)) {
                Ok(result) => return Ok(result),
                Err(stop) => stop,
            };
            drop(inside);
            self.recover(stop, &mut freed_slots)?;
        }
    }

    /// Writes within one transaction. `body` may be run several times; what counts is its last run.
    pub(super) fn write<T>(
        &self,
        intent: Intent,
        mut body: impl FnMut(Tree, &mut RwTxn<'_>) -> Attempt<T>,
    ) -> Result<T, Error> {
        let (mut freed_slots, mut made_room) = (false, false);
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
                Stop::Full | Stop::NoSpace(_) if intent == Intent::Add && !made_room => {
                    made_room = true;
                    self.make_room()?;
                }
                Stop::Full => return Err(self.full()),
                other => self.recover(other, &mut freed_slots)?,
            }
        }
    }

    /// Removes all entries that expired at `now` or before, some at a time; gives their number.
    pub(super) fn purge(&self, now: UnixMillis) -> Result<u64, Error> {
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
    pub(super) fn sync(&self) -> Result<(), Error> {
        let _inside = self.enter()?;
        self.env.force_sync().map_err(|error| explain(&self.dir, error))
    }

    #[inline]
    fn enter(&self) -> Result<Inside<'_>, Error> {
        let inside = self.gate.enter();
        // Set while the gate is closed.
        if self.lost.load(Ordering::Relaxed) { Err(self.gone()) } else { Ok(inside) }
    }

    /// Closes the gate.
    fn close(&self) -> Result<Closed<'_>, Error> {
        let closed = self.gate.close();
        if self.lost.load(Ordering::Relaxed) { Err(self.gone()) } else { Ok(closed) }
    }

    /// What can be done about a transaction that ended early, other than for lack of room.
    #[cold]
    fn recover(&self, stop: Stop, freed_slots: &mut bool) -> Result<(), Error> {
        match stop {
            Stop::Outgrown => {
                let closed = self.close()?;
                self.resize(0, &closed)
            }
            Stop::ReadersFull if !*freed_slots => {
                *freed_slots = true;
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
    fn grow(&self, size: usize, intent: Intent) -> Result<bool, Error> {
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
    fn make_room(&self) -> Result<(), Error> {
        let now = clock::unix_now();
        self.purge(now)?;
        self.write(Intent::Remove, |tree, txn| tree.note_cleaning(txn, now))?;
        // What was mapped for removing is not for adding.
        let closed = self.close()?;
        if self.env.info().map_size > self.settings.max_map_size {
            self.resize(self.settings.max_map_size, &closed)?;
        }
        Ok(())
    }

    fn resize(&self, size: usize, closed: &Closed<'_>) -> Result<(), Error> {
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
