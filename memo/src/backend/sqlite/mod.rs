//! `sqlite://path`: a table in an SQLite database.

mod bounds;
mod connections;
mod fault;
mod files;
mod hints;
mod kept;
mod patience;
mod schema;
mod settings;
mod statements;

use std::{fmt, ops::ControlFlow};

use rusqlite::{Connection, Result as SqliteResult};

use self::{bounds::Bounds, connections::Connections, settings::Settings, statements::Statements};
use super::{Backend, Capabilities, Change, Edit, Item, UnixMillis, Url, Visit, place};
use crate::error::Error;

/// Entries in a table of an SQLite database, which several threads and processes may use at once.
///
/// ```
/// use memo::backend::{Backend, Item, Sqlite, Url};
///
/// # let dir = std::env::temp_dir().join(format!("memo-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).expect("a place for the example");
/// # let path = dir.join("cache.db").display().to_string();
/// let store = Sqlite::open(&Url::parse(&format!("sqlite://{path}?synchronous=normal&max_entries=10000"))?)?;
/// store.set(b"answer", Item::new(b"42"))?;
/// assert_eq!(store.get(b"answer")?.as_deref(), Some(&b"42"[..]));
/// # drop(store);
/// # std::fs::remove_dir_all(&dir).ok();
/// # Ok::<(), memo::Error>(())
/// ```
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `synchronous` | `normal` | what survives, see below: `off`, `normal`, `full`, `extra` |
/// | `busy_timeout` | `5s` | how long a write waits for those of other processes |
/// | `readers` | processors, at most 4 | connections that read at the same time |
/// | `table` | `memo_entries` | the name of the table; its other tables begin with it |
/// | `max_entries`, `max_bytes` | none | bounds of the entries, and of their keys and bytes together |
/// | `cache_size` | 2 MB | memory of each connection for pages |
/// | `mmap_size` | 0 | how much of the file is read through memory; a file that somebody cuts off then ends the process |
///
/// # What survives
///
/// Once `set` has returned, an entry survives the end of the process, however sudden, under every setting. A crash of the
/// machine, or a power cut, is another matter:
///
/// - `off`: the last entries may be lost, and the database may be damaged.
/// - `normal`: the last entries may be lost, those since the log was last written into the database
///   ([`flush`](Backend::flush) does that). The database is not damaged.
/// - `full`, `extra`: nothing is lost, and each write waits for the disk.
///
/// # Reads and writes
///
/// Reads never wait for writes, here or in other processes (write-ahead log). Writes wait for each other. A batch happens as
/// a whole or not at all. Where many entries are removed at once (by prefix, tag or expiry), it happens in steps of some
/// thousand, so that others get their turn.
///
/// # Bounds
///
/// They hold after every write of a store that was opened with them. What has expired goes first, then what was written
/// longest ago. An entry that is larger than `max_bytes` alone is not kept.
///
/// # What happens to the file
///
/// The database may hold other tables; they are left alone. The file is created for its owner only. If it is deleted or
/// replaced while it is in use, the next write goes to the new one, and so do reads, after a second at most. A
/// file that is no database, is damaged or was made by a newer version is an error, and is never changed; it needs to
/// be moved away, not the process to be restarted. The file does not shrink when entries leave: their room is used again, unless
/// whoever created the database chose `auto_vacuum = incremental`.
pub struct Sqlite {
    connections: Connections,
    statements: Statements,
}

impl Sqlite {
    /// Opens the database that a URL names, and creates what is missing.
    ///
    /// # Errors
    ///
    /// If the URL is wrong, the file can't be opened or created, is no database, or holds tables of a newer version.
    pub fn open(url: &Url) -> Result<Self, Error> {
        url.expect_scheme(&["sqlite"])?;
        let settings = Settings::of(url)?;
        let statements = Statements::new(&settings.table, settings.bounds.is_some());
        Ok(Self { connections: Connections::open(place::of(url)?, settings)?, statements })
    }

    fn bounds(&self) -> Option<&Bounds> {
        self.connections.settings().bounds.as_ref()
    }

    /// Stores an entry; the bounds are seen to later.
    fn put(&self, connection: &Connection, key: &[u8], item: Item<'_>) -> SqliteResult<()> {
        match self.bounds() {
            Some(bounds) if !bounds.allow(key, item.bytes) => self.statements.remove(connection, key).map(drop),
            _ => self.statements.put(connection, key, item),
        }
    }

    fn enforce_bounds(&self, connection: &Connection) -> SqliteResult<()> {
        self.bounds().map_or(Ok(()), |bounds| bounds.enforce(connection))
    }

    fn remove_all(&self, batch: &statements::Batch<'_>) -> Result<u64, Error> {
        let mut all = 0;
        loop {
            let (removed, is_more) = self.connections.write(|connection| batch.run(connection))?;
            all += removed;
            if !is_more {
                return Ok(all);
            }
        }
    }
}

impl Backend for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_batch: true,
            atomic_update: true,
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
        self.connections.read(|connection| self.statements.get(connection, key))
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        if item.tags.is_empty() && self.bounds().is_none() {
            return self.connections.write(|connection| self.statements.put(connection, key, item));
        }
        self.set_many(&[(key, item)])
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        self.connections.write(|connection| self.statements.remove(connection, key))
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.remove_all(&self.statements.remove_under(prefix))
    }

    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        if tags.is_empty() {
            return Ok(0);
        }
        self.remove_all(&self.statements.remove_tagged(prefix, tags))
    }

    fn update(&self, key: &[u8], change: Edit<'_>) -> Result<(), Error> {
        self.connections.change(|connection| match change(self.statements.get(connection, key)?.as_deref()) {
            Change::Keep => Ok(()),
            Change::Remove => self.statements.remove(connection, key).map(drop),
            Change::Set { bytes, expires, tags, .. } => {
                Item::borrowed(&bytes, expires, &tags, |item| self.put(connection, key, item))?;
                self.enforce_bounds(connection)
            }
        })
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.connections.read(|connection| {
            let _at_one_moment = connection.unchecked_transaction()?;
            keys.iter().map(|key| self.statements.get(connection, key)).collect()
        })
    }

    fn set_many(&self, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        if items.is_empty() {
            return Ok(());
        }
        self.connections.change(|connection| {
            items.iter().try_for_each(|(key, item)| self.put(connection, key, *item))?;
            self.enforce_bounds(connection)
        })
    }

    fn remove_many(&self, keys: &[&[u8]]) -> Result<Vec<bool>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.connections.change(|connection| keys.iter().map(|key| self.statements.remove(connection, key)).collect())
    }

    fn remove_prefixes(&self, prefixes: &[&[u8]]) -> Result<Vec<u64>, Error> {
        if prefixes.is_empty() {
            return Ok(Vec::new());
        }
        let batches: Vec<_> = prefixes.iter().map(|prefix| self.statements.remove_under(prefix)).collect();
        self.connections.change(|connection| batches.iter().map(|batch| batch.run_to_end(connection)).collect())
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        let mut from = prefix.to_vec();
        loop {
            let page = self.connections.read(|connection| self.statements.page(connection, prefix, from.clone()))?;
            // The connection is free again: `visit` may call the store.
            for (key, bytes) in &page {
                if visit(key, bytes) == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
            let Some((last, _)) = page.into_iter().next_back() else { return Ok(()) };
            // The least key after the last one.
            from = last;
            from.push(0);
        }
    }

    fn count(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.connections.read(|connection| self.statements.count(connection, prefix))
    }

    fn purge(&self, now: UnixMillis) -> Result<u64, Error> {
        let removed = self.remove_all(&self.statements.remove_expired(now))?;
        self.connections.write(|connection| statements::tidy(connection))?;
        Ok(removed)
    }

    fn flush(&self) -> Result<(), Error> {
        // Two checkpoints at once are busy at once, without waiting.
        self.connections.insist(statements::checkpoint)
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.connections.path()).finish_non_exhaustive()
    }
}
