//! Functions whose entries live in stores on disk, beside the same stores used by hand.

mod annotated;
pub mod by_hand;
pub mod disk;
pub mod processes;

use std::{env, fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::contenders::{Column, Contender, Keys};

/// How many keys are read.
pub const KEYS: u64 = 1_000;

/// What is stored: a value as programs have them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    id: u64,
    name: String,
    mail: String,
    groups: Vec<String>,
}

impl User {
    pub fn new(id: u64) -> Self {
        let groups = vec!["staff".to_owned(), "editors".to_owned()];
        Self { id, name: format!("user {id}"), mail: format!("user{id}@example.org"), groups }
    }
}

/// A kind of store, at one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    /// It does not wait for the disk.
    Lmdb,
    /// It does.
    LmdbSynced,
    Files,
}

impl Store {
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Lmdb, Self::LmdbSynced, Self::Files];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Lmdb => "lmdb",
            Self::LmdbSynced => "lmdb-synced",
            Self::Files => "files",
        }
    }
}

/// What is done in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A call that finds its value.
    Hit,
    /// A call that finds nothing, runs the body and stores its value. By hand: a look-up, then a write.
    Miss,
    /// A value is stored under a new key, without a look.
    Set,
    /// A value takes the place of another.
    Replace,
}

impl Action {
    fn keys(self) -> Keys {
        match self {
            Self::Hit | Self::Replace => Keys::Random(KEYS),
            Self::Miss | Self::Set => Keys::Fresh,
        }
    }
}

/// A contender, if there is one for the column. Everybody uses the current directory.
pub fn contender(column: Column, store: Store, action: Action) -> Option<Contender> {
    match column {
        Column::Memo => annotated::memo(store, action),
        Column::Bytes => annotated::bytes(store, action),
        Column::CachedRedb => annotated::redb(store, action),
        Column::ByHand => Some(by_hand::contender(store, action)),
        _ => None,
    }
}

/// An empty directory that this process works in as long as this lives.
pub struct Place {
    path: PathBuf,
    before: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        let path = env::temp_dir().join(format!("memo-benches-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory for stores can be made");
        let before = env::current_dir().expect("there is a current directory");
        env::set_current_dir(&path).expect("it was made a moment ago");
        Self { path, before }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        env::set_current_dir(&self.before).ok();
        fs::remove_dir_all(&self.path).ok();
    }
}
