//! Async twins of the functions that may have to wait for stores: these never block the executor.

pub use crate::cache::aio::Cache;
use crate::{
    call::{
        functions::{self, named},
        switch::reachable,
    },
    error::Error,
    space::Face,
    stats::{CacheInfo, Report},
    tags::{
        Tag,
        clear::{Clear, Cleared},
    },
};

/// Statistics of a memoized function: see [`cache_info`](crate::cache_info).
///
/// # Panics
///
/// As there, and at once.
#[expect(clippy::needless_pass_by_value, reason = "a function item is a name, with nothing to borrow")]
#[track_caller]
pub fn cache_info<F>(function: F) -> impl Future<Output = CacheInfo> + Send {
    match named(&function) {
        Ok(functions) => functions::sum(Face::Task, functions),
        Err(error) => panic!("{error}"),
    }
}

/// The same; `None` for a function that is not memoized: see [`try_cache_info`](crate::try_cache_info).
#[expect(clippy::needless_pass_by_value, reason = "a function item is a name, with nothing to borrow")]
pub fn try_cache_info<F>(function: F) -> impl Future<Output = Option<CacheInfo>> + Send {
    let functions = named(&function).ok();
    async move { Some(functions::sum(Face::Task, functions?).await) }
}

/// Statistics of the function that a text names, or of a live cache: see [`info_of`](crate::info_of).
pub async fn info_of(name: &str) -> Option<CacheInfo> {
    functions::info(Face::Task, name).await
}

/// Statistics of all functions and cache objects: see [`functions`](crate::functions()).
pub async fn functions() -> Vec<CacheInfo> {
    functions::infos(Face::Task).await
}

/// The same, as a table: see [`report`](crate::report()).
pub async fn report() -> Report {
    Report::of(functions().await)
}

/// The number of entries of a function: see [`cache_len`](crate::cache_len).
///
/// # Errors
///
/// As there.
#[expect(clippy::needless_pass_by_value, reason = "a function item is a name, with nothing to borrow")]
pub fn cache_len<F>(function: F) -> impl Future<Output = Result<u64, Error>> + Send {
    let functions = named(&function);
    async move { functions::len(Face::Task, functions?).await }
}

/// Removes all entries of a function: see [`cache_clear`](crate::cache_clear).
///
/// # Errors
///
/// As there.
#[expect(clippy::needless_pass_by_value, reason = "a function item is a name, with nothing to borrow")]
pub fn cache_clear<F>(function: F) -> impl Future<Output = Result<Cleared, Error>> + Send {
    let functions = reachable().and_then(|()| named(&function));
    async move { Cleared::all_of(functions?, Face::Task).await }
}

/// Removes the entries that carry a tag: see [`clear_tag`](crate::clear_tag).
///
/// # Errors
///
/// As there.
pub async fn clear_tag(tag: impl Into<Tag> + Send) -> Result<Cleared, Error> {
    clear(&Clear::new().tag(tag)).await
}

/// Removes what is selected: see [`Clear::run`].
///
/// # Errors
///
/// As there.
pub async fn clear(selected: &Clear) -> Result<Cleared, Error> {
    selected.run_on(Face::Task).await
}

/// Removes all entries of all functions and cache objects: see [`clear_all`](crate::clear_all).
///
/// # Errors
///
/// As there.
pub async fn clear_all() -> Result<Cleared, Error> {
    reachable()?;
    Cleared::everything(Face::Task).await
}

/// Returns when everything is written: see [`flush`](crate::flush()).
///
/// # Errors
///
/// As there.
pub async fn flush() -> Result<(), Error> {
    functions::flush_all(Face::Task).await
}

/// Takes expired entries of all functions and cache objects out: see [`purge_expired`](crate::purge_expired).
///
/// # Errors
///
/// As there.
pub async fn purge_expired() -> Result<u64, Error> {
    reachable()?;
    functions::purge(Face::Task).await
}
