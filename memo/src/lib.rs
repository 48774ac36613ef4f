//! Memoization for Rust functions: one attribute gives a function or method a cache.

mod call;
pub mod clock;
mod error;
mod flight;
mod key;
mod macros;
mod memory;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod stats;
mod sync;
mod tags;

pub use memo_macros::{invalidates, memoize};

pub use crate::{
    call::{
        address::Explanation,
        entry::Entry,
        functions::{
            cache_clear, cache_info, cache_len, clear_all, clear_tag, functions, info_of, purge_expired, reset_stats,
            try_cache_info,
        },
        switch::{Disabled, DisabledHere, Mode, disable, disabled, disabled_here, disabled_in, enable, is_disabled},
    },
    error::Error,
    flight::chain::{Context, context},
    stats::{CacheInfo, Instantiation, Report, report},
    tags::{
        Tag,
        clear::{Clear, Cleared},
    },
};
