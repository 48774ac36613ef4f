//! Probes: what a value depends on that is not among the arguments of its function.
//!
//! `#[memoize(dependency = …)]` takes an expression over the arguments that gives a [`Probe`]. With every call the probe looks at what
//! it is about, and an entry is used only if that looks as it did before the value was computed. What it looked like is stored with
//! the entry, so it holds in stores and for later processes, too.
//!
//! ```
//! use memo::{memoize, probe};
//!
//! #[memoize(dependency = probe::file_mtime(path))]
//! fn lines(path: &str) -> usize {
//!     std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
//! }
//!
//! # let dir = std::env::temp_dir().join(format!("memo-probe-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # let file = dir.join("list.txt");
//! # let path = file.to_str().expect("it is a text");
//! assert_eq!(lines(path), 0); // a file that is missing is a state like others
//! std::fs::write(path, "a\nb\n")?;
//! assert_eq!(lines(path), 2);
//! assert_eq!(lines(path), 2);
//! let info = memo::cache_info(lines);
//! assert_eq!((info.hits, info.misses), (1, 2));
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A probe that fails (a file that may not be read, an error of SQL) is counted among the errors of the function and told to the
//! error hook; the body runs then, and nothing is used or stored.
//!
//! What a probe can't see: a state that comes back. If a file changes while the body runs, and later is what it was before, time of its
//! last change and all, then the value counts as one of that state.

use std::{
    ffi::OsStr,
    fmt,
    fs::{self, File, Metadata},
    hash::{Hash, Hasher as _},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use crate::{
    error::Error,
    freshness::fingerprint::{Fingerprint, Fnv, Sketch},
};

/// Something that can change, and how to see whether it has. Making one costs nothing but what is said; it looks later, once per call.
#[derive(Debug)]
pub struct Probe(Kind);

#[derive(Debug)]
enum Kind {
    Known(u128),
    Failed(Error),
    FileMtime(PathBuf),
    FileHash(PathBuf),
    #[cfg(feature = "sqlite")]
    SqlScalar(String, String),
    All(Vec<Probe>),
    Any(Vec<Probe>),
}

/// When a file was changed last, in nanoseconds, and its length. That it is missing is a state, too.
///
/// Costs one question to the file system, about a microsecond; in async functions it is asked in place. File systems move their clocks in
/// steps, of some milliseconds mostly: of two changes within one step that leave the length as it is, the second is not seen. Where
/// that matters, use [`file_hash`].
pub fn file_mtime(path: impl AsRef<Path>) -> Probe {
    Probe(Kind::FileMtime(path.as_ref().to_owned()))
}

/// What is in a file. That it is missing is a state, too.
///
/// Costs reading all of it with every call, about a second for 500 MB. In async functions it is read on a pool of threads, if any
/// feature with stores is on; else in place.
pub fn file_hash(path: impl AsRef<Path>) -> Probe {
    Probe(Kind::FileHash(path.as_ref().to_owned()))
}

/// An environment variable of this process. That it is not set is a state, too.
pub fn env_var(name: impl AsRef<OsStr>) -> Probe {
    let name = name.as_ref();
    known("env_var", (name, std::env::var_os(name)))
}

/// What a query of an `SQLite` database gives: the first column of the first row, or that there is none. `database` is a path or a
/// `sqlite://` URL, of which only the path counts.
///
/// Costs opening the database, for reading only, with every call: some 100 µs. In async functions that is done on a pool of threads.
/// It fails if the database is missing. Who has a connection at hand, to this or another database, asks it and says
/// [`try_value`] of the answer.
#[cfg(feature = "sqlite")]
pub fn sql_scalar(database: impl Into<String>, query: impl Into<String>) -> Probe {
    Probe(Kind::SqlScalar(database.into(), query.into()))
}

/// Anything that can be hashed: a version, a setting, what a closure of one's own gives. It is compared by a hash of 128 bits.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use memo::{memoize, probe};
///
/// static VERSION: AtomicU64 = AtomicU64::new(1);
///
/// #[memoize(dependency = probe::value(VERSION.load(Ordering::SeqCst)))]
/// fn rendered(page: u32) -> String {
///     format!("page {page} in version {}", VERSION.load(Ordering::SeqCst))
/// }
///
/// assert_eq!(rendered(7), "page 7 in version 1");
/// VERSION.store(2, Ordering::SeqCst);
/// assert_eq!(rendered(7), "page 7 in version 2");
/// ```
pub fn value(value: impl Hash) -> Probe {
    known("value", value)
}

/// The same of what may fail: an error is one of the probe.
pub fn try_value<T: Hash, E: fmt::Display>(result: Result<T, E>) -> Probe {
    match result {
        Ok(value) => self::value(value),
        Err(error) => Probe(Kind::Failed(Error::unavailable(format!("a dependency can't be seen: {error}")))),
    }
}

/// All of them together: only when each has changed since a value was computed is that to be computed anew. Of none, never.
pub fn all_of(probes: impl IntoIterator<Item = Probe>) -> Probe {
    Probe(Kind::All(probes.into_iter().collect()))
}

/// Any of them: as soon as one has changed since a value was computed, that is to be computed anew. Of none, never.
pub fn any_of(probes: impl IntoIterator<Item = Probe>) -> Probe {
    Probe(Kind::Any(probes.into_iter().collect()))
}

fn known(what: &str, state: impl Hash) -> Probe {
    Probe(Kind::Known(hashed(what, state)))
}

fn hashed(what: &str, state: impl Hash) -> u128 {
    let mut hasher = Fnv::new(what);
    state.hash(&mut hasher);
    hasher.hash()
}

impl Probe {
    /// What it is about looks like now.
    pub(crate) fn look(&self) -> Result<Fingerprint, Error> {
        let mut sketch = Sketch::default();
        self.draw(&mut sketch)?;
        Ok(sketch.finish())
    }

    /// Does looking take so long that a task should not do it?
    #[cfg(feature = "stores")]
    pub(crate) fn is_slow(&self) -> bool {
        match &self.0 {
            Kind::Known(_) | Kind::Failed(_) | Kind::FileMtime(_) => false,
            Kind::FileHash(_) => true,
            #[cfg(feature = "sqlite")]
            Kind::SqlScalar(..) => true,
            Kind::All(probes) | Kind::Any(probes) => probes.iter().any(Self::is_slow),
        }
    }

    fn draw(&self, sketch: &mut Sketch) -> Result<(), Error> {
        match &self.0 {
            Kind::Known(state) => sketch.state(*state),
            Kind::Failed(error) => return Err(error.again()),
            Kind::FileMtime(path) => sketch.state(mtime(path).map_err(|error| unseen(path.display(), error))?),
            Kind::FileHash(path) => sketch.state(content(path).map_err(|error| unseen(path.display(), error))?),
            #[cfg(feature = "sqlite")]
            Kind::SqlScalar(database, query) => sketch.state(sql::scalar(database, query)?),
            Kind::All(probes) => {
                sketch.all(probes.len());
                probes.iter().try_for_each(|probe| probe.draw(sketch))?;
            }
            Kind::Any(probes) => {
                sketch.any(probes.len());
                probes.iter().try_for_each(|probe| probe.draw(sketch))?;
            }
        }
        Ok(())
    }
}

fn unseen(what: impl fmt::Display, error: io::Error) -> Error {
    Error::unavailable(format!("the dependency `{what}` can't be seen: {error}")).with_source(error)
}

/// What was found, if it is not missing.
fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn mtime(path: &Path) -> io::Result<u128> {
    let nanos = |metadata: Metadata| -> io::Result<_> {
        // Before 1970 there is time, too.
        let since = match metadata.modified()?.duration_since(UNIX_EPOCH) {
            Ok(since) => (false, since.as_nanos()),
            Err(before) => (true, before.duration().as_nanos()),
        };
        Ok((since, metadata.len()))
    };
    let state = unless_missing(fs::metadata(path))?.map(nanos).transpose()?;
    Ok(hashed("file_mtime", (path, state)))
}

fn content(path: &Path) -> io::Result<u128> {
    let mut hasher = Fnv::new("file_hash");
    path.hash(&mut hasher);
    let Some(mut file) = unless_missing(File::open(path))? else { return Ok(hasher.hash()) };
    hasher.write_u8(1);
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(hasher.hash()),
            Ok(length) => hasher.write(&part[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(feature = "sqlite")]
mod sql {
    use std::path::PathBuf;

    use rusqlite::{Connection, OpenFlags, OptionalExtension as _, types::ValueRef};

    use super::{Error, hashed};
    use crate::backend::Url;

    /// The connection is a new one each time: one that was kept would go on to see a file that has been replaced.
    pub(super) fn scalar(database: &str, query: &str) -> Result<u128, Error> {
        let unseen = |error: rusqlite::Error| {
            Error::unavailable(format!("the dependency `{query}` can't be seen: {error}")).with_source(error)
        };
        let connection = Connection::open_with_flags(path(database)?, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let state = connection.and_then(|connection| {
            connection.query_row(query, [], |row| Ok(hashed("sql_scalar", state(row.get_ref(0)?)))).optional()
        });
        Ok(hashed("sql_scalar", (database, query, state.map_err(unseen)?)))
    }

    fn path(database: &str) -> Result<PathBuf, Error> {
        if !database.starts_with("sqlite://") {
            return Ok(database.into());
        }
        let path = Url::parse(database)?.path();
        path.ok_or_else(|| Error::config("the database of a dependency has no path"))
    }

    /// What can be hashed of a value: its type and its bytes.
    fn state(value: ValueRef<'_>) -> (u8, Vec<u8>) {
        match value {
            ValueRef::Null => (0, Vec::new()),
            ValueRef::Integer(number) => (1, number.to_le_bytes().into()),
            ValueRef::Real(number) => (2, number.to_bits().to_le_bytes().into()),
            ValueRef::Text(text) => (3, text.into()),
            ValueRef::Blob(bytes) => (4, bytes.into()),
        }
    }
}
