//! `max_entries` and `max_bytes`.

use rusqlite::{Connection, Result};

use super::schema::named;
use crate::clock;

/// Bounds that hold after every write of a store that was opened with them.
///
/// What has expired goes first, then what was written longest ago: going by reads would make every read a write. The totals
/// stand in the database, so that all who write count together.
pub(super) struct Bounds {
    max_entries: u64,
    max_bytes: u64,
    totals: String,
    expired: String,
    oldest: String,
    forget: String,
    anew: String,
}

impl Bounds {
    pub(super) fn new(table: &str, max_entries: Option<u64>, max_bytes: Option<u64>) -> Option<Self> {
        if max_entries.is_none() && max_bytes.is_none() {
            return None;
        }
        let named = |sql| named(sql, table);
        Some(Self {
            max_entries: max_entries.unwrap_or(u64::MAX),
            max_bytes: max_bytes.unwrap_or(u64::MAX),
            totals: named(r#"SELECT entries, bytes FROM "{t}_totals""#),
            expired: named(r#"DELETE FROM "{t}" WHERE expires <= ?1"#),
            oldest: named(r#"SELECT id, length(key) + length(bytes) FROM "{t}" ORDER BY id"#),
            forget: named(r#"DELETE FROM "{t}" WHERE id <= ?1"#),
            anew: named(r#"DELETE FROM "{t}"; UPDATE "{t}_totals" SET entries = 0, bytes = 0"#),
        })
    }

    /// Can an entry of this size be kept at all?
    pub(super) fn allow(&self, key: &[u8], bytes: &[u8]) -> bool {
        (key.len() + bytes.len()) as u64 <= self.max_bytes
    }

    /// Removes entries until the bounds hold.
    pub(super) fn enforce(&self, connection: &Connection) -> Result<()> {
        if self.over(connection)?.is_none() {
            return Ok(());
        }
        connection.prepare_cached(&self.expired)?.execute([integer(clock::unix_now())])?;
        let Some((mut entries, mut bytes)) = self.over(connection)? else { return Ok(()) };
        let mut oldest = connection.prepare_cached(&self.oldest)?;
        let mut rows = oldest.query([])?;
        let mut last = None;
        while entries > 0 || bytes > 0 {
            let Some(row) = rows.next()? else {
                // The totals are wrong: somebody wrote without the triggers.
                drop(rows);
                return connection.execute_batch(&self.anew);
            };
            last = Some(row.get::<_, i64>(0)?);
            entries -= 1;
            bytes -= row.get::<_, i64>(1)?;
        }
        drop(rows);
        connection.prepare_cached(&self.forget)?.execute([last]).map(drop)
    }

    /// How many entries and bytes there are too many, if there are.
    fn over(&self, connection: &Connection) -> Result<Option<(i64, i64)>> {
        let mut totals = connection.prepare_cached(&self.totals)?;
        let (entries, bytes): (i64, i64) = totals.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let over = (entries.saturating_sub(integer(self.max_entries)), bytes.saturating_sub(integer(self.max_bytes)));
        Ok((over.0 > 0 || over.1 > 0).then_some(over))
    }
}

/// As SQLite's integers go: what is larger is as large as they get.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
