//! One entry: reading, writing and removing it.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{
    Files,
    disk::{self, Failed, doing},
    entry::{self, Head, Kind, Opened},
    names::{ENTRIES, Place},
    plain::{self, Pair},
};
use crate::{backend::Item, error::Error};

/// An entry as it was read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) key: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

impl Files {
    /// The path of an entry, whether it is there or not.
    pub(super) fn path_of(&self, place: &Place) -> PathBuf {
        let mut path = self.root.join(ENTRIES);
        path.push(&place.dir);
        path.push(place.shard_name());
        path.push(&place.name);
        path
    }

    /// The entry in a file, if it is whole and its header is accepted. Takes no lock: see [`disk::replace`].
    pub(super) fn load(path: &Path, accept: impl Fn(&Head<'_>) -> bool) -> Result<Option<Loaded>, Error> {
        let mut seen = None;
        loop {
            let Some(opened) = Opened::open(path).map_err(doing("read", path))? else { return Ok(None) };
            if !opened.head().is_some_and(|head| accept(&head)) {
                return Ok(None);
            }
            let Some((head, body)) = opened.body().map_err(doing("read", path))? else { return Ok(None) };
            if head.kind == Kind::Whole {
                return Ok(Some(Loaded { key: head.key.to_vec(), bytes: body }));
            }
            let (Some(pair), Some(dir)) = (Pair::parse(&body), path.parent()) else { return Ok(None) };
            let joined = pair.read(dir).map_err(doing("read", &dir.join(pair.name)))?;
            if let Some(bytes) = joined {
                return Ok(Some(Loaded { key: head.key.to_vec(), bytes }));
            }
            // A writer has removed the value together with this header, or it is damaged: then the header is the same again.
            if seen.replace(pair.name.to_owned()).as_deref() == Some(pair.name) {
                return Ok(None);
            }
        }
    }

    /// Writes an entry under the lock of its shard, or removes the old one if the new one is larger than all may be together;
    /// gives the number of bytes that were written.
    pub(super) fn write(&self, place: &Place, key: &[u8], item: &Item<'_>) -> Result<u64, Error> {
        if !self.plain {
            let file = entry::encode(Kind::Whole, key, item)?;
            return self.write_files(place, key, item.tags, &file, None);
        }
        let split = plain::split(item.bytes);
        let name = plain::fresh_name(key, place, split.extension);
        let (pair, body) = Pair::of(item.bytes, split.value, &name);
        let file = entry::encode(Kind::Pair, key, &Item { bytes: &pair.encode(), ..*item })?;
        self.write_files(place, key, item.tags, &file, Some((&name, body)))
    }

    fn write_files(
        &self,
        place: &Place,
        key: &[u8],
        tags: &[&str],
        file: &[u8],
        beside: Option<(&str, &[u8])>,
    ) -> Result<u64, Error> {
        let bytes = (file.len() + beside.map_or(0, |(_, body)| body.len())) as u64;
        if self.bound.excludes(bytes) {
            self.remove_key(place, key)?;
            return Ok(0);
        }
        disk::retry(|| self.try_write(place, tags, file, beside))?;
        self.settle(place, tags)?;
        Ok(bytes)
    }

    /// First what the entry needs (its markers, its bare value), then the entry.
    fn try_write(
        &self,
        place: &Place,
        tags: &[&str],
        file: &[u8],
        beside: Option<(&str, &[u8])>,
    ) -> Result<(), Failed> {
        self.mark(place, tags)?;
        let names = [ENTRIES, &place.dir, &place.shard_name()];
        let dir = disk::make_dirs(&self.root, &names, self.sync).map_err(doing("made", &self.root))?;
        let path = dir.join(&place.name);
        if let Some((name, body)) = beside {
            let path = dir.join(name);
            disk::create(&path, body, self.sync).map_err(doing("written", &path))?;
        }
        let mut old = None;
        // A new entry needs no second name: until it is whole, it does not verify, and is absent as before.
        let written = match disk::create(&path, file, self.sync) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => disk::replace(&path, file, self.sync, |path| {
                old = if beside.is_some() { value_beside(path).ok().flatten() } else { None };
            }),
            written => written,
        };
        if let (Err(_), Some((name, _))) = (&written, beside) {
            disk::remove(&dir.join(name)).ok();
        }
        written.map_err(doing("written", &path))?;
        if let Some(old) = old {
            // If it stays, a purge removes it.
            disk::remove(&dir.join(old)).ok();
        }
        Ok(())
    }

    /// After a write: what makes it last.
    fn settle(&self, place: &Place, tags: &[&str]) -> Result<(), Error> {
        if self.sync
            && let Some(dir) = self.find_shard(place)?
        {
            disk::sync_dir(&dir).map_err(doing("synchronised", &dir))?;
        }
        if !self.locks.exclude_processes() {
            // Another process may have taken the markers for those of an entry that is gone.
            disk::retry(|| self.mark(place, tags))?;
        }
        Ok(())
    }

    /// Removes an entry if it is to be removed, under the lock of its shard. Was there one that verified? `decide` sees no
    /// header where the file is torn.
    pub(super) fn remove_if(
        &self,
        dir: &Path,
        place: &Place,
        decide: impl FnOnce(Option<&Head<'_>>) -> bool,
    ) -> Result<bool, Error> {
        let path = dir.join(&place.name);
        let Some(opened) = Opened::open(&path).map_err(doing("read", &path))? else { return Ok(false) };
        let head = opened.head();
        if !decide(head.as_ref()) {
            return Ok(false);
        }
        let tags: Vec<String> = head.iter().flat_map(Head::tags).map(str::to_owned).collect();
        let was_whole = head.is_some();
        let beside = beside(&opened).map_err(doing("read", &path))?;
        // Windows keeps the name of a file that is removed while it is open.
        drop(opened);
        let was_there = disk::remove(&path).map_err(doing("removed", &path))?;
        if let Some(beside) = beside {
            let path = dir.join(beside);
            disk::remove(&path).map_err(doing("removed", &path))?;
        }
        for tag in &tags {
            self.unmark(tag, place)?;
        }
        if self.sync {
            disk::sync_dir(dir).map_err(doing("synchronised", dir))?;
        }
        Ok(was_there && was_whole)
    }

    /// May a torn file be removed? Without locks, it may be one that is being written.
    pub(super) fn may_remove_torn(&self, path: &Path) -> bool {
        self.locks.exclude_processes() || path.symlink_metadata().is_ok_and(|found| disk::is_abandoned(&found))
    }
}

/// The name of the bare value beside an entry, if it has one.
pub(super) fn value_beside(path: &Path) -> io::Result<Option<String>> {
    Opened::open(path)?.map_or(Ok(None), |opened| beside(&opened))
}

fn beside(opened: &Opened) -> io::Result<Option<String>> {
    if opened.head().is_none_or(|head| head.kind == Kind::Whole) {
        return Ok(None);
    }
    let Some((_, body)) = opened.body()? else { return Ok(None) };
    Ok(Pair::parse(&body).map(|pair| pair.name.to_owned()))
}
