//! SQLite stores, as tests look at them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use memo::{
    Error,
    backend::{Backend, Item, Sqlite, Url},
};
use tempfile::TempDir;

/// Where a database may be made; gone after the test.
pub fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("cache.db");
    (dir, path)
}

/// The URL of a store in a file, with parameters.
pub fn url(path: &Path, params: &str) -> String {
    format!("sqlite://{}?{params}", path.display())
}

/// Opens a store in a file.
///
/// # Errors
///
/// Those of the store.
pub fn open(path: &Path, params: &str) -> Result<Sqlite, Error> {
    Sqlite::open(&Url::parse(&url(path, params)).expect("a URL"))
}

/// The bytes under a key.
pub fn get(store: &Sqlite, key: &str) -> Option<Vec<u8>> {
    store.get(key.as_bytes()).expect("a read")
}

/// Sets bytes without tags and expiry.
pub fn set(store: &Sqlite, key: &str, bytes: &str) {
    store.set(key.as_bytes(), Item::new(bytes.as_bytes())).expect("a write");
}

/// A file that SQLite keeps beside the database.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Removes the database with all files beside it.
pub fn remove_all(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        fs::remove_file(beside(path, suffix)).ok();
    }
}
