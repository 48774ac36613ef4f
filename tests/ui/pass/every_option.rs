#![deny(warnings)]

use std::{sync::LazyLock, time::Duration};

use memo::{Cache, memoize};

#[memoize(
    ttl = "5m",
    sliding,
    jitter = 0.1,
    max_entries = 100,
    max_weight = 1_000,
    weigh = |_, value| value.len() as u64,
    policy = "lru",
    exclude(logger),
    include(_tenant),
    cache_if = |value| !value.is_empty(),
    validate = |entry| entry.age() < Duration::from_secs(60),
    tag = "users",
    tags = [format!("user:{id}")],
    if_absent,
    wait_timeout = "2s",
    on_timeout = "run",
    scope = "process",
    name = "users",
    crate = memo,
    handle = UserCache
)]
fn find(logger: &str, _tenant: u32, id: u64) -> String {
    format!("{logger}{id}")
}

#[memoize(ttl = |value| if value.is_some() { 5 } else { 1 }, tags = |value| value.map(|id| format!("user:{id}")), none_ttl = 1)]
fn some(id: u64) -> Result<Option<u64>, String> {
    Ok(Some(id))
}

#[memoize(key = (id, name.len()), cache_err, err_ttl = "5s", single_flight = false)]
fn load(name: &str, id: u64) -> Result<u64, String> {
    Ok(id + name.len() as u64)
}

#[memoize(scope = "thread", ttl = Duration::from_secs(id))]
fn local(id: u64) -> std::rc::Rc<u64> {
    id.into()
}

static OBJECT: LazyLock<Cache<u64, Result<Option<u64>, String>>> =
    LazyLock::new(|| Cache::builder("object").build().expect("memory"));

#[memoize(
    cache = OBJECT,
    ttl = "5m",
    jitter = 0.1,
    key = id,
    cache_if = |value| value.is_ok(),
    validate = |entry| entry.age() < Duration::from_secs(60),
    cache_err,
    err_ttl = 1,
    none_ttl = 2,
    tag = "users",
    tags = [format!("user:{id}")],
    if_absent,
    wait_timeout = "2s",
    on_timeout = "run",
    name = "users in an object",
    crate = memo,
    handle = ObjectCache
)]
fn in_an_object(id: u64) -> Result<Option<u64>, String> {
    Ok(Some(id))
}

fn main() {
    assert!(in_an_object(1).is_ok() && memo::cache_get!(ObjectCache(1)).is_some());
    find("", 1, 1);
    assert!(memo::cache_delete!(UserCache(_, 1, 1)).is_ok());
    assert!(some(1).is_ok() && load("", 1).is_ok() && *local(1) == 1);
}
