//! With an attribute: memo's functions, the bytes that its stores give, and cached's functions on redb.

use std::{ops::ControlFlow, sync::Arc};

use memo::{
    backend::{Backend, Item},
    cache_set, overwrite_cache,
};

use super::{Action, KEYS, Store, User};
use crate::contenders::{Column, Contender, note_run};

macro_rules! functions {
    ($($name:ident $url:literal)*) => {$(
        mod $name {
            use super::*;

            const URL: &str = $url;

            #[memo::memoize(backend = $url)]
            fn user(id: u64) -> User {
                note_run();
                User::new(id)
            }

            /// Its body runs on purpose.
            #[memo::memoize(backend = $url)]
            fn replaced(id: u64) -> User {
                User::new(id)
            }

            pub(super) fn memo(action: Action) -> Contender {
                let keys = action.keys();
                match action {
                    Action::Hit | Action::Miss => Contender::new(Column::Memo, keys, user),
                    Action::Set => {
                        let set = |id| cache_set!(user(id), User::new(id)).expect("the store takes it");
                        Contender::new(Column::Memo, keys, set)
                    }
                    Action::Replace => Contender::new(Column::Memo, keys, |id| overwrite_cache!(replaced(id))),
                }
            }

            /// The frames of that function as they lie in the store, read and written as they are.
            pub(super) fn bytes(action: Action) -> Contender {
                (0..KEYS).for_each(|id| drop(user(id)));
                let store = memo::backend(URL).expect("the store opens");
                let mut frames = Vec::new();
                let prefix = format!("{}::user|", module_path!());
                let mut visit = |key: &[u8], bytes: &[u8]| {
                    frames.push((key.to_vec(), bytes.to_vec()));
                    if frames.len() as u64 == KEYS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                };
                store.scan(prefix.as_bytes(), &mut visit).expect("the store is read");
                super::on_bytes(store, frames, action)
            }
        }
    )*};
}

functions! {
    sqlite "sqlite://memo.db"
    lmdb "lmdb://memo.lmdb?sync=off"
    lmdb_synced "lmdb://memo-synced.lmdb"
    files "file://memo.files"
}

pub fn memo(store: Store, action: Action) -> Option<Contender> {
    Some(match store {
        Store::Sqlite => sqlite::memo(action),
        Store::Lmdb => lmdb::memo(action),
        Store::LmdbSynced => lmdb_synced::memo(action),
        Store::Files => files::memo(action),
    })
}

pub fn bytes(store: Store, action: Action) -> Option<Contender> {
    if action == Action::Miss {
        return None;
    }
    Some(match store {
        Store::Sqlite => sqlite::bytes(action),
        Store::Lmdb => lmdb::bytes(action),
        Store::LmdbSynced => lmdb_synced::bytes(action),
        Store::Files => files::bytes(action),
    })
}

fn on_bytes(store: Arc<dyn Backend>, frames: Vec<(Vec<u8>, Vec<u8>)>, action: Action) -> Contender {
    let at = |id: u64| usize::try_from(id % KEYS).expect("few");
    let keys = action.keys();
    match action {
        Action::Hit | Action::Miss => {
            let get = move |id| store.get(&frames[at(id)].0).expect("the store is read").expect("it is there");
            Contender::new(Column::Bytes, keys, get)
        }
        Action::Replace => {
            let set = move |id| {
                let (key, frame) = &frames[at(id)];
                store.set(key, Item::new(frame)).expect("the store takes it");
            };
            Contender::new(Column::Bytes, keys, set)
        }
        Action::Set => {
            let set = move |id| {
                let key = format!("memo_benches::stores::bytes||{id}|0123456789abcdef");
                store.set(key.as_bytes(), Item::new(&frames[at(id)].1)).expect("the store takes it");
            };
            Contender::new(Column::Bytes, keys, set)
        }
    }
}

/// cached's functions on disk return a `Result`, and have no way to store a value without a look.
pub fn redb(store: Store, action: Action) -> Option<Contender> {
    match (store, action) {
        (Store::Lmdb, Action::Hit | Action::Miss) => {
            Some(Contender::new(Column::CachedRedb, action.keys(), |id| unsynced(id).expect("redb works")))
        }
        (Store::LmdbSynced, Action::Miss) => {
            Some(Contender::new(Column::CachedRedb, action.keys(), |id| synced(id).expect("redb works")))
        }
        _ => None,
    }
}

#[cached::macros::concurrent_cached(
    disk = true,
    disk_dir = "cached.redb",
    durable = false,
    map_error = |error| format!("{error:?}")
)]
fn unsynced(id: u64) -> Result<User, String> {
    note_run();
    Ok(User::new(id))
}

#[cached::macros::concurrent_cached(disk = true, disk_dir = "cached-synced.redb", map_error = |error| format!("{error:?}"))]
fn synced(id: u64) -> Result<User, String> {
    note_run();
    Ok(User::new(id))
}
