//! `lmdb://dir` and `shm://name`: LMDB, a tree in a mapped file that the processes of a host share.

use std::{fmt, ops::ControlFlow, sync::Arc};

use super::{Backend, Capabilities, Edit, Item, UnixMillis, Url, Visit, place};
use crate::error::Error;

mod environment;
mod files;
mod first_look;
mod gate;
mod identity;
mod layout;
mod open;
mod page;
mod raw;
mod settings;
mod shm;
mod stop;
mod tree;
mod verify;
mod writers;

use environment::{Environment, Intent};
use open::{Shared, open};
use settings::{Durability, Settings};
use stop::Attempt;
use tree::Found;
use writers::Write;

/// A store in an environment of LMDB: the fastest reads from a disk, and shared by the processes of a host.
///
/// `lmdb://dir` lives in a directory; `shm://name` in the memory that the processes of this host share (`/dev/shm`, Linux
/// only), where it is gone when the machine restarts. Readers wait for nobody, writers for each other. What reads and
/// writes is found in the page cache of the system, so the store needs no memory of its own.
///
/// | parameter | meaning | default |
/// | --- | --- | --- |
/// | `map_size` | the size of the map at first; it doubles when it is full | `1GiB` |
/// | `max_map_size` | the size that it may reach; then expired entries are removed, and if none is left, writing fails. It is address space, not memory, and files are only as long as what is in them | `1TiB`; for `shm` half of `/dev/shm` |
/// | `max_readers` | at least so many threads of all processes can be reading; each has a slot from its first read until it ends. Says who opens the store first | `1024` |
/// | `sync` | what `set` waits for, see below; `shm` never waits | `full` |
///
/// A killed process loses nothing that was acknowledged, whatever `sync` says, and locks nothing (except on Android, where
/// a lock does not notice that its holder died). When the power fails:
///
/// | `sync` | what is left |
/// | --- | --- |
/// | `full` | everything that was acknowledged. A `set` costs a flush of the disk, which those of several threads share |
/// | `meta` | a whole store, perhaps without what was written last |
/// | `off` | perhaps a damaged store. It is found to be so when it is opened, if it is not larger than 32 MiB |
///
/// If the files, or the directory, are deleted or replaced while they are in use, the next write goes to the new ones, and so do
/// reads, after a second at most (writes, too, where they were moved elsewhere). The two files belong together: who replaces one
/// should replace both.
///
/// # Limits
///
/// - Put it on a disk of this host: LMDB's locks do not reach over a network.
/// - LMDB keeps no checksums. The trees of a file of up to 32 MiB, and of one that is shorter than it should be, are
///   verified when it is opened; damage to larger ones, and to those that are open, can make LMDB fail, and the process with
///   it. So can shortening the file while it is open. Damage to values is found by those who decode them.
/// - A process that forks must not use in the child what the parent opened.
/// - An entry has at most 4 GiB.
#[derive(Clone)]
pub struct Lmdb {
    shared: Arc<Shared>,
    scheme: &'static str,
}

impl Lmdb {
    /// Opens the store of a URL, and creates it if it is not there, for its owner only. Stores of one directory share
    /// one environment in a process.
    ///
    /// # Errors
    ///
    /// If the directory can't be used, its files are damaged or not ours, or it is open with other parameters.
    pub fn open(url: &Url) -> Result<Self, Error> {
        url.expect_scheme(&["lmdb", "shm"])?;
        if url.scheme() == "shm" {
            let (dir, space) = shm::place(url)?;
            let settings = Settings::of(url, Some(Durability::Off), Some(space))?;
            return Ok(Self { shared: open(&dir, shm::create, settings)?, scheme: "shm" });
        }
        let settings = Settings::of(url, None, None)?;
        Ok(Self { shared: open(&place::of(url)?, place::create_dir, settings)?, scheme: "lmdb" })
    }

    fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// Removes what `find` finds from behind some key of the tree, batch by batch; gives the number.
    fn remove_found(
        &self,
        mut find: impl FnMut(tree::Tree, &heed::RoTxn<'_>, Option<&[u8]>) -> Attempt<Found<Vec<u8>>>,
    ) -> Result<u64, Error> {
        let (mut removed, mut after) = (0, None);
        loop {
            let (count, more_after) = self.environment().write(Intent::Remove, |tree, txn| {
                let found = find(tree, txn, after.as_deref())?;
                let mut count = 0;
                for at in &found.found {
                    count += u64::from(tree.remove_at(txn, at)?);
                }
                Ok((count, found.more_after))
            })?;
            removed += count;
            if more_after.is_none() {
                return Ok(removed);
            }
            after = more_after;
        }
    }
}

impl fmt::Debug for Lmdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lmdb")
            .field("scheme", &self.scheme)
            .field("dir", &self.environment().dir())
            .finish_non_exhaustive()
    }
}

impl Backend for Lmdb {
    fn name(&self) -> &'static str {
        self.scheme
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_batch: true,
            atomic_update: true,
            count: true,
            enumerate: true,
            tags: true,
            fences: false,
            notify: false,
            persistent: true,
            shared: true,
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.environment().read(|tree, txn| Ok(tree.get(txn, key)?.map(<[u8]>::to_vec)))
    }

    fn get_into(&self, key: &[u8], into: &mut Vec<u8>) -> Result<bool, Error> {
        self.environment().read(|tree, txn| {
            let found = tree.get(txn, key)?;
            into.clear();
            into.extend_from_slice(found.unwrap_or_default());
            Ok(found.is_some())
        })
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        self.shared.writers.write(self.environment(), Write::Set(key, item)).map(drop)
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        self.shared.writers.write(self.environment(), Write::Remove(key))
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        if prefix.is_empty() {
            return self.environment().write(Intent::Remove, tree::Tree::clear);
        }
        self.remove_found(|tree, txn, after| tree.find_under(txn, prefix, after))
    }

    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        let Some((tag, others)) = tags.split_first() else { return Ok(0) };
        self.remove_found(|tree, txn, after| tree.find_tagged(txn, prefix, (tag, others), after))
    }

    fn update(&self, key: &[u8], change: Edit<'_>) -> Result<(), Error> {
        self.environment().write(Intent::Add, |tree, txn| tree.update(txn, key, change))
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.environment()
            .read(|tree, txn| keys.iter().map(|key| Ok(tree.get(txn, key)?.map(<[u8]>::to_vec))).collect())
    }

    fn set_many(&self, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        if items.is_empty() {
            return Ok(());
        }
        self.environment()
            .write(Intent::Add, |tree, txn| items.iter().try_for_each(|(key, item)| tree.set(txn, key, *item)))
    }

    fn remove_many(&self, keys: &[&[u8]]) -> Result<Vec<bool>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.environment().write(Intent::Remove, |tree, txn| keys.iter().map(|key| tree.remove(txn, key)).collect())
    }

    fn remove_prefixes(&self, prefixes: &[&[u8]]) -> Result<Vec<u64>, Error> {
        if prefixes.is_empty() {
            return Ok(Vec::new());
        }
        self.environment()
            .write(Intent::Remove, |tree, txn| prefixes.iter().map(|prefix| tree.remove_under(txn, prefix)).collect())
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        let mut after = None;
        loop {
            // No transaction is open while `visit` runs: it may use the store, and take its time.
            let shown = self.environment().read(|tree, txn| tree.show_under(txn, prefix, after.as_deref()))?;
            for (key, bytes) in &shown.found {
                if visit(key, bytes) == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
            if shown.more_after.is_none() {
                return Ok(());
            }
            after = shown.more_after;
        }
    }

    fn count(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.environment().read(|tree, txn| tree.count(txn, prefix))
    }

    fn purge(&self, now: UnixMillis) -> Result<u64, Error> {
        self.environment().purge(now)
    }

    fn flush(&self) -> Result<(), Error> {
        self.environment().sync()
    }
}
