//! The connections of a store: some to read, one to write, opened when they are needed and again when something
//! happened to them.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, MAIN_DB, OpenFlags, Result as SqliteResult, Transaction, TransactionBehavior};

use super::{fault, files, schema, settings::Settings};
use crate::{clock, error::Error};

/// How often reads look whether the file is still where it was, in milliseconds. Looking costs a third of a read.
const LOOK_EVERY: u64 = 1000;

pub(super) struct Connections {
    path: PathBuf,
    settings: Settings,
    /// Counted up when all connections have to be opened again.
    generation: AtomicU64,
    /// When a read last looked at the file.
    looked: AtomicU64,
    /// A thread has a favourite among them and takes another when that is busy, so that reads wait only for reads.
    readers: Box<[Slot]>,
    writer: Slot,
}

type Slot = Mutex<Option<Open>>;

struct Open {
    connection: Connection,
    generation: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Reader,
    Writer,
}

impl Connections {
    /// Opens the database, for one who writes; readers come when they are needed.
    pub(super) fn open(path: PathBuf, settings: Settings) -> Result<Self, Error> {
        let readers = (0..settings.readers).map(|_| Slot::default()).collect();
        let connections = Self {
            path,
            settings,
            generation: AtomicU64::new(0),
            looked: AtomicU64::new(clock::now()),
            readers,
            writer: Slot::default(),
        };
        connections.ready(&mut connections.writer.lock(), Role::Writer)?;
        Ok(connections)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Runs `work` on a connection that reads.
    pub(super) fn read<T>(&self, work: impl FnMut(&Connection) -> SqliteResult<T>) -> Result<T, Error> {
        let mut slot = self.reader();
        if self.is_time_to_look() {
            self.look(&mut slot);
        }
        self.run(&mut slot, Role::Reader, work)
    }

    /// Runs `work` on the connection that writes.
    pub(super) fn write<T>(&self, work: impl FnMut(&Connection) -> SqliteResult<T>) -> Result<T, Error> {
        let mut slot = self.writer.lock();
        self.look(&mut slot);
        self.run(&mut slot, Role::Writer, work)
    }

    /// Runs `work` in a transaction that writes.
    pub(super) fn change<T>(&self, mut work: impl FnMut(&Connection) -> SqliteResult<T>) -> Result<T, Error> {
        self.write(|connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
    }

    /// Runs `work` on the connection that writes, again and again as long as others are in its way.
    pub(super) fn insist(&self, mut work: impl FnMut(&Connection) -> SqliteResult<()>) -> Result<(), Error> {
        self.write(|connection| patiently(self.settings.busy_timeout, || work(connection)))
    }

    fn reader(&self) -> MutexGuard<'_, Option<Open>> {
        let favourite = thread_number() % self.readers.len();
        let (before, from) = self.readers.split_at(favourite);
        let free = from.iter().chain(before).find_map(Mutex::try_lock);
        free.unwrap_or_else(|| self.readers[favourite].lock())
    }

    fn run<T>(
        &self,
        slot: &mut Option<Open>,
        role: Role,
        mut work: impl FnMut(&Connection) -> SqliteResult<T>,
    ) -> Result<T, Error> {
        let error = match work(self.ready(slot, role)?) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if !fault::needs_new_connection(&error) {
            return Err(fault::error(&self.path, error));
        }
        // If the file is another one by now, that is why, and the new one may serve.
        let has_moved = slot.as_ref().is_some_and(|open| has_moved(&open.connection));
        self.renew(slot);
        if !has_moved {
            return Err(fault::error(&self.path, error));
        }
        work(self.ready(slot, role)?).map_err(|error| fault::error(&self.path, error))
    }

    /// The slot's connection, opened now if there is none or it is of an earlier generation.
    fn ready<'a>(&self, slot: &'a mut Option<Open>, role: Role) -> Result<&'a Connection, Error> {
        let generation = self.generation.load(Ordering::Acquire);
        if slot.as_ref().is_some_and(|open| open.generation != generation) {
            *slot = None;
        }
        let open = match slot.take() {
            Some(open) => open,
            None => Open { connection: self.connect(role)?, generation },
        };
        Ok(&slot.insert(open).connection)
    }

    fn is_time_to_look(&self) -> bool {
        let now = clock::now();
        let is_time = now.saturating_sub(self.looked.load(Ordering::Relaxed)) >= LOOK_EVERY;
        if is_time {
            self.looked.store(now, Ordering::Relaxed);
        }
        is_time
    }

    /// Has all connections opened again if the file was deleted or replaced.
    fn look(&self, slot: &mut Option<Open>) {
        let current = self.generation.load(Ordering::Acquire);
        let is_gone = |open: &Open| open.generation == current && has_moved(&open.connection);
        if slot.as_ref().is_some_and(is_gone) {
            self.renew(slot);
        }
    }

    /// Closes this connection and all that are idle; those that are at work are closed when they are used next. SQLite
    /// keeps state per file and process, which ends only when all have been closed.
    fn renew(&self, slot: &mut Option<Open>) {
        *slot = None;
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        for mut other in self.readers.iter().chain([&self.writer]).filter_map(Mutex::try_lock) {
            if other.as_ref().is_some_and(|open| open.generation != generation) {
                *other = None;
            }
        }
    }

    fn connect(&self, role: Role) -> Result<Connection, Error> {
        let fault = |error| fault::error(&self.path, error);
        files::create(&self.path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(fault)?;
        let timeout = self.settings.busy_timeout;
        connection.busy_timeout(timeout).map_err(fault)?;
        // Before anything is changed.
        schema::check(&connection, &self.path, &self.settings.table)?;
        // A second process that does the same makes this fail at once.
        patiently(timeout, || connection.execute_batch(&self.settings.pragmas)).map_err(fault)?;
        schema::ensure(&connection, &self.path, &self.settings.table, self.settings.bounds.is_some())?;
        if role == Role::Reader {
            connection.pragma_update(None, "query_only", true).map_err(fault)?;
        }
        Ok(connection)
    }
}

/// Is the file that a connection uses no longer the one at its path? Where the platform can't tell, files in use can't be
/// deleted.
fn has_moved(connection: &Connection) -> bool {
    let mut has_moved = 0;
    let asked = connection.file_control(Some(MAIN_DB), rusqlite::FileControl::HasMoved(&mut has_moved));
    asked.is_ok() && has_moved != 0
}

/// Does what SQLite gives up at once when somebody else is in its way, until a time is over.
fn patiently(timeout: Duration, mut work: impl FnMut() -> SqliteResult<()>) -> SqliteResult<()> {
    let start = Instant::now();
    loop {
        match work() {
            Err(error) if fault::is_busy(&error) && start.elapsed() < timeout => {
                thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

/// A small number for this thread.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.try_with(|number| *number).unwrap_or_default()
}
