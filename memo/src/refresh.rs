//! Values that are made anew in the background (`stale_while_revalidate`, `early_refresh`): where, and how a program ends with them.
//!
//! Sync functions are run by a few threads of the library's own, of which there are none when there is nothing to do. Async functions
//! are run where [`set_spawner`] says, else on the tokio runtime that the caller is on (feature `tokio`), else by these threads, too.
//! At most some thousand wait to be run; beyond, a stale value stays what it is until somebody asks for it again.
//!
//! A program that ends lets go of those that have not ended, unless it [waits](wait()) for them.
//!
//! ```
//! use std::time::Duration;
//! use memo::{clock::TestClock, memoize, refresh};
//!
//! #[memoize(ttl = 60, stale_while_revalidate = "5m")]
//! fn price(item: &str) -> usize {
//!     item.len() // something slow
//! }
//!
//! let clock = TestClock::install();
//! price("tea");
//! clock.advance(Duration::from_secs(61));
//! price("tea"); // the older value, at once
//! refresh::wait();
//! let info = memo::cache_info(price);
//! assert_eq!((info.misses, info.stale_hits, info.refreshes), (1, 1, 1));
//! ```

pub use crate::freshness::pool::{Spawned, cancel, idle, pending, set_spawner, wait};
