//! Stores in LMDB, as tests look at them.

use std::path::{Path, PathBuf};

use heed::{CommitOrAbort, Database, EnvOpenOptions, RwTxn, types::Bytes};
use memo::{
    Error,
    backend::{Lmdb, Url},
};
use tempfile::TempDir;

/// The URL of a store in a directory; the query begins with `?`.
pub fn url(dir: &Path, query: &str) -> String {
    format!("lmdb://{}{query}", dir.display())
}

/// Opens a store.
///
/// # Errors
///
/// Those of the store.
pub fn try_open(url: &str) -> Result<Lmdb, Error> {
    Lmdb::open(&Url::parse(url).expect(url))
}

/// Opens a store that can be opened.
pub fn open(url: &str) -> Lmdb {
    try_open(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// A directory that is gone after the test.
pub fn new_dir() -> TempDir {
    tempfile::tempdir().expect("a directory can be created")
}

/// The file that holds the entries.
pub fn data(dir: &Path) -> PathBuf {
    dir.join("data.mdb")
}

/// What is stored under a number: one can tell whether it is whole. Some fill pages of their own.
pub fn bytes_of(number: u64) -> Vec<u8> {
    let length = usize::from(number.to_be_bytes()[7] % 20);
    number.to_be_bytes().repeat(if number.is_multiple_of(16) { 1000 } else { 3 + length })
}

/// Are these the bytes of a number?
pub fn is_whole(number: u64, bytes: Option<&[u8]>) -> bool {
    bytes == Some(&bytes_of(number))
}

/// Does what other users of LMDB do, and commits it.
///
/// # Panics
/// If LMDB fails.
pub fn raw<T>(dir: &Path, body: impl FnOnce(&Database<'_, Bytes, Bytes>, &mut RwTxn<'_>) -> heed::Result<T>) -> T {
    let mut options = EnvOpenOptions::new();
    options.map_size(1 << 30);
    #[expect(unsafe_code, reason = "heed asks for it; the directory is the test's own")]
    // SAFETY: nobody changes the file but through LMDB.
    let env = unsafe { options.open(dir) }.expect("it can be opened");
    let txn = env.read_txn().expect("it can be read");
    let database: Result<_, heed::Error> = env.open_databases_and_commit(txn, |opener, txn| {
        opener.open_database(txn, None).map(CommitOrAbort::<_, ()>::Commit)
    });
    let database: Database<'_, Bytes, Bytes> = database.expect("it can be read").unwrap_commit().expect("the main one");
    let mut txn = env.write_txn().expect("it can be written");
    let done = body(&database, &mut txn).expect("it can be written");
    txn.commit().expect("it can be written");
    done
}
