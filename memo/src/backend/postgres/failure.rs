//! What went wrong, in our words.

use std::error::Error as _;

use tokio_postgres::{Error as Answer, error::SqlState};

use crate::{backend::net::Failure, error::Error};

/// What an error of the client means for the connection and for who asked.
pub(super) fn of(error: &Answer, server: &str) -> Failure {
    if error.code() == Some(&SqlState::QUERY_CANCELED) {
        return timeout(server);
    }
    let said = match error.as_db_error() {
        // Not its details, which may hold what was sent.
        Some(said) => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
        None => chain(error),
    };
    let message = format!("`{server}` failed: {said}");
    // Not as their source, for the same reason.
    let failed = if is_setting(error) { Error::config(message) } else { Error::unavailable(message) };
    if is_lost(error) { Failure::lost(failed) } else { Failure::refused(failed) }
}

/// The server did not answer within the time that is set for it.
pub(super) fn timeout(server: &str) -> Failure {
    Failure::lost(Error::unavailable(format!("`{server}` did not answer in time")))
}

/// What the client says, and why.
fn chain(error: &Answer) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

/// Does it take somebody to change a setting, a right or a password?
fn is_setting(error: &Answer) -> bool {
    match error.code() {
        Some(code) => [
            SqlState::INVALID_PASSWORD,
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            SqlState::INVALID_CATALOG_NAME,
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::INSUFFICIENT_PRIVILEGE,
        ]
        .contains(code),
        // The client has no other way to tell: the server wants a password, and there is none.
        None => error.to_string() == "invalid configuration",
    }
}

/// Is the connection, or the server behind it, of no use for the next request either?
fn is_lost(error: &Answer) -> bool {
    let Some(code) = error.code() else { return true };
    // Connections (08), an end by the administrator (57P), and what a new connection may mend: another server that may write,
    // tables or prepared statements that are gone.
    code.code().starts_with("08")
        || code.code().starts_with("57P")
        || [
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::INVALID_SQL_STATEMENT_NAME,
            SqlState::FEATURE_NOT_SUPPORTED,
            SqlState::IN_FAILED_SQL_TRANSACTION,
        ]
        .contains(code)
}
