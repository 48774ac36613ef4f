//! What several tests share.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no other call returned: a body that returns it shows by its value whether it ran. The numbers are far
/// apart, so that sums of one of them and a small number are different, too.
pub fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed) << 20
}

/// Hits, misses and size: what most tests ask of the statistics.
pub fn counts<F>(function: F) -> (u64, u64, u64) {
    let info = memo::cache_info(function);
    (info.hits, info.misses, info.size)
}
