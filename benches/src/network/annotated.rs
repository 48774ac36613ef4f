//! With an attribute, and with a cache object where several keys are read.

use memo::{Cache, SetOptions, aio, cache_set};

use super::{Action, Callers, KEYS, MANY, RUNTIME, server::URL};
use crate::{
    contenders::{Column, Contender, Keys, note_run},
    stores::User,
};

#[memo::memoize(backend = "redis://127.0.0.1:26390")]
fn user(id: u64) -> User {
    note_run();
    User::new(id)
}

#[memo::memoize(backend = "redis://127.0.0.1:26390")]
async fn user_in_task(id: u64) -> User {
    note_run();
    User::new(id)
}

fn users(name: &str) -> Cache<u64, User> {
    Cache::open(name, URL).expect("the URL is one")
}

/// A cache that has what is read at once.
fn filled(name: &str) -> Cache<u64, User> {
    let users = users(name);
    users.set_many((0..KEYS + MANY).map(|id| (id, User::new(id)))).expect("the server takes it");
    users
}

pub fn contender(callers: Callers, action: Action) -> Option<Contender> {
    let column = Column::Memo;
    Some(match (action, callers) {
        (Action::Hit, Callers::Thread) => Contender::new(column, Keys::Random(KEYS), user),
        (Action::Hit, Callers::Tasks(tasks)) => Contender::of_tasks(column, KEYS, (&RUNTIME, tasks), user_in_task),
        (Action::GetMany, Callers::Thread) => {
            let users = filled("many");
            let get = move |id: u64| {
                let keys: Vec<u64> = (id..id + MANY).collect();
                let found = users.get_many(&keys).expect("the server answers");
                assert!(found.iter().all(Option::is_some));
                found
            };
            Contender::new(column, Keys::Random(KEYS), get)
        }
        (Action::GetMany, Callers::Tasks(tasks)) => {
            let users: &'static aio::Cache<u64, User> = Box::leak(Box::new(filled("many in tasks").into()));
            let get = move |id: u64| async move {
                let keys: Vec<u64> = (id..id + MANY).collect();
                let found = users.get_many(&keys).await.expect("the server answers");
                assert!(found.iter().all(Option::is_some));
                found
            };
            Contender::of_tasks(column, KEYS, (&RUNTIME, tasks), get)
        }
        (Action::Set, Callers::Thread) => {
            let set = |id| cache_set!(user(id), User::new(id)).expect("the server takes it");
            Contender::new(column, Keys::Fresh, set)
        }
        (Action::Set, Callers::Tasks(_)) => return None,
    })
}

/// So many entries; ten each have a tag.
pub fn tagged(among: u64) -> impl Fn(u64) {
    let users = users(&format!("{among} with tags"));
    let ids: Vec<u64> = (0..among).collect();
    for ids in ids.chunks(100) {
        let entry = |id: &u64| (*id, User::new(*id), SetOptions::new().tags([format!("tag {}", id / 10)]));
        users.set_many_with(ids.iter().map(entry)).expect("the server takes it");
    }
    move |group| {
        let removed = users.clear_tag(format!("tag {group}")).expect("the server answers");
        assert_eq!(removed, 10);
    }
}
