//! What a cache was told about its contents as a whole.

/// What all clones of a cache share.
#[derive(Default)]
#[cfg_attr(not(feature = "stores"), expect(dead_code, reason = "there are no snapshots"))]
pub(super) struct Whole {
    /// How values are written into snapshots.
    pub(super) codec: Option<String>,
    /// Where the snapshot stands.
    pub(super) path: Option<std::path::PathBuf>,
}
