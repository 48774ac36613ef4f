//! What the caches did: counters, their snapshot, and a table of them.

pub(crate) mod counters;
mod info;
mod report;
mod tiers;

pub use info::{CacheInfo, Instantiation};
pub use report::{Report, report};
pub use tiers::TierInfo;
pub(crate) use tiers::{Asked, Tiers};
