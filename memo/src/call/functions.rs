//! Plain functions that act on memoized functions, named as values or by text.
#![expect(clippy::needless_pass_by_value, reason = "a function item is a name, with nothing to borrow")]

use std::any::type_name;

use super::{function::Function, owners, registry, switch::reachable};
use crate::{
    cache::live,
    error::Error,
    flight::wait::block_on,
    space::Face,
    stats::CacheInfo,
    tags::clear::{Clear, Cleared},
};

/// The functions that a function item stands for.
pub(crate) fn named<F>(_: &F) -> Result<Vec<&'static Function>, Error> {
    registry::find(type_name::<F>())
}

/// Statistics of a memoized function: `cache_info(find_user)`, also `Repo::profile`, `load::<Foo>`,
/// `<Pg as Store>::get`.
///
/// Numbers are summed over all instantiations of a generic function; [`CacheInfo::instantiations`] lists each.
/// What can't be named as a value (a function with `impl Trait` arguments) goes by text: [`info_of`].
///
/// # Panics
///
/// If the function is not memoized: the message names it. [`try_cache_info`] gives `None` instead.
///
/// ```
/// # use memo::memoize;
/// #[memoize]
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// square(3);
/// square(3);
/// let info = memo::cache_info(square);
/// assert_eq!((info.hits, info.misses, info.size), (1, 1, 1));
/// ```
#[track_caller]
pub fn cache_info<F>(function: F) -> CacheInfo {
    match named(&function) {
        Ok(functions) => block_on(sum(Face::Thread, functions)),
        Err(error) => panic!("{error}"),
    }
}

/// Like [`cache_info`]; `None` for a function that is not memoized.
pub fn try_cache_info<F>(function: F) -> Option<CacheInfo> {
    named(&function).ok().map(|functions| block_on(sum(Face::Thread, functions)))
}

/// Statistics of the function that a text names: its full path without generics (`"shop::users::find"`), or what it
/// was given with `name = …`; or of the live [`Cache`](crate::Cache) of that name.
pub fn info_of(name: &str) -> Option<CacheInfo> {
    block_on(info(Face::Thread, name))
}

pub(crate) async fn info(face: Face, name: &str) -> Option<CacheInfo> {
    let functions = registry::find_text(name);
    if !functions.is_empty() {
        return Some(sum(face, functions).await);
    }
    let mut info: Option<CacheInfo> = None;
    for caches in live::all().iter().filter(|caches| caches.name() == name) {
        info = Some(plus(info, caches.info(face).await));
    }
    info
}

pub(crate) async fn sum(face: Face, functions: Vec<&'static Function>) -> CacheInfo {
    let mut sum = None;
    for function in functions {
        sum = Some(plus(sum, function.info(face).await));
    }
    sum.unwrap_or_default()
}

fn plus(sum: Option<CacheInfo>, info: CacheInfo) -> CacheInfo {
    match sum {
        Some(sum) => sum.plus(info),
        None => info,
    }
}

/// Statistics of every memoized function that is linked into the program, called or not, and of every
/// [`Cache`](crate::Cache) that lives. Objects of one name and store are one.
pub fn functions() -> Vec<CacheInfo> {
    block_on(infos(Face::Thread))
}

pub(crate) async fn infos(face: Face) -> Vec<CacheInfo> {
    let mut all = Vec::new();
    for owner in owners::all() {
        all.push(owner.info(face).await);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Removes all entries of a function, in all its instantiations. Bodies that run meanwhile do not store their values.
///
/// # Errors
///
/// If the function is not memoized, or a store could not be cleared (from a key's or value's `Eq` or `Clone` none can).
pub fn cache_clear<F>(function: F) -> Result<Cleared, Error> {
    reachable()?;
    block_on(Cleared::all_of(named(&function)?, Face::Thread))
}

/// Starts the statistics of a function anew. Its entries stay.
///
/// # Errors
///
/// If the function is not memoized.
pub fn reset_stats<F>(function: F) -> Result<(), Error> {
    named(&function)?.iter().for_each(|function| function.reset_stats());
    Ok(())
}

/// The number of entries of a function, asked of its stores.
///
/// # Errors
///
/// If the function is not memoized, or a store can't be asked.
pub fn cache_len<F>(function: F) -> Result<u64, Error> {
    block_on(len(Face::Thread, named(&function)?))
}

pub(crate) async fn len(face: Face, functions: Vec<&'static Function>) -> Result<u64, Error> {
    let mut len = 0;
    for function in functions {
        len += function.len(face).await?;
    }
    Ok(len)
}

/// Takes expired entries of all functions and cache objects out and says how many they were. They also leave by themselves: on access,
/// when a bound is reached, and a few with every write.
///
/// # Errors
///
/// If a store could not be purged: from a key's or value's `Eq` or `Clone` none can.
pub fn purge_expired() -> Result<u64, Error> {
    reachable()?;
    block_on(purge(Face::Thread))
}

pub(crate) async fn purge(face: Face) -> Result<u64, Error> {
    let (mut removed, mut failed) = (0, Vec::new());
    let all = owners::all();
    for owner in &all {
        match owner.purge(face).await {
            Ok(count) => removed += count,
            Err(error) => failed.push((owner.name(), error)),
        }
    }
    if failed.is_empty() { Ok(removed) } else { Err(Error::several("could not be purged", &failed)) }
}

/// Returns when every value that was stored is in all tiers of its function or cache object, as durable as their stores can make
/// it, and every cache that [saves itself](crate::Builder::autosync) has. For the end of `main`: what is written in the background
/// (`write = "back"`), and what a `static` holds, may be lost when a program ends without this.
///
/// ```
/// fn main() -> Result<(), memo::Error> {
///     // …
///     memo::flush()
/// }
/// ```
///
/// # Errors
///
/// If a store does not take all that waits for it, or can't say that it has it, or a cache can't be saved; the others are
/// flushed. What could not be written waits on, and is tried again.
pub fn flush() -> Result<(), Error> {
    block_on(flush_all(Face::Thread))
}

pub(crate) async fn flush_all(face: Face) -> Result<(), Error> {
    let mut failed: Vec<(String, Error)> = Vec::new();
    for owner in &owners::all() {
        if let Err(error) = owner.flush(face).await {
            failed.push((owner.name().to_owned(), error));
        }
    }
    #[cfg(feature = "stores")]
    failed.extend(crate::cache::on(face, crate::cache::save_all).await);
    let failed: Vec<(&str, Error)> = failed.iter().map(|(name, error)| (&**name, error.again())).collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::several("could not be flushed", &failed)) }
}

/// Removes the entries that carry a tag: those of all functions, also ones that were never called here, and of all cache
/// objects that live. Cost: the number of entries removed, and a look at every function with tags and every object.
///
/// # Errors
///
/// If a store could not be cleared: from a key's or value's `Eq` or `Clone` none can.
pub fn clear_tag(tag: impl Into<crate::Tag>) -> Result<Cleared, Error> {
    Clear::new().tag(tag).run()
}

/// Removes all entries of all functions, and of all cache objects that live.
///
/// # Errors
///
/// If a store could not be cleared: from a key's or value's `Eq` or `Clone` none can.
pub fn clear_all() -> Result<Cleared, Error> {
    reachable()?;
    block_on(Cleared::everything(Face::Thread))
}
