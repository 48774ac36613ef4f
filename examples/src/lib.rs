//! What the examples share: a tiny executor, a private Redis, and the algorithms that `quickstart` memoizes.
//!
//! Nothing here knows of the cache. That is the point of an attribute: the algorithms stay as they are.

pub mod align;
pub mod files;
pub mod minhash;
pub mod redis;
pub mod tokens;

mod executor;

pub use executor::{block_on, join_all, unblock};
