//! What is said to SQLite about entries. All of it runs on a connection that somebody else chose, which keeps it prepared.

use std::borrow::Cow;

use rusqlite::{
    Connection, Result, Row, ToSql,
    config::DbConfig,
    ffi,
    types::{FromSqlError, ValueRef},
};

use super::{
    bounds::integer,
    hints::Hints,
    kept::{Finding, Kept},
    schema::named,
};
use crate::backend::{Item, UnixMillis};

/// How many entries are removed in one transaction, so that those of others come between.
const BATCH: usize = 4096;
/// How much is read at once in a scan: entries, and about as many bytes.
const PAGE_ENTRIES: usize = 256;
const PAGE_BYTES: usize = 1 << 20;

/// How many statements a connection keeps prepared: all that a store has, with room for some numbers of tags.
const PREPARED: usize = 32;

/// What `PRAGMA auto_vacuum` says of a database that can be shortened step by step.
const INCREMENTAL: i64 = 2;

/// The statements of one set of tables.
pub(super) struct Statements {
    table: String,
    finding: Finding,
    hints: Hints,
    put: String,
    tag: String,
    remove: String,
    remove_expired: String,
    count: Ranged,
    page: Ranged,
    remove_under: Ranged,
}

/// A statement about the keys of a range, for ranges that end and for those that don't. The parameters are the same.
struct Ranged {
    ending: String,
    endless: String,
}

/// The keys under a prefix: from one on, and up to another, if there is one.
struct Range {
    from: Vec<u8>,
    to: Option<Vec<u8>>,
}

impl Statements {
    /// For the entries' table of this name. In a bounded store, what is written anew goes to the end of the order.
    pub(super) fn new(table: &str, is_bounded: bool) -> Self {
        let order = if is_bounded { r#"id = (SELECT max(id) + 1 FROM "{t}"), "# } else { "" };
        let put = format!(
            r#"INSERT INTO "{{t}}" (key, expires, bytes) VALUES (?1, ?2, ?3)
            ON CONFLICT (key) DO UPDATE SET {order}expires = ?2, bytes = ?3"#
        );
        Self {
            finding: Finding {
                by_id: named(r#"SELECT bytes FROM "{t}" WHERE id=?1 AND +key=?2"#, table),
                by_key: named(r#"SELECT id, bytes FROM "{t}" WHERE key=?1"#, table),
            },
            hints: Hints::new(),
            put: named(&put, table),
            tag: named(r#"INSERT OR IGNORE INTO "{t}_tags" VALUES (?1, ?2)"#, table),
            remove: named(r#"DELETE FROM "{t}" WHERE key=?1"#, table),
            remove_expired: removing(r#"SELECT id FROM "{t}" WHERE expires <= ?1"#, table),
            count: Ranged::new(|range| named(&format!(r#"SELECT count(*) FROM "{{t}}" WHERE {range}"#), table)),
            page: Ranged::new(|range| {
                named(&format!(r#"SELECT key, bytes FROM "{{t}}" WHERE {range} ORDER BY key"#), table)
            }),
            remove_under: Ranged::new(|range| removing(&format!(r#"SELECT id FROM "{{t}}" WHERE {range}"#), table)),
            table: table.to_owned(),
        }
    }

    pub(super) fn get(&self, connection: &Kept, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let hint = self.hints.of(key);
        let hinted = hint.id();
        let Some((id, bytes)) = connection.find(&self.finding, key, hinted)? else { return Ok(None) };
        if hinted != Some(id) {
            hint.is(id);
        }
        Ok(Some(bytes))
    }

    /// Without tags it is one statement, and so needs no transaction.
    pub(super) fn put(&self, connection: &Connection, key: &[u8], item: Item<'_>) -> Result<()> {
        let expires = item.expires.map(integer);
        connection.prepare_cached(&self.put)?.execute((key, expires, item.bytes))?;
        for tag in item.tags {
            connection.prepare_cached(&self.tag)?.execute((tag, key))?;
        }
        Ok(())
    }

    pub(super) fn remove(&self, connection: &Connection, key: &[u8]) -> Result<bool> {
        Ok(connection.prepare_cached(&self.remove)?.execute([key])? > 0)
    }

    pub(super) fn count(&self, connection: &Connection, prefix: &[u8]) -> Result<u64> {
        let range = Range::under(prefix);
        let mut statement = connection.prepare_cached(self.count.of(&range))?;
        let count: i64 = statement.query_row(range.params(), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The entries under a prefix from a key on, as many as are read at once.
    pub(super) fn page(
        &self,
        connection: &Connection,
        prefix: &[u8],
        from: Vec<u8>,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let range = Range { from, ..Range::under(prefix) };
        let mut statement = connection.prepare_cached(self.page.of(&range))?;
        let mut rows = statement.query(range.params())?;
        let (mut page, mut bytes) = (Vec::<(Vec<u8>, Vec<u8>)>::new(), 0);
        while page.len() < PAGE_ENTRIES && bytes < PAGE_BYTES {
            let Some(row) = rows.next()? else { break };
            let entry = (blob(row, 0)?, blob(row, 1)?);
            // In a damaged index they may not ascend, and who goes on after the last key would never come to an end.
            let least = page.last().map_or(&range.from, |(key, _)| key);
            if entry.0 < *least {
                return Err(failure(ffi::SQLITE_CORRUPT));
            }
            bytes += entry.0.len() + entry.1.len();
            page.push(entry);
        }
        Ok(page)
    }

    /// What removes a batch of the entries under a prefix.
    pub(super) fn remove_under(&self, prefix: &[u8]) -> Batch<'_> {
        let range = Range::under(prefix);
        Batch { sql: self.remove_under.of(&range).into(), params: range.into_params() }
    }

    /// What removes a batch of the entries under a prefix that have all of these tags. There is at least one.
    pub(super) fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Batch<'_> {
        let range = Range::under(prefix);
        let mut conditions = vec![format!("one.tag = ?3 AND {}", range.clause())];
        conditions.extend((4..tags.len() + 3).map(|number| {
            format!(
                r#"EXISTS (SELECT 1 FROM "{{t}}_tags" AS other WHERE other.tag = ?{number} AND other.key = one.key)"#
            )
        }));
        // CROSS: the tags come first, whatever the planner thinks of them.
        let select = r#"SELECT id FROM "{t}_tags" AS one CROSS JOIN "{t}" USING (key) WHERE "#;
        let sql = select.to_owned() + &conditions.join(" AND ");
        let tags = tags.iter().map(|tag| Box::new((*tag).to_owned()) as Box<dyn ToSql>);
        let params = range.into_params().into_iter().chain(tags).collect();
        Batch { sql: removing(&sql, &self.table).into(), params }
    }

    /// What removes a batch of the entries that have expired.
    pub(super) fn remove_expired(&self, now: UnixMillis) -> Batch<'_> {
        Batch { sql: (&*self.remove_expired).into(), params: vec![Box::new(integer(now))] }
    }
}

/// Sees to it that a connection compiles the statements once.
pub(super) fn keep_prepared(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Otherwise a range is planned by its very bounds, as soon as there are statistics, and compiled again for each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The statement that removes a part of the entries that are selected.
fn removing(select: &str, table: &str) -> String {
    named(&format!(r#"DELETE FROM "{{t}}" WHERE id IN ({select} LIMIT {BATCH})"#), table)
}

/// Keeps the statistics that queries are planned by, and gives free room back in a database that is set up for it: at
/// most 4000 pages, so that it takes a bounded time.
pub(super) fn tidy(connection: &Connection) -> Result<()> {
    connection.execute_batch("PRAGMA optimize")?;
    let auto_vacuum: i64 = connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
    if auto_vacuum == INCREMENTAL {
        // A row for each page.
        let mut statement = connection.prepare("PRAGMA incremental_vacuum(4000)")?;
        let mut pages = statement.query([])?;
        while pages.next()?.is_some() {}
    }
    Ok(())
}

/// Writes the log into the database and waits for the disk, as far as `synchronous` allows.
pub(super) fn checkpoint(connection: &Connection) -> Result<()> {
    let is_busy: i64 = connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get(0))?;
    if is_busy == 0 {
        return Ok(());
    }
    Err(failure(ffi::SQLITE_BUSY))
}

fn failure(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// A statement that removes many entries, a part of them each time it is run.
pub(super) struct Batch<'a> {
    sql: Cow<'a, str>,
    params: Vec<Box<dyn ToSql>>,
}

impl Batch<'_> {
    /// Removes a part; says how many, and whether there may be more.
    pub(super) fn run(&self, connection: &Connection) -> Result<(u64, bool)> {
        let removed = connection.prepare_cached(&self.sql)?.execute(rusqlite::params_from_iter(&self.params))?;
        Ok((removed as u64, removed == BATCH))
    }

    /// Removes all, in the caller's transaction; says how many.
    pub(super) fn run_to_end(&self, connection: &Connection) -> Result<u64> {
        let mut all = 0;
        loop {
            let (removed, is_more) = self.run(connection)?;
            all += removed;
            if !is_more {
                return Ok(all);
            }
        }
    }
}

impl Ranged {
    /// `text` puts a condition into the statement.
    fn new(text: impl Fn(&str) -> String) -> Self {
        Self { ending: text(ENDING), endless: text(ENDLESS) }
    }

    fn of(&self, range: &Range) -> &str {
        if range.to.is_some() { &self.ending } else { &self.endless }
    }
}

/// Both parameters stand in it in either form.
const ENDING: &str = "key >= ?1 AND key < ?2";
const ENDLESS: &str = "key >= ?1 AND ?2 IS NULL";

impl Range {
    fn under(prefix: &[u8]) -> Self {
        // The first text after all that begin with the prefix.
        let to = prefix.iter().rposition(|byte| *byte < u8::MAX).map(|last| {
            let mut to = prefix[..=last].to_vec();
            to[last] += 1;
            to
        });
        Self { from: prefix.to_vec(), to }
    }

    fn clause(&self) -> &'static str {
        if self.to.is_some() { ENDING } else { ENDLESS }
    }

    fn params(&self) -> (&[u8], Option<&[u8]>) {
        (&self.from, self.to.as_deref())
    }

    fn into_params(self) -> Vec<Box<dyn ToSql>> {
        vec![Box::new(self.from), Box::new(self.to)]
    }
}

/// A column that holds bytes; something else in it is damage.
pub(super) fn blob(row: &Row<'_>, column: usize) -> Result<Vec<u8>> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
        _ => Err(FromSqlError::InvalidType.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::StatementStatus;

    use super::*;
    use crate::backend::sqlite::schema;

    #[test]
    fn statements_are_compiled_once() {
        let connection = Connection::open_in_memory().expect("opens");
        keep_prepared(&connection).expect("is open");
        schema::ensure(&connection, Path::new("memory"), "t", false).expect("makes the tables");
        let statements = Statements::new("t", false);
        for number in 0..100 {
            let key = format!("key|{number}|1");
            statements.put(&connection, key.as_bytes(), Item::new(b"x").tags(&["a"])).expect("a write");
        }
        connection.execute_batch("ANALYZE").expect("statistics");
        let all = |prefix: &[u8], tag: &str| {
            statements.count(&connection, prefix).expect("a read");
            statements.page(&connection, prefix, prefix.to_vec()).expect("a read");
            let batches = [
                statements.remove_under(prefix),
                statements.remove_tagged(prefix, &[tag]),
                statements.remove_tagged(prefix, &[tag, "b"]),
                statements.remove_expired(prefix.len() as u64),
            ];
            batches.map(|batch| {
                batch.run(&connection).expect("a write");
                batch.sql.into_owned()
            })
        };
        let mut texts = vec![&statements.count.ending, &statements.page.ending];
        all(b"none|", "a");
        all(b"no|thing|", "b");
        let batches = all(b"else|", "c");
        texts.extend(&batches);
        for text in texts {
            let statement = connection.prepare_cached(text).expect("is known");
            let (runs, again) =
                (statement.get_status(StatementStatus::Run), statement.get_status(StatementStatus::RePrepare));
            assert_eq!((runs, again), (3, 0), "{text}");
        }
    }

    #[test]
    fn a_range_ends_where_other_keys_begin() {
        for (prefix, to) in [
            (&b"a|"[..], Some(&b"a}"[..])),
            (b"a\xff", Some(b"b")),
            (b"a\xfe\xff\xff", Some(b"a\xff")),
            (b"\xff\xff", None),
            (b"", None),
        ] {
            assert_eq!(Range::under(prefix).to.as_deref(), to, "{prefix:?}");
        }
    }
}
