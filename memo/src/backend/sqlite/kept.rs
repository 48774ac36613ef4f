//! A connection, with the statements that reads use all the time. A wrapper's cache of statements would do as well, but to find one
//! there and to put it back is an eighth of a read.
#![allow(unsafe_code, reason = "measured: 1,100 of 12,700 instructions of a hit; all of it is in this file")]

use std::{cell::RefCell, ops::Deref, ptr::NonNull};

use rusqlite::{Connection, OptionalExtension, PrepFlags, Result, Statement};

use super::statements::blob;

/// A connection, and what it has prepared for [`find`](Self::find).
pub(super) struct Kept {
    // They refer to the connection, so they are dropped before it.
    finders: RefCell<Option<Finders>>,
    connection: Place,
}

// SAFETY: a connection may go to another thread, and so may its statements as long as they go together: SQLite asks only that
// no two threads use them at the same time, and who has a `Kept` by value or by `&mut` has all references to the connection.
unsafe impl Send for Kept {}

/// What finds an entry.
pub(super) struct Finding {
    /// Gives the bytes of the entry with this number, if its key is this.
    pub(super) by_id: String,
    /// Gives number and bytes of the entry with this key.
    pub(super) by_key: String,
}

/// The statements for [`Finding`]. They live as long as the connection, not for ever.
struct Finders {
    by_id: Statement<'static>,
    by_key: Statement<'static>,
}

impl Kept {
    pub(super) fn new(connection: Connection) -> Self {
        Self { finders: RefCell::default(), connection: Place::of(connection) }
    }

    /// An entry with its number. `id`: the number that it had when it was found before.
    pub(super) fn find(&self, finding: &Finding, key: &[u8], id: Option<i64>) -> Result<Option<(i64, Vec<u8>)>> {
        let mut finders = self.finders.borrow_mut();
        let finders = match &mut *finders {
            Some(finders) => finders,
            none => none.insert(self.prepare(finding)?),
        };
        if let Some(id) = id
            && let Some(bytes) = finders.by_id.query_row((id, key), |row| blob(row, 0)).optional()?
        {
            return Ok(Some((id, bytes)));
        }
        finders.by_key.query_row([key], |row| Ok((row.get(0)?, blob(row, 1)?))).optional()
    }

    fn prepare(&self, finding: &Finding) -> Result<Finders> {
        // SAFETY: the connection stays where it is until `finders` was dropped, and nothing of them leaves this file.
        let connection: &'static Connection = unsafe { self.connection.0.as_ref() };
        let prepare = |sql| connection.prepare_with_flags(sql, PrepFlags::SQLITE_PREPARE_PERSISTENT);
        Ok(Finders { by_id: prepare(&finding.by_id)?, by_key: prepare(&finding.by_key)? })
    }
}

impl Deref for Kept {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        // SAFETY: it lives as long as its place.
        unsafe { self.connection.0.as_ref() }
    }
}

/// Where a connection stays, whoever moves the owner: a `Box` may not be moved while something refers to what is in it.
struct Place(NonNull<Connection>);

impl Place {
    fn of(connection: Connection) -> Self {
        Self(NonNull::from(Box::leak(Box::new(connection))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // SAFETY: it was leaked by `of`, and nothing refers to it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
