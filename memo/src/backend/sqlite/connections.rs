//! The connections of a store: some to read, one to write, opened when they are needed and again when something
//! happened to them.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, MAIN_DB, OpenFlags, Result as SqliteResult, Transaction, TransactionBehavior};

use super::{fault, files, kept::Kept, patience::patiently, schema, settings::Settings, statements};
use crate::{clock, error::Error};

/// How often a connection that reads looks whether the file is still where it was, in milliseconds. Looking costs a third of
/// a read.
const LOOK_EVERY: u64 = 1000;

pub(super) struct Connections {
    path: PathBuf,
    settings: Settings,
    /// Counted up when all connections have to be opened again.
    generation: AtomicU64,
    /// A thread has a favourite among them and takes another when that is busy, so that reads wait only for reads.
    readers: Box<[Slot]>,
    writer: Slot,
}

type Slot = Mutex<Option<Open>>;

struct Open {
    connection: Kept,
    generation: u64,
    /// When it was last seen to use the file at the path. Of each: one that was opened later may use another file.
    looked: u64,
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
        let connections = Self { path, settings, generation: AtomicU64::new(0), readers, writer: Slot::default() };
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
    pub(super) fn read<T>(&self, work: impl FnMut(&Kept) -> SqliteResult<T>) -> Result<T, Error> {
        let mut slot = self.reader();
        if slot.as_mut().is_some_and(Open::is_time_to_look) {
            self.look(&mut slot);
        }
        self.run(&mut slot, Role::Reader, work)
    }

    /// Runs `work` on the connection that writes.
    pub(super) fn write<T>(&self, work: impl FnMut(&Kept) -> SqliteResult<T>) -> Result<T, Error> {
        let mut slot = self.writer.lock();
        self.look(&mut slot);
        self.run(&mut slot, Role::Writer, work)
    }

    /// Runs `work` in a transaction that writes.
    pub(super) fn change<T>(&self, mut work: impl FnMut(&Kept) -> SqliteResult<T>) -> Result<T, Error> {
        self.write(|connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let done = work(connection)?;
            transaction.commit()?;
            Ok(done)
        })
    }

    /// Runs `work` on the connection that writes, again and again as long as others are in its way.
    pub(super) fn insist(&self, mut work: impl FnMut(&Connection) -> SqliteResult<()>) -> Result<(), Error> {
        self.write(|connection| patiently(self.settings.busy_timeout, fault::is_busy, || work(connection)))
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
        mut work: impl FnMut(&Kept) -> SqliteResult<T>,
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
    fn ready<'a>(&self, slot: &'a mut Option<Open>, role: Role) -> Result<&'a Kept, Error> {
        let generation = self.generation.load(Ordering::Acquire);
        if slot.as_ref().is_some_and(|open| open.generation != generation) {
            *slot = None;
        }
        let open = match slot.take() {
            Some(open) => open,
            None => Open { connection: Kept::new(self.connect(role)?), generation, looked: clock::now() },
        };
        Ok(&slot.insert(open).connection)
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
        statements::keep_prepared(&connection).map_err(fault)?;
        // Before anything is changed.
        schema::check(&connection, &self.path, &self.settings.table)?;
        // A second process that does the same makes this fail at once.
        patiently(timeout, fault::is_busy, || connection.execute_batch(&self.settings.pragmas)).map_err(fault)?;
        schema::ensure(&connection, &self.path, &self.settings.table, self.settings.bounds.is_some())?;
        if role == Role::Reader {
            connection.pragma_update(None, "query_only", true).map_err(fault)?;
        }
        Ok(connection)
    }
}

impl Open {
    /// Has it been some time since it looked? Then it is about to.
    fn is_time_to_look(&mut self) -> bool {
        let now = clock::now();
        let is_time = now.saturating_sub(self.looked) >= LOOK_EVERY;
        if is_time {
            self.looked = now;
        }
        is_time
    }
}

/// Is the file that a connection uses no longer the one at its path? Where the platform can't tell, files in use can't be
/// deleted.
fn has_moved(connection: &Connection) -> bool {
    let mut has_moved = 0;
    let asked = connection.file_control(Some(MAIN_DB), rusqlite::FileControl::HasMoved(&mut has_moved));
    asked.is_ok() && has_moved != 0
}

/// A small number for this thread.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.try_with(|number| *number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;
    use crate::{backend::Url, clock::TestClock};

    #[test]
    fn each_connection_notices_that_the_file_was_replaced() {
        let clock = TestClock::install();
        let dir = std::env::temp_dir().join(format!("memo-connections-{:x}", crate::owner_only::unique()));
        let path = dir.join("cache.db");
        let settings = Settings::of(&Url::parse("sqlite://?readers=2").expect("valid")).expect("valid");
        let connections = Connections::open(path.clone(), settings).expect("opens");
        // What one of the two sees while the other is busy.
        let marks = |free: usize| {
            let _busy = connections.readers[1 - free].lock();
            let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'mark'";
            connections.read(|one| one.query_row(tables, [], |row| row.get::<_, i64>(0))).expect("reads")
        };
        assert_eq!(marks(0), 0, "it uses the first file from now on");
        let new = dir.join("new.db");
        let raw = Connection::open(&new).expect("opens");
        raw.execute_batch("CREATE TABLE mark (x)").expect("writes");
        drop(raw);
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(dir.join(format!("cache.db{suffix}"))).expect("is there");
        }
        fs::rename(&new, &path).expect("renames");
        assert_eq!(marks(1), 1, "the other one was never opened before");
        for _ in 0..2 {
            clock.advance(Duration::from_secs(1));
            assert_eq!((marks(1), marks(0)), (1, 1), "whoever looks first, the other one looks, too");
        }
        drop(connections);
        fs::remove_dir_all(dir).expect("is there");
    }
}
