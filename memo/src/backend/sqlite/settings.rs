//! What a URL says about a database.

use std::{num::NonZero, thread, time::Duration};

use super::{
    bounds::{Bounds, integer},
    schema,
};
use crate::{backend::Url, error::Error};

/// The most milliseconds that SQLite can be told to wait: 24 days, so nobody sees that it is not more.
const LONGEST_WAIT: u64 = i32::MAX.unsigned_abs() as u64;

pub(super) struct Settings {
    /// The name of the entries' table, from which the others have theirs.
    pub(super) table: String,
    pub(super) busy_timeout: Duration,
    pub(super) readers: usize,
    pub(super) bounds: Option<Bounds>,
    /// What every connection begins with.
    pub(super) pragmas: String,
}

impl Settings {
    pub(super) fn of(url: &Url) -> Result<Self, Error> {
        let table = url.param("table").unwrap_or("memo_entries").to_owned();
        schema::check_name(&table)?;
        let readers = match url.integer("readers")? {
            Some(readers) => usize::try_from(readers).unwrap_or(1),
            None => thread::available_parallelism().map_or(1, NonZero::get).min(4),
        };
        let max_entries = url.integer("max_entries")?.and_then(|most| u64::try_from(most).ok());
        Ok(Self {
            bounds: Bounds::new(&table, max_entries, url.size("max_bytes")?),
            table,
            busy_timeout: Duration::from_millis(url.duration("busy_timeout")?.unwrap_or(5000).min(LONGEST_WAIT)),
            readers: readers.max(1),
            pragmas: pragmas(url)?,
        })
    }
}

fn pragmas(url: &Url) -> Result<String, Error> {
    // Functions that a schema of somebody else names are not called, and what a page says of itself is checked.
    let mut pragmas = vec![
        "trusted_schema = off".to_owned(),
        "cell_size_check = on".to_owned(),
        "journal_mode = wal".to_owned(),
        format!("synchronous = {}", url.param("synchronous").unwrap_or("normal")),
    ];
    if let Some(bytes) = url.size("cache_size")? {
        // Negative: KiB, not pages.
        pragmas.push(format!("cache_size = -{}", bytes.div_ceil(1024).min(i32::MAX.unsigned_abs().into())));
    }
    if let Some(bytes) = url.size("mmap_size")? {
        pragmas.push(format!("mmap_size = {}", integer(bytes)));
    }
    Ok(format!("PRAGMA {}", pragmas.join("; PRAGMA ")))
}
