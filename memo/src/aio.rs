//! Async twins of the functions that may have to wait for stores: these never block the executor.

pub use crate::cache::aio::Cache;
use crate::{
    call::{
        functions::{self, named},
        switch::reachable,
    },
    error::Error,
    space::Face,
    tags::{
        Tag,
        clear::{Clear, Cleared},
    },
};

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

/// Saves what is unsaved in every cache that saves itself: see [`flush_all`](crate::flush_all).
///
/// # Errors
///
/// As there.
#[cfg(feature = "stores")]
pub async fn flush_all() -> Result<(), Error> {
    crate::cache::on(Face::Task, crate::flush_all).await
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
