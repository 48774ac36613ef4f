//! The first look at an environment, before anybody uses it: is it in order, and is it ours?

use std::{fs::File, io::ErrorKind, path::Path};

use heed::{CommitOrAbort, Env, RoTxn, WithTls};

use super::{
    files,
    layout::VERSION,
    page::{META_PAGES, Meta, meta_pages},
    raw,
    settings::{Settings, half},
    stop::{Attempt, Stop},
    tree::{Layout, Tree},
    verify,
};
use crate::error::Error;

/// Files of at most this size are verified whenever they are opened: it takes some milliseconds.
const SMALL: u64 = 32 << 20;
/// Maps are not halved further, where there is no room for them.
const LEAST: usize = 1 << 20;

/// Opens the environment with as large a map as there is room for in this process.
pub(super) fn open(dir: &Path, settings: Settings) -> heed::Result<Env<WithTls>> {
    let mut size = settings.map_size;
    loop {
        match raw::open(dir, size, settings.max_readers, settings.flags()) {
            Err(heed::Error::Io(error)) if error.kind() == ErrorKind::OutOfMemory && size > LEAST => size = half(size),
            other => return other,
        }
    }
}

/// Finds its tree, which becomes ours if the environment is new.
pub(super) fn take(env: &Env<WithTls>, dir: &Path) -> Attempt<Tree> {
    env.clear_stale_readers()?;
    verify(env, dir)?;
    tree(env, dir)
}

/// Walks the trees, if it costs little, or the file is shorter than it says: then the pages that are missing must be free
/// ones. To read one that is needed is not an error but a signal that ends the process.
fn verify(env: &Env<WithTls>, dir: &Path) -> Attempt<()> {
    // The one that is open: at its path there may be another by now.
    let mut file = env.try_clone_inner_file()?;
    let len = file.metadata().map_err(heed::Error::Io)?.len();
    let is_whole = metas(&mut file, dir)?.iter().all(|meta| meta.file_len() <= len);
    if is_whole && len > SMALL {
        return Ok(());
    }
    loop {
        // Pages of a snapshot are not written as long as a transaction reads it.
        let txn = env.read_txn()?;
        let Some(meta) = metas(&mut file, dir)?.into_iter().find(|meta| meta.txn == txn.id()) else {
            // Two others have been committed meanwhile.
            continue;
        };
        let verdict = verify::snapshot(&mut file, &meta).map_err(heed::Error::Io)?;
        return verdict.map_err(|wrong| Stop::Ours(files::damaged(dir, &wrong)));
    }
}

/// The tree, whose layout is ours; in a new environment, it becomes so.
fn tree(env: &Env<WithTls>, dir: &Path) -> Attempt<Tree> {
    let txn = env.read_txn()?;
    let database: Attempt<_> = env.open_databases_and_commit(txn, |opener, txn| {
        Ok(CommitOrAbort::<_, ()>::Commit(opener.open_database(txn, None)?))
    });
    let tree = database?.commit().flatten().map(Tree);
    let tree = tree.ok_or_else(|| Error::corrupt(format!("`{}` holds no tree", dir.display())))?;
    if is_ours(tree, &*env.read_txn()?, dir)? {
        return Ok(tree);
    }
    let mut txn = env.write_txn()?;
    // Others may be opening it, too.
    if !is_ours(tree, &txn, dir)? {
        tree.set_version(&mut txn)?;
        txn.commit()?;
    }
    Ok(tree)
}

/// Has it our layout already? An error if it has another.
fn is_ours(tree: Tree, txn: &RoTxn<'_>, dir: &Path) -> Attempt<bool> {
    let dir = dir.display();
    let wrong = match tree.layout(txn)? {
        Layout::New => return Ok(false),
        Layout::Ours => return Ok(true),
        Layout::Version(version) => format!(
            "the store in `{dir}` has layout {version}, but this version of memo knows layout {VERSION}; nothing was changed"
        ),
        Layout::Foreign => format!("`{dir}` is an LMDB environment, but none of memo's; nothing was changed"),
    };
    Err(Error::config(wrong).into())
}

fn metas(file: &mut File, dir: &Path) -> Attempt<[Meta; META_PAGES]> {
    let metas = meta_pages(file).map_err(heed::Error::Io)?;
    metas.map_err(|wrong| Stop::Ours(files::damaged(dir, &wrong)))
}
