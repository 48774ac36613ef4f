//! By hand: what one would write with the library underneath and nothing else. No checksum, no expiry, no tags, no version.

use std::{cell::RefCell, fs, io, path::PathBuf, sync::LazyLock};

use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, types::Bytes};
use rusqlite::{Connection, Statement};

use super::{Action, Store, User};
use crate::contenders::{Column, Contender};

/// As long as memo's own.
pub fn key(id: u64) -> String {
    format!("memo_benches::stores::by_hand||{id}|0123456789abcdef")
}

pub fn encode(user: &User) -> Vec<u8> {
    bincode::serde::encode_to_vec(user, bincode::config::standard()).expect("it can be encoded")
}

pub fn decode(bytes: &[u8]) -> User {
    bincode::serde::decode_from_slice(bytes, bincode::config::standard()).expect("it was encoded so").0
}

/// What all of them can do.
trait Raw: Sync {
    fn get(&self, key: &str) -> Option<User>;
    fn set(&self, key: &str, user: &User);
}

pub fn contender(store: Store, action: Action) -> Contender {
    match store {
        Store::Sqlite => over(Sqlite, action),
        Store::Lmdb => over(&*UNSYNCED, action),
        Store::LmdbSynced => over(&*SYNCED, action),
        Store::Files => over(Files, action),
    }
}

fn over(raw: impl Raw + Copy + 'static, action: Action) -> Contender {
    let store = move |id| {
        let user = User::new(id);
        raw.set(&key(id), &user);
        user
    };
    let keys = action.keys();
    match action {
        Action::Set | Action::Replace => Contender::new(Column::ByHand, keys, store),
        Action::Hit | Action::Miss => {
            Contender::new(Column::ByHand, keys, move |id| raw.get(&key(id)).unwrap_or_else(|| store(id)))
        }
    }
}

impl<R: Raw> Raw for &R {
    fn get(&self, key: &str) -> Option<User> {
        (**self).get(key)
    }

    fn set(&self, key: &str, user: &User) {
        (**self).set(key, user);
    }
}

/// Prepared statements of one connection per thread.
#[derive(Clone, Copy)]
struct Sqlite;

struct Prepared {
    select: Statement<'static>,
    insert: Statement<'static>,
}

thread_local!(static PREPARED: RefCell<Prepared> = RefCell::new(Prepared::new()));

impl Prepared {
    fn new() -> Self {
        let connection: &'static Connection = Box::leak(Box::new(Connection::open("raw.db").expect("it opens")));
        connection
            .execute_batch(
                "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = wal; PRAGMA synchronous = normal;
                 CREATE TABLE IF NOT EXISTS users (key TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID",
            )
            .expect("a table can be made");
        let prepare = |sql| connection.prepare(sql).expect("it is SQL");
        Self {
            select: prepare("SELECT bytes FROM users WHERE key = ?1"),
            insert: prepare("INSERT OR REPLACE INTO users VALUES (?1, ?2)"),
        }
    }
}

impl Raw for Sqlite {
    fn get(&self, key: &str) -> Option<User> {
        PREPARED.with_borrow_mut(|prepared| {
            let mut rows = prepared.select.query([key]).expect("it can be read");
            let row = rows.next().expect("it can be read")?;
            Some(decode(row.get_ref(0).and_then(|bytes| Ok(bytes.as_blob()?)).expect("bytes")))
        })
    }

    fn set(&self, key: &str, user: &User) {
        let bytes = encode(user);
        PREPARED.with_borrow_mut(|prepared| prepared.insert.execute((key, bytes)).expect("it can be written"));
    }
}

struct Lmdb {
    env: Env,
    users: Database<'static, Bytes, Bytes>,
}

static UNSYNCED: LazyLock<Lmdb> = LazyLock::new(|| Lmdb::new("raw.lmdb", EnvFlags::NO_SYNC));
static SYNCED: LazyLock<Lmdb> = LazyLock::new(|| Lmdb::new("raw-synced.lmdb", EnvFlags::empty()));

impl Lmdb {
    fn new(dir: &str, flags: EnvFlags) -> Self {
        fs::create_dir_all(dir).expect("a directory can be made");
        let mut options = EnvOpenOptions::new();
        options.map_size(1 << 32);
        #[expect(unsafe_code, reason = "heed asks for it; the directory is the benchmark's own")]
        // SAFETY: nobody else uses the file, but processes of this program, through LMDB.
        let env = unsafe { options.flags(flags).open(dir) }.expect("it opens");
        let txn = env.read_txn().expect("it can be read");
        let users: Result<_, heed::Error> = env.open_databases_and_commit(txn, |opener, txn| {
            opener.open_database(txn, None).map(CommitOrAbort::<_, ()>::Commit)
        });
        let users = users.expect("it can be read").unwrap_commit().expect("the main one");
        Self { env, users }
    }
}

impl Raw for Lmdb {
    fn get(&self, key: &str) -> Option<User> {
        let txn = self.env.read_txn().expect("it can be read");
        self.users.get(&txn, key.as_bytes()).expect("it can be read").map(decode)
    }

    fn set(&self, key: &str, user: &User) {
        let mut txn = self.env.write_txn().expect("it can be written");
        self.users.put(&mut txn, key.as_bytes(), &encode(user)).expect("it can be written");
        txn.commit().expect("it can be written");
    }
}

/// One file per key, in 64 directories, replaced by a rename.
#[derive(Clone, Copy)]
struct Files;

impl Files {
    fn path(key: &str) -> PathBuf {
        let sum: u32 = key.bytes().map(u32::from).sum();
        let mut path = PathBuf::from("raw.files");
        path.push(format!("{:02x}", sum % 64));
        path.push(key);
        path
    }
}

impl Raw for Files {
    fn get(&self, key: &str) -> Option<User> {
        match fs::read(Self::path(key)) {
            Ok(bytes) => Some(decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => panic!("it can be read: {error}"),
        }
    }

    fn set(&self, key: &str, user: &User) {
        let path = Self::path(key);
        let temporary = path.with_extension("tmp");
        let bytes = encode(user);
        if fs::write(&temporary, &bytes).is_err() {
            fs::create_dir_all(path.parent().expect("it has one")).expect("a directory can be made");
            fs::write(&temporary, &bytes).expect("it can be written");
        }
        fs::rename(&temporary, &path).expect("it can be renamed");
    }
}
