//! One environment of LMDB, open once in this process, whose map grows as it must.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use heed::{Env, RoTxn, RwTxn, WithTls};

use super::{
    files, first_look,
    gate::{Closed, Gate, Inside},
    identity::Identity,
    raw,
    settings::Settings,
    stop::{Attempt, Stop, explain},
    tree::Tree,
};
use crate::{backend::UnixMillis, clock, error::Error};

#[derive(Debug)]
pub(super) struct Environment {
    dir: PathBuf,
    create_dir: fn(&Path) -> Result<(), Error>,
    settings: Settings,
    /// Transactions are inside. There is nothing behind it before the first one, or after the map was lost.
    gate: Gate<Opened>,
    commits: AtomicU32,
    /// When somebody last looked whether the files are still where they were.
    looked: AtomicU64,
}

/// What LMDB has open.
#[derive(Debug)]
struct Opened {
    env: Env<WithTls>,
    tree: Tree,
    identity: Identity,
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
/// How often reads look whether the files are still where they were, in milliseconds. Looking costs as much as some reads.
const LOOK_EVERY: u64 = 1000;
/// So many times within one operation, files that were deleted or replaced are opened again.
const MOST_MOVES: usize = 16;

impl Environment {
    /// The environment in a directory, which [`refresh`](Self::refresh) opens. Nobody else in this process has it open.
    pub(super) fn new(dir: PathBuf, create_dir: fn(&Path) -> Result<(), Error>, settings: Settings) -> Self {
        let (gate, looked) = (Gate::default(), AtomicU64::new(clock::now()));
        Self { dir, create_dir, settings, gate, commits: AtomicU32::new(0), looked }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens the files that are in the directory, unless they are open.
    pub(super) fn refresh(&self) -> Result<(), Error> {
        let is_current = self.gate.enter().is_some_and(|opened| opened.identity.is_current());
        if is_current { Ok(()) } else { self.open_again() }
    }

    /// Reads within one transaction.
    #[inline]
    pub(super) fn read<T>(&self, mut body: impl FnMut(Tree, &RoTxn<'_>) -> Attempt<T>) -> Result<T, Error> {
        self.look()?;
        let mut tried = Tried::default();
        loop {
            let opened = self.enter()?;
            let txn = opened.env.read_txn().map_err(Stop::from);
            let stop = match txn.and_then(|txn| body(opened.tree, &txn)) {
                Ok(result) => return Ok(result),
                Err(stop) => stop,
            };
            drop(opened);
            self.recover(stop, &mut tried)?;
        }
    }

    /// Writes within one transaction. `body` may be run several times; what counts is its last run.
    pub(super) fn write<T>(
        &self,
        intent: Intent,
        mut body: impl FnMut(Tree, &mut RwTxn<'_>) -> Attempt<T>,
    ) -> Result<T, Error> {
        let (mut tried, mut made_room) = (Tried::default(), false);
        loop {
            let opened = self.enter()?;
            let size = opened.env.info().map_size;
            let result = opened.env.write_txn().map_err(Stop::from).and_then(|mut txn| {
                // Under the lock of writers: where the files were replaced and the lock was not, those that use the new
                // ones must not find that something was committed meanwhile.
                if !opened.identity.is_current() {
                    return Err(Stop::Moved);
                }
                let result = body(opened.tree, &mut txn)?;
                txn.commit()?;
                Ok(result)
            });
            let stop = match result {
                Ok(result) => {
                    self.after_commit(&opened);
                    return Ok(result);
                }
                Err(stop) => stop,
            };
            drop(opened);
            match stop {
                Stop::Full if self.grow(size, intent)? => {}
                Stop::Full | Stop::NoSpace(_) if intent == Intent::Add && !made_room => {
                    made_room = true;
                    self.make_room()?;
                }
                Stop::Full => return Err(self.full()),
                other => self.recover(other, &mut tried)?,
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
        let opened = self.enter()?;
        opened.env.force_sync().map_err(|error| explain(&self.dir, error))
    }

    /// How many transactions were committed to the file.
    #[cfg(test)]
    pub(super) fn commits(&self) -> usize {
        self.gate.enter().map_or(0, |opened| opened.env.info().last_txn_id)
    }

    #[inline]
    fn enter(&self) -> Result<Inside<'_, Opened>, Error> {
        loop {
            if let Some(opened) = self.gate.enter() {
                return Ok(opened);
            }
            self.open_again()?;
        }
    }

    #[inline]
    fn look(&self) -> Result<(), Error> {
        let now = clock::now();
        if now.saturating_sub(self.looked.load(Ordering::Relaxed)) < LOOK_EVERY {
            return Ok(());
        }
        self.looked.store(now, Ordering::Relaxed);
        self.refresh()
    }

    /// Opens the files that are in the directory, unless somebody has just done so.
    #[cold]
    fn open_again(&self) -> Result<(), Error> {
        let mut closed = self.gate.close();
        if closed.content().is_some_and(|opened| opened.identity.is_current()) {
            return Ok(());
        }
        // First this: LMDB must not open one twice.
        closed.replace(None);
        (self.create_dir)(&self.dir)?;
        let opened = Opened::open(&self.dir, self.settings, &closed)?;
        closed.replace(Some(opened));
        Ok(())
    }

    /// What can be done about a transaction that ended early, other than for lack of room.
    #[cold]
    fn recover(&self, stop: Stop, tried: &mut Tried) -> Result<(), Error> {
        match stop {
            Stop::Outgrown => self.resize(0, &mut self.gate.close()),
            Stop::Moved if tried.moves < MOST_MOVES => {
                tried.moves += 1;
                self.open_again()
            }
            Stop::ReadersFull if !tried.freeing_slots => {
                tried.freeing_slots = true;
                let freed = self.enter()?.env.clear_stale_readers();
                freed.map(drop).map_err(|error| explain(&self.dir, error))
            }
            Stop::ReadersFull => Err(Error::unavailable(format!(
                "the store in `{}` has {} readers, and no room for another: `max_readers` says how many threads, of all \
                 processes, may read",
                self.dir.display(),
                self.enter()?.env.max_readers()
            ))),
            other => Err(unstopped(&self.dir, other)),
        }
    }

    /// Maps more of the file than `size`, unless somebody has done so; is there more?
    #[cold]
    fn grow(&self, size: usize, intent: Intent) -> Result<bool, Error> {
        // Perhaps pages are only held by readers that have died.
        self.enter()?.env.clear_stale_readers().map_err(|error| explain(&self.dir, error))?;
        let most = match intent {
            Intent::Add => self.settings.max_map_size,
            Intent::Remove => self.settings.size_for_removing(),
        };
        let mut closed = self.gate.close();
        // Where nothing is open, it is opened with another map.
        let now = closed.content().map_or(usize::MAX, |opened| opened.env.info().map_size);
        if now > size {
            return Ok(true);
        }
        if now >= most {
            return Ok(false);
        }
        self.resize(now.saturating_mul(2).min(most), &mut closed)?;
        Ok(true)
    }

    /// Removes expired entries from a store, or a disk, that is full.
    #[cold]
    fn make_room(&self) -> Result<(), Error> {
        let now = clock::unix_now();
        self.purge(now)?;
        self.write(Intent::Remove, |tree, txn| tree.note_cleaning(txn, now))?;
        // What was mapped for removing is not for adding.
        let mut closed = self.gate.close();
        if closed.content().is_some_and(|opened| opened.env.info().map_size > self.settings.max_map_size) {
            self.resize(self.settings.max_map_size, &mut closed)?;
        }
        Ok(())
    }

    fn resize(&self, size: usize, closed: &mut Closed<'_, Opened>) -> Result<(), Error> {
        let Some(opened) = closed.content() else { return Ok(()) };
        raw::resize(&opened.env, size, closed).map_err(|error| {
            // The old map is gone by then: LMDB must not be asked any more. Who comes next opens what it can.
            closed.replace(None);
            explain(&self.dir, error)
        })
    }

    fn after_commit(&self, opened: &Opened) {
        if self.commits.fetch_add(1, Ordering::Relaxed) % COMMITS_BETWEEN_CHECKS == COMMITS_BETWEEN_CHECKS - 1 {
            // It is done again later if it fails now.
            opened.env.clear_stale_readers().ok();
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

impl Opened {
    /// Opens the environment in a directory. Nothing is behind the gate that is closed.
    fn open(dir: &Path, settings: Settings, closed: &Closed<'_, Self>) -> Result<Self, Error> {
        files::check_data(dir)?;
        files::prepare_lock(dir, settings.max_readers)?;
        let explain = |error| explain(dir, error);
        let env = first_look::open(dir, settings).map_err(explain)?;
        let tree = loop {
            match first_look::take(&env, dir) {
                Ok(tree) => break tree,
                // Another process has just made the file larger than our map.
                Err(Stop::Outgrown) => raw::resize(&env, 0, closed).map_err(explain)?,
                Err(stop) => return Err(unstopped(dir, stop)),
            }
        };
        let identity = Identity::of(&env).map_err(explain)?;
        Ok(Self { env, tree, identity })
    }
}

/// What was tried within one operation.
#[derive(Default)]
struct Tried {
    freeing_slots: bool,
    moves: usize,
}

/// The error to tell users where nothing else can be done.
fn unstopped(dir: &Path, stop: Stop) -> Error {
    let lmdb = match stop {
        Stop::Ours(error) => return error,
        Stop::Lmdb(error) | Stop::NoSpace(error) => error,
        Stop::Full => heed::MdbError::MapFull.into(),
        Stop::Outgrown => heed::MdbError::MapResized.into(),
        Stop::ReadersFull => heed::MdbError::ReadersFull.into(),
        Stop::Moved => {
            return Error::unavailable(format!(
                "the files of the store in `{}` are deleted all the time",
                dir.display()
            ));
        }
    };
    explain(dir, lmdb)
}
