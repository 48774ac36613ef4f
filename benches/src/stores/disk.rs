//! What entries take up on the disk.

use std::{fs, path::Path};

use super::{Action, Store, contender};
use crate::contenders::Column;

/// Bytes on the disk per entry, of so many. Files count with the blocks that they occupy, as `du` has it.
pub fn bytes_per_entry(column: Column, store: Store, entries: u64) -> Option<f64> {
    let contender = contender(column, store, Action::Set).or_else(|| contender(column, store, Action::Miss))?;
    let paths = match (column, store) {
        (Column::Memo, Store::Sqlite) => &["memo.db", "memo.db-wal"][..],
        (Column::Memo, Store::Lmdb) => &["memo.lmdb"],
        (Column::Memo, Store::Files) => &["memo.files"],
        (Column::ByHand, Store::Sqlite) => &["raw.db", "raw.db-wal"],
        (Column::ByHand, Store::Lmdb) => &["raw.lmdb"],
        (Column::ByHand, Store::Files) => &["raw.files"],
        (Column::CachedRedb, Store::Lmdb) => &["cached.redb"],
        _ => return None,
    };
    let used = || paths.iter().map(|path| occupied(Path::new(path))).sum::<u64>();
    // Enough to make what there is only once: a log, a map, directories.
    contender.run(entries / 10);
    let before = used();
    contender.run(entries);
    // A file that was made larger than it need be says nothing.
    Some((used().saturating_sub(before)) as f64 / entries as f64).filter(|bytes| *bytes > 0.0)
}

fn occupied(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(found) = path.symlink_metadata() else { return 0 };
    let own = found.blocks() * 512;
    let Ok(inside) = fs::read_dir(path) else { return own };
    own + inside.flatten().map(|entry| occupied(&entry.path())).sum::<u64>()
}
