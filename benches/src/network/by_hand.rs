//! By hand: the client and nothing else.

use std::{cell::RefCell, sync::LazyLock, time::Duration};

use redis::{AsyncCommands as _, AsyncConnectionConfig, Commands as _, Connection, aio::MultiplexedConnection};

use super::{Action, Callers, KEYS, MANY, RUNTIME, server::URL};
use crate::{
    contenders::{Column, Contender, Keys},
    stores::{
        User,
        by_hand::{decode, encode, key},
    },
};

fn client() -> redis::Client {
    redis::Client::open(URL).expect("it is a URL")
}

thread_local! {
    static CONNECTION: RefCell<Connection> = RefCell::new(client().get_connection().expect("the server runs"));
}

/// What all tasks share. It waits longer than by default, since the machine may be busy.
static SHARED: LazyLock<MultiplexedConnection> = LazyLock::new(|| {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(20)));
    let connected = async { client().get_multiplexed_async_connection_with_config(&config).await };
    RUNTIME.block_on(connected).expect("the server runs")
});

fn ask<T>(request: impl FnOnce(&mut Connection) -> redis::RedisResult<T>) -> T {
    CONNECTION.with_borrow_mut(request).expect("the server answers")
}

fn set(id: u64) {
    ask(|connection| connection.set(key(id), encode(&User::new(id))))
}

fn get(id: u64) -> User {
    let bytes: Vec<u8> = ask(|connection| connection.get(key(id)));
    decode(&bytes)
}

async fn get_in_task(id: u64) -> User {
    let bytes: Vec<u8> = SHARED.clone().get(key(id)).await.expect("the server answers");
    decode(&bytes)
}

fn keys(from: u64) -> Vec<String> {
    (from..from + MANY).map(key).collect()
}

fn get_many(from: u64) -> Vec<User> {
    let all: Vec<Vec<u8>> = ask(|connection| connection.mget(keys(from)));
    all.iter().map(|bytes| decode(bytes)).collect()
}

async fn get_many_in_task(from: u64) -> Vec<User> {
    let all: Vec<Vec<u8>> = SHARED.clone().mget(keys(from)).await.expect("the server answers");
    all.iter().map(|bytes| decode(bytes)).collect()
}

pub fn contender(callers: Callers, action: Action) -> Option<Contender> {
    let (column, random) = (Column::ByHand, Keys::Random(KEYS));
    if action != Action::Set {
        (0..KEYS + MANY).for_each(set);
    }
    if callers != Callers::Thread {
        // It can't be made within a task.
        LazyLock::force(&SHARED);
    }
    Some(match (action, callers) {
        (Action::Hit, Callers::Thread) => Contender::new(column, random, get),
        (Action::Hit, Callers::Tasks(tasks)) => Contender::of_tasks(column, KEYS, (&RUNTIME, tasks), get_in_task),
        (Action::GetMany, Callers::Thread) => Contender::new(column, random, get_many),
        (Action::GetMany, Callers::Tasks(tasks)) => {
            Contender::of_tasks(column, KEYS, (&RUNTIME, tasks), get_many_in_task)
        }
        (Action::Set, Callers::Thread) => Contender::new(column, Keys::Fresh, set),
        (Action::Set, Callers::Tasks(_)) => return None,
    })
}

/// A set of keys for each of the groups that will be cleared; the server holds the entries of others as well.
pub fn tagged(among: u64) -> impl Fn(u64) {
    let tag = move |group: u64| format!("memo_benches::tag||{group} of {among}");
    for id in 0..super::GROUPS * 10 {
        set(id);
        ask(|connection| connection.sadd::<_, _, ()>(tag(id / 10), key(id)));
    }
    move |group| {
        let keys: Vec<String> = ask(|connection| connection.smembers(tag(group)));
        let removed: u64 = ask(|connection| connection.unlink((tag(group), keys)));
        assert_eq!(removed, 11);
    }
}
