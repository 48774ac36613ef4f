//! The contents of a cache as a table, for people who want to look at them.

use std::{error::Error as StdError, path::Path};

use ::csv::{ByteRecord, ReaderBuilder, StringRecord, WriterBuilder};

use super::{Cache, Key, SetOptions, Value, whole_file};
use crate::{call::entry::Entry, error::Error, flight::wait::block_on, space::Face};

/// What a row may say is wrong with it.
type Cause = Box<dyn StdError + Send + Sync>;

/// Contents as CSV (RFC 4180, UTF-8; feature `csv`). A row hook says what stands in the columns, another reads it back.
impl<K: Key, V: Value> Cache<K, V> {
    /// Writes all live entries to a file, one row each, below a row with the names of the columns; gives their number.
    ///
    /// `row` gives the texts of an entry, in the order of `columns`. The rows are sorted by their texts, so a key in the first
    /// column makes the order stable. The file is replaced as a whole, as by [`save_to`](Self::save_to). Spreadsheets
    /// may take a text that begins with `=`, `+`, `-` or `@` for a formula; texts are written as they are.
    ///
    /// ```
    /// # let dir = std::env::temp_dir().join(format!("memo-csv-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("users.csv");
    /// use memo::{Cache, SetOptions};
    ///
    /// let users = Cache::<u64, String>::builder("users").build()?;
    /// users.set(7, "Lovelace, Ada".to_owned())?;
    /// users.save_csv(&path, ["id", "name"], |id, entry| [id.to_string(), entry.value().clone()])?;
    /// assert_eq!(std::fs::read_to_string(&path)?, "id,name\n7,\"Lovelace, Ada\"\n");
    ///
    /// users.clear()?;
    /// users.load_csv(&path, ["id", "name"], |[id, name]| {
    ///     Ok((id.parse()?, name.to_owned(), SetOptions::new()))
    /// })?;
    /// assert_eq!(users.get(&7)?.as_deref(), Some("Lovelace, Ada"));
    /// # std::fs::remove_dir_all(&dir)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the file can't be written, or a store can't enumerate. Then the old file stays.
    pub fn save_csv<const N: usize>(
        &self,
        path: impl AsRef<Path>,
        columns: [&str; N],
        mut row: impl FnMut(&K, &Entry<V>) -> [String; N],
    ) -> Result<u64, Error> {
        check(columns)?;
        let turn = whole_file::Turn::new(path.as_ref())?;
        let contents = block_on(self.0.contents(Face::Thread))?;
        let mut rows: Vec<_> = contents.iter().map(|(key, entry)| row(key, entry)).collect();
        rows.sort_unstable();
        turn.land(&table(columns, &rows)?)?;
        Ok(rows.len() as u64)
    }

    /// Sets what the rows of a file say; gives their number. Where there is no file, that is 0.
    ///
    /// The columns are found by their names in the first row, in whatever order they stand there; others are not looked at.
    /// `row` gets their texts in the order of `columns`. All rows are read before the first entry is set.
    ///
    /// # Errors
    ///
    /// [`Error::is_corrupt`] if the file is no such table, or `row` can't read a row (its error is the source); names the line.
    /// Then the cache is as it was. If the cache has a store that does not take an entry, those before it are set.
    pub fn load_csv<const N: usize>(
        &self,
        path: impl AsRef<Path>,
        columns: [&str; N],
        row: impl FnMut([&str; N]) -> Result<(K, V, SetOptions), Cause>,
    ) -> Result<u64, Error> {
        check(columns)?;
        let path = path.as_ref();
        let Some(bytes) = whole_file::read(path)? else { return Ok(0) };
        let rows = rows(&bytes, columns, row).map_err(|error| error.within("the table", path))?;
        let count = rows.len() as u64;
        for (key, value, options) in rows {
            self.set_with(key, value, options)?;
        }
        Ok(count)
    }
}

/// Columns are found by their names, so there are some, and no two of one name.
fn check<const N: usize>(columns: [&str; N]) -> Result<(), Error> {
    let is_twice = |at: &usize| columns[..*at].contains(&columns[*at]);
    match (0..N).find(is_twice) {
        _ if N == 0 => Err(Error::config("a table needs columns")),
        Some(at) => Err(Error::config(format!("the column `{}` is named twice", columns[at]))),
        None => Ok(()),
    }
}

fn table<const N: usize>(columns: [&str; N], rows: &[[String; N]]) -> Result<Vec<u8>, Error> {
    let failed = |error: Cause| Error::encoding(format!("the table can't be written: {error}")).with_source(error);
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(columns).map_err(|error| failed(error.into()))?;
    for row in rows {
        writer.write_record(row).map_err(|error| failed(error.into()))?;
    }
    writer.into_inner().map_err(|error| failed(error.to_string().into()))
}

/// What the rows of a table say; all of them, or an error.
fn rows<T, const N: usize>(
    bytes: &[u8],
    columns: [&str; N],
    mut read: impl FnMut([&str; N]) -> Result<T, Cause>,
) -> Result<Vec<T>, Error> {
    // Spreadsheets put a byte order mark before the first name; the reader skips it.
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let places = places(reader.byte_headers().map_err(malformed)?, columns)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        // All rows have as many fields as the first, or the reader says so.
        let fields = places.map(|at| record.get(at).unwrap_or_default());
        rows.push(read(fields).map_err(|error| unread(&record, error))?);
    }
    Ok(rows)
}

/// Where the columns stand.
fn places<const N: usize>(header: &ByteRecord, columns: [&str; N]) -> Result<[usize; N], Error> {
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let mut found = (0..header.len()).filter(|&at| header.get(at) == Some(column.as_bytes()));
        *place = found.next().ok_or_else(|| Error::corrupt(format!("it has no column `{column}`")))?;
        if found.next().is_some() {
            return Err(Error::corrupt(format!("it has two columns `{column}`")));
        }
    }
    Ok(places)
}

fn malformed(error: ::csv::Error) -> Error {
    Error::corrupt(error.to_string()).with_source(error)
}

fn unread(record: &StringRecord, error: Cause) -> Error {
    let line = record.position().map_or(0, ::csv::Position::line);
    Error::corrupt(format!("line {line} can't be read: {error}")).with_source(error)
}
