//! Memoization for Rust functions: one attribute gives a function or method a cache.
//!
//! ```
//! use memo::memoize;
//!
//! #[memoize(ttl = "5m", max_entries = 10_000, tag = "users")]
//! fn display_name(id: u64) -> String {
//!     format!("user {id}") // something slow
//! }
//!
//! display_name(7); // runs the body
//! display_name(7); // does not
//! assert_eq!(memo::cache_info(display_name).hits, 1);
//! ```
//!
//! - [`memoize`](macro@memoize) is the attribute; its page lists the options. [`invalidates`](macro@invalidates) ties a writing function to what it
//!   makes stale.
//! - What values depend on beside their arguments: [`probe`]; values that are made anew before they end: [`refresh`].
//! - One call: [`skip_cache!`], [`overwrite_cache!`], [`call_with!`], [`cache_get!`], [`cache_entry!`], [`cache_set!`],
//!   [`cache_delete!`], [`explain_cache!`].
//! - Functions: [`cache_info`], [`cache_clear`], [`reset_stats`]; everything: [`report`], [`functions`], [`clear_tag`],
//!   [`clear_all`], [`Clear`], [`purge_expired`], [`flush`](flush()).
//! - Stores outside of memory: [`backend`](mod@backend), their bytes: [`wire`], both behind cargo features; the cache without the attribute:
//!   [`Cache`]; async twins: [`aio`]. Caches in memory that are kept in a file: `Builder::snapshot`, `Hooks`, `Autosync`.
//! - Tests: [`disable`], [`disabled`], [`disabled_here`], [`disabled_in`], [`clock::TestClock`].
//!
//! # What you may rely on
//!
//! - **One run.** N concurrent misses of a key run the body once, in threads, in tasks and across both. Different keys never
//!   wait for each other. With `single_flight = "distributed"`: in all processes that share a store.
//! - **No deadlock** where both ends of a wait can be seen: recursion, cycles of waiters, a leader that its own task holds
//!   back run inline. For work that a body hands elsewhere and waits for, carry [`context`] over.
//! - **No resurrection.** What was invalidated while a body ran is not stored by it, and later callers do not join it.
//! - **Panics and cancellation** of a running body wake the waiters, one of which takes over; nothing is poisoned.
//! - **Never another's value.** Keys are compared whole; every instantiation of a generic function has its own cache. What
//!   the key leaves out (receiver, excluded arguments, globals) is yours to vouch for.
//! - **Bounds hold** at every moment, and expired entries do leave: on access, before anything is evicted, a few with
//!   every write, and by [`purge_expired`].
//!
//! A hit clones the stored value while it holds a shared lock on a part of the cache: return an `Arc` of what is costly to
//! clone. `Eq` and `Clone` of keys and values may call memoized functions; such a call goes past the cache.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod aio;
#[cfg(feature = "stores")]
pub mod backend;
mod cache;
mod call;
pub mod clock;
mod error;
mod flight;
mod freshness;
mod key;
mod macros;
mod memory;
#[cfg(feature = "stores")]
mod message;
#[cfg(all(test, shuttle))]
mod model;
#[cfg(any(feature = "stores", feature = "csv"))]
mod owner_only;
pub mod probe;
mod random;
pub mod refresh;
#[cfg_attr(not(feature = "stores"), path = "space/absent.rs")]
mod space;
mod stats;
mod sync;
mod tags;
#[cfg(feature = "stores")]
pub mod wire;
#[cfg(feature = "stores")]
mod within;

pub use memo_macros::{invalidates, memoize};

#[cfg(feature = "stores")]
pub use crate::{
    backend::{backend, register_async_backend, register_backend},
    cache::{Autosync, Contents, Hooks, Write, register_hooks},
    space::Tier,
};

pub use crate::{
    cache::{Builder, Cache, Key, Lookup, Policy, SetOptions, Value},
    call::{
        entry::Entry,
        explanation::Explanation,
        functions::{
            cache_clear, cache_info, cache_len, clear_all, clear_tag, flush, functions, info_of, purge_expired,
            reset_stats, try_cache_info,
        },
        switch::{Disabled, DisabledHere, Mode, disable, disabled, disabled_here, disabled_in, enable, is_disabled},
    },
    error::Error,
    flight::chain::{Context, context},
    stats::{CacheInfo, Instantiation, Report, TierInfo, report},
    tags::{
        Tag,
        clear::{Clear, Cleared},
    },
};

/// The README's examples, compiled and run.
// The one about stores is a program of its own: a clear in another would open them here.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The examples of the attributes' own pages.
#[cfg(doctest)]
#[doc = include_str!("../../memo-macros/src/memoize.md")]
#[doc = include_str!("../../memo-macros/src/invalidates.md")]
struct AttributePages;
