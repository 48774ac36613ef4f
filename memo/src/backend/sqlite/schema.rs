//! The tables, and how those of earlier versions become those of today.
//!
//! A database may hold several sets of them, under different names, and tables of others. `user_version` is therefore not
//! ours: each set has a row in a table of versions.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Result as SqliteResult, Transaction, TransactionBehavior, params};

use super::fault;
use crate::error::Error;

/// The table of versions.
pub(super) const VERSIONS: &str = "memo_schema";

/// What leads from each version to the next, a new database from nothing to today's. `{t}` is the name of the entries' table.
/// What has been released is never changed, only added to.
///
/// The entries are an ordinary table and an index over the keys, not a table `WITHOUT ROWID`: that keeps rows in the inner pages
/// of its tree, and compares keys by reading rows whole. Measured, it reads 100 bytes 12 % faster, but 1 to 4 kB 2.7 times and
/// 100 kB 6 times slower. Tags are short, and need but one tree without.
const STEPS: &[&str] = &[
    // 1: entries. Bounded stores forget in the order of `id`.
    r#"CREATE TABLE "{t}" (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, expires INTEGER, bytes BLOB NOT NULL
    );
    CREATE INDEX "{t}_expires" ON "{t}" (expires) WHERE expires IS NOT NULL;"#,
    // 2: tags. They go with their entry, whoever removes it.
    r#"CREATE TABLE "{t}_tags" (tag TEXT NOT NULL, key BLOB NOT NULL, PRIMARY KEY (tag, key)) WITHOUT ROWID;
    CREATE INDEX "{t}_tags_key" ON "{t}_tags" (key);
    CREATE TRIGGER "{t}_removed" AFTER DELETE ON "{t}" BEGIN DELETE FROM "{t}_tags" WHERE key = old.key; END;
    CREATE TRIGGER "{t}_replaced" AFTER UPDATE ON "{t}" BEGIN DELETE FROM "{t}_tags" WHERE key = old.key; END;"#,
];

/// Today's version.
const NEWEST: u32 = 2;
const _: () = assert!(STEPS.len() == NEWEST as usize);

/// What a bounded store adds, once: totals that everyone who writes keeps, by triggers, whether they know the bound or not.
const TOTALS: &str = r#"CREATE TABLE "{t}_totals" (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
    INSERT INTO "{t}_totals" SELECT count(*), coalesce(sum(length(key) + length(bytes)), 0) FROM "{t}";
    CREATE TRIGGER "{t}_total_in" AFTER INSERT ON "{t}" BEGIN
        UPDATE "{t}_totals" SET entries = entries + 1, bytes = bytes + length(new.key) + length(new.bytes); END;
    CREATE TRIGGER "{t}_total_out" AFTER DELETE ON "{t}" BEGIN
        UPDATE "{t}_totals" SET entries = entries - 1, bytes = bytes - length(old.key) - length(old.bytes); END;
    CREATE TRIGGER "{t}_total_new" AFTER UPDATE ON "{t}" BEGIN
        UPDATE "{t}_totals" SET bytes = bytes - length(old.bytes) + length(new.bytes); END;"#;

/// Can a set of tables have this name?
pub(super) fn check_name(table: &str) -> Result<(), Error> {
    let lower = table.to_ascii_lowercase();
    if lower == VERSIONS || lower.starts_with("sqlite_") || lower.ends_with("_tags") || lower.ends_with("_totals") {
        return Err(Error::config(format!(
            "`table={table}`: `{VERSIONS}`, `sqlite_…`, `…_tags` and `…_totals` are names of tables that the store needs itself"
        )));
    }
    Ok(())
}

/// Fails if there are tables that are not ours, or of a version that this library does not know. Changes nothing.
pub(super) fn check(connection: &Connection, path: &Path, table: &str) -> Result<(), Error> {
    known_version(&*one_look(connection, path)?, path, table).map(drop)
}

/// All that is asked through it is of one moment: another process may be making the tables.
fn one_look<'c>(connection: &'c Connection, path: &Path) -> Result<Transaction<'c>, Error> {
    Transaction::new_unchecked(connection, TransactionBehavior::Deferred).map_err(|error| fault::error(path, error))
}

/// The version of the tables, 0 if there are none.
fn known_version(connection: &Connection, path: &Path, table: &str) -> Result<u32, Error> {
    match version(connection, table).map_err(|error| fault::error(path, error))? {
        None => Err(Error::config(format!(
            "`{}` has tables `{table}…` that memo did not make; choose another name with `table=…`",
            path.display()
        ))),
        Some(version) if version > NEWEST => Err(Error::config(format!(
            "the tables `{table}` in `{}` have version {version}, made by a newer memo; this one knows version {NEWEST}. \
             Update it, or choose another name with `table=…`",
            path.display()
        ))),
        Some(version) => Ok(version),
    }
}

/// `None`: there are tables, but of somebody else.
fn version(connection: &Connection, table: &str) -> SqliteResult<Option<u32>> {
    if has_table(connection, VERSIONS)? {
        let sql = format!("SELECT version FROM {VERSIONS} WHERE name = ?1");
        let version = connection.query_row(&sql, [table], |row| row.get(0)).optional()?;
        if version.is_some() {
            return Ok(version);
        }
    }
    let is_taken = has_table(connection, table)?
        || has_table(connection, &named("{t}_tags", table))?
        || has_table(connection, &named("{t}_totals", table))?;
    Ok((!is_taken).then_some(0))
}

fn has_table(connection: &Connection, name: &str) -> SqliteResult<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE";
    connection.query_row(sql, [name], |row| Ok(row.get::<_, i64>(0)? > 0))
}

/// Makes the tables, or brings them to today's version.
pub(super) fn ensure(connection: &Connection, path: &Path, table: &str, is_bounded: bool) -> Result<(), Error> {
    let fault = |error| fault::error(path, error);
    if is_complete(connection, path, table, is_bounded)? {
        return Ok(());
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(fault)?;
    // Again, now that no other process can do it meanwhile.
    let version = known_version(&transaction, path, table)?;
    migrate(&transaction, table, version, is_bounded).and_then(|()| transaction.commit()).map_err(fault)
}

fn is_complete(connection: &Connection, path: &Path, table: &str, is_bounded: bool) -> Result<bool, Error> {
    let seen = one_look(connection, path)?;
    let has_totals = || has_totals(&seen, table).map_err(|error| fault::error(path, error));
    Ok(known_version(&seen, path, table)? == NEWEST && (!is_bounded || has_totals()?))
}

fn has_totals(connection: &Connection, table: &str) -> SqliteResult<bool> {
    has_table(connection, &named("{t}_totals", table))
}

fn migrate(connection: &Connection, table: &str, version: u32, is_bounded: bool) -> SqliteResult<()> {
    for step in STEPS.iter().skip(version as usize) {
        connection.execute_batch(&named(step, table))?;
    }
    if is_bounded && !has_totals(connection, table)? {
        connection.execute_batch(&named(TOTALS, table))?;
    }
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {VERSIONS}
         (name TEXT PRIMARY KEY COLLATE NOCASE, version INTEGER NOT NULL) WITHOUT ROWID"
    ))?;
    let sql = format!("INSERT INTO {VERSIONS} VALUES (?1, ?2) ON CONFLICT DO UPDATE SET version = ?2");
    connection.execute(&sql, params![table, NEWEST]).map(drop)
}

/// A statement with the name of the entries' table put in. Names are checked where URLs are: letters, digits and `_`.
pub(super) fn named(sql: &str, table: &str) -> String {
    sql.replace("{t}", table)
}
