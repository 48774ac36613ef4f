//! What SQLite's errors mean to those who use a store, and to the connection that they came from.

use std::path::Path;

use rusqlite::{Error as Sqlite, ErrorCode};

use crate::error::Error;

/// The error to give for one of SQLite's on the database at `path`.
pub(super) fn error(path: &Path, error: Sqlite) -> Error {
    let shown = path.display();
    let made = match code(&error) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::unavailable(format!(
            "another process kept `{shown}` locked for longer than `busy_timeout`; raise it, or find who holds the lock"
        )),
        Some(ErrorCode::DatabaseCorrupt) => {
            Error::corrupt(format!("`{shown}` is damaged; delete it, with its `-wal`, and it is made anew: {error}"))
        }
        Some(ErrorCode::NotADatabase) => Error::corrupt(format!(
            "`{shown}` is no SQLite database, or its beginning is damaged; delete it if it is of no use, or name another path"
        )),
        Some(ErrorCode::DiskFull) => {
            Error::unavailable(format!("no room is left for `{shown}`; make some, or set `max_bytes`: {error}"))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Error::unavailable(format!(
            "`{shown}` can't be opened or written; this user needs read and write access to the file and its directory: {error}"
        )),
        Some(ErrorCode::TooBig) => Error::encoding(format!("larger than SQLite stores (1 GB), for `{shown}`: {error}")),
        // A statement of ours that does not fit: somebody has changed the tables.
        Some(ErrorCode::Unknown) => {
            Error::corrupt(format!("the tables of memo in `{shown}` are not as they were made: {error}"))
        }
        // A column holds what none of ours ever holds.
        None if is_of_wrong_type(&error) => {
            Error::corrupt(format!("`{shown}` is damaged: an entry is of a wrong type: {error}"))
        }
        _ => Error::unavailable(format!("`{shown}` failed: {error}")),
    };
    made.with_source(error)
}

/// Has the connection seen something that a new one may not see, so that it should be closed?
pub(super) fn needs_new_connection(error: &Sqlite) -> bool {
    !matches!(
        code(error),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull | ErrorCode::TooBig)
    )
}

pub(super) fn is_busy(error: &Sqlite) -> bool {
    matches!(code(error), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn code(error: &Sqlite) -> Option<ErrorCode> {
    match error {
        Sqlite::SqlInputError { error, .. } => Some(error.code),
        other => other.sqlite_error_code(),
    }
}

fn is_of_wrong_type(error: &Sqlite) -> bool {
    matches!(
        error,
        Sqlite::InvalidColumnType(..) | Sqlite::FromSqlConversionFailure(..) | Sqlite::IntegralValueOutOfRange(..)
    )
}
