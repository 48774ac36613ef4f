//! What every store must do, as a suite of checks for the tests of stores of one's own.
//!
//! ```
//! use memo::backend::{Memory, conformance};
//!
//! conformance::check(&Memory::new());
//! ```

use std::sync::Arc;

use super::{AsyncBackend, Backend, Blocking, Item};

mod declared;
mod entries;
mod tasks;
mod together;

/// A time that has long passed, and one that is far away.
const PAST: u64 = 1_000;
const FAR: u64 = 4_000_000_000_000;

/// Checks that a store keeps the promises of [`Backend`], those of its capabilities included. The store may hold other
/// entries; those under `conformance|` are removed.
///
/// # Panics
///
/// With the promise that is broken, and what was found.
pub fn check(store: &dyn Backend) {
    store.remove_prefix(b"conformance|").expect("a store can be emptied");
    let keeps = keeps_anything(store);
    entries::fresh_store(store);
    if keeps {
        entries::round_trips(store);
        entries::rooms(store);
        entries::prefixes(store);
        entries::raw_keys(store);
        together::batches(store);
        together::updates(store);
        entries::expiry(store);
        entries::purges(store);
        together::threads(store);
    }
    declared::tags(store, keeps);
    declared::enumeration(store, keeps);
    declared::counting(store, keeps);
    if store.capabilities().fences {
        declared::fences(store);
    }
    store.flush().expect("a store can be flushed");
    store.remove_prefix(b"conformance|").expect("a store can be emptied");
}

/// Checks the same of an async store, and what [`AsyncBackend`] promises of futures.
///
/// ```
/// use std::sync::Arc;
/// use memo::backend::{AsyncBackend, conformance};
///
/// fn check(client: Arc<dyn AsyncBackend>) {
///     conformance::check_async(client);
/// }
/// ```
///
/// # Panics
///
/// As [`check`].
#[expect(
    clippy::needless_pass_by_value,
    reason = "the store may be of any type where it is one, which a reference can't be"
)]
pub fn check_async(store: Arc<dyn AsyncBackend>) {
    tasks::check(&store);
    check(&Blocking::new(store.clone()));
}

/// Stores like `null://` keep nothing, and say so by what they do.
fn keeps_anything(store: &dyn Backend) -> bool {
    store.set(b"conformance|keeps", Item::new(b"x")).expect("an entry can be set");
    store.get(b"conformance|keeps").expect("an entry can be read").is_some()
}

fn key(check: &str, id: &str) -> Vec<u8> {
    format!("conformance|{check}|{id}").into_bytes()
}

fn get(store: &dyn Backend, key: &[u8]) -> Option<Vec<u8>> {
    store.get(key).expect("an entry can be read")
}

fn set(store: &dyn Backend, key: &[u8], bytes: &[u8]) {
    store.set(key, Item::new(bytes)).expect("an entry can be set");
}

/// What removing by prefix or tags said of how many there were, of a store that can count.
fn counted(store: &dyn Backend, said: u64, expected: u64, what: &str) {
    assert!(said == expected || !store.capabilities().count, "{what}: {said} were removed instead of {expected}");
}
