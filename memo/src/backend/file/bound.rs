//! `max_bytes`: how much the files of a store may hold together.
//!
//! Each process adds up what it writes, and looks at the whole store when the sum says that it may be full, or when it has
//! written a sixteenth of the bound since it looked last: others write, too. So with one process the bound holds whenever a
//! write has returned, and each further one may exceed it by a sixteenth until it looks. What was written longest ago goes
//! first, until a tenth is free; what has just been written stays.

use std::{collections::HashMap, time::SystemTime};

use parking_lot::Mutex;

use super::{
    Files,
    disk::{self, doing},
    names::{self, Place, Reach},
    sweep::Shard,
};
use crate::error::Error;

#[derive(Debug)]
pub(super) struct Bound {
    max: Option<u64>,
    /// `None` until somebody looked.
    used: Mutex<Option<Used>>,
}

#[derive(Debug)]
struct Used {
    /// At the last look, and what this process has written since. Too much where entries were replaced or removed.
    bytes: u64,
    at_last_look: u64,
}

/// What an entry takes up.
#[derive(Debug)]
struct Size {
    written: SystemTime,
    bytes: u64,
    shard: usize,
    place: Place,
}

impl Bound {
    pub(super) fn new(max: Option<u64>) -> Self {
        Self { max, used: Mutex::new(None) }
    }

    /// Would the files of an entry be larger than all may be together?
    pub(super) fn excludes(&self, bytes: u64) -> bool {
        self.max.is_some_and(|max| bytes > max)
    }
}

impl Files {
    /// After a write, its lock given back: makes room where it is needed.
    pub(super) fn make_room(&self, newest: &Place, bytes: u64) -> Result<(), Error> {
        let Some(max) = self.bound.max else { return Ok(()) };
        let mut used = self.bound.used.lock();
        if let Some(used) = &mut *used {
            used.bytes = used.bytes.saturating_add(bytes);
            if used.bytes <= max && used.bytes - used.at_last_look <= max / 16 {
                return Ok(());
            }
        }
        let left = self.shrink(max, newest)?;
        *used = Some(Used { bytes: left, at_last_look: left });
        Ok(())
    }

    /// Adds up all entries, and removes the oldest if they are too much. Gives what is left.
    fn shrink(&self, max: u64, newest: &Place) -> Result<u64, Error> {
        let shards = self.shards(&Reach::Everywhere)?;
        let mut total = 0;
        for (number, shard) in shards.iter().enumerate() {
            total += sizes(shard, number)?.iter().map(|size| size.bytes).sum::<u64>();
        }
        if total <= max {
            return Ok(total);
        }
        let mut all = Vec::new();
        for (number, shard) in shards.iter().enumerate() {
            all.extend(sizes(shard, number)?);
        }
        // Where the newest entry leaves no tenth free, nothing is gained by removing all others.
        let needed = all.iter().find(|size| size.place == *newest).map_or(0, |size| size.bytes);
        let goal = if needed > max - max / 10 { max } else { max - max / 10 };
        // By its time alone it might not be the newest: times are coarse.
        all.retain(|size| size.place != *newest);
        all.sort_unstable_by_key(|size| size.written);
        for size in all {
            if total <= goal {
                break;
            }
            let shard = &shards[size.shard];
            let _lock = self.lock(shard.number)?;
            let path = shard.path.join(&size.place.name);
            // Replaced meanwhile, it is not old any more.
            let is_same =
                path.symlink_metadata().is_ok_and(|found| found.modified().is_ok_and(|at| at == size.written));
            if is_same {
                self.remove_if(&shard.path, &size.place, |_| true)?;
                total = total.saturating_sub(size.bytes);
            }
        }
        Ok(total)
    }
}

/// The entries of a shard, each with the bare value beside it.
fn sizes(shard: &Shard, number: usize) -> Result<Vec<Size>, Error> {
    let names = disk::files_in(&shard.path).map_err(doing("read", &shard.path))?;
    let mut beside: HashMap<&str, u64> = HashMap::new();
    let mut sizes = Vec::new();
    for name in &names {
        // Gone meanwhile, it takes up nothing.
        let Ok(found) = shard.path.join(name).symlink_metadata() else { continue };
        if let Some(key) = names::data_key(name) {
            *beside.entry(key).or_default() += found.len();
        } else if let Some(place) = shard.place(name) {
            let written = found.modified().map_err(doing("read", &shard.path))?;
            sizes.push(Size { written, bytes: found.len(), shard: number, place });
        }
    }
    for size in &mut sizes {
        size.bytes += beside.get(size.place.key_hash()).copied().unwrap_or(0);
    }
    Ok(sizes)
}
