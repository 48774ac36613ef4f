//! Tags: for each tag of an entry there is an empty file, its marker, at `tags/<hash of the tag>/<directory>/<name of the entry>`.
//!
//! A marker is there before the entry is, and leaves after it: an entry without its marker can't be, and a marker without an
//! entry (the writer was killed, the entry has other tags by now) is harmless, since the entry's own header decides. Purges remove such markers.

use super::{
    Files,
    disk::{self, Failed, doing},
    entry::Opened,
    names::{self, Place, Reach, TAGS},
};
use crate::{backend::is_under, error::Error};

impl Files {
    /// Makes the markers of an entry.
    pub(super) fn mark(&self, place: &Place, tags: &[&str]) -> Result<(), Failed> {
        for tag in tags {
            let names = [TAGS, &names::tag_dir(tag), &place.dir];
            let dir = disk::make_dirs(&self.root, &names, self.sync).map_err(doing("made", &self.root))?;
            let path = dir.join(&place.name);
            disk::open_or_create(&path).map_err(doing("written", &path))?;
            if self.sync {
                disk::sync_dir(&dir).map_err(doing("synchronised", &dir))?;
            }
        }
        Ok(())
    }

    /// Removes a marker whose entry is gone, or has other tags.
    pub(super) fn unmark(&self, tag: &str, place: &Place) -> Result<(), Error> {
        self.unmark_in(&names::tag_dir(tag), place)
    }

    fn unmark_in(&self, tag_dir: &str, place: &Place) -> Result<(), Error> {
        let found = disk::find_dirs(&self.root, &[TAGS, tag_dir, &place.dir]).map_err(doing("read", &self.root))?;
        let Some(dir) = found else { return Ok(()) };
        let path = dir.join(&place.name);
        disk::remove(&path).map_err(doing("removed", &path))?;
        if !self.locks.exclude_processes() && self.carries(tag_dir, place)? {
            // Another process has set the entry again meanwhile: it marks before that, and once more after it.
            disk::retry(|| {
                let dir = disk::make_dirs(&self.root, &[TAGS, tag_dir, &place.dir], self.sync);
                let path = dir.map_err(doing("made", &self.root))?.join(&place.name);
                disk::open_or_create(&path).map(drop).map_err(doing("written", &path))
            })?;
        }
        Ok(())
    }

    /// Does the entry, if it is there, have a tag of this hash?
    fn carries(&self, tag_dir: &str, place: &Place) -> Result<bool, Error> {
        let path = self.path_of(place);
        let opened = Opened::open(&path).map_err(doing("read", &path))?;
        let head = opened.as_ref().and_then(Opened::head);
        Ok(head.is_some_and(|head| head.tags().any(|tag| names::tag_dir(tag) == tag_dir)))
    }

    /// Removes the entries under a prefix that have all of these tags.
    pub(super) fn remove_all_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        let Some(first) = tags.first() else { return Ok(0) };
        let places = self.marked(&names::tag_dir(first), &Reach::of(prefix))?;
        let mut removed = 0;
        for places in places.chunk_by(|one, other| one.shard == other.shard) {
            let _lock = self.lock(places[0].shard)?;
            for place in places {
                let mut is_marked = false;
                if let Some(dir) = self.find_shard(place)? {
                    removed += u64::from(self.remove_if(&dir, place, |head| {
                        let Some(head) = head else { return false };
                        is_marked = head.has_tag(first);
                        is_under(head.key, prefix) && tags.iter().all(|tag| head.has_tag(tag))
                    })?);
                }
                if !is_marked {
                    self.unmark(first, place)?;
                }
            }
        }
        Ok(removed)
    }

    /// The places that have a marker of a tag, shard by shard.
    fn marked(&self, tag_dir: &str, reach: &Reach) -> Result<Vec<Place>, Error> {
        let found = disk::find_dirs(&self.root, &[TAGS, tag_dir]).map_err(doing("read", &self.root))?;
        let Some(root) = found else { return Ok(Vec::new()) };
        let mut places = Vec::new();
        let is_reached = |dir: &str| names::is_dir(dir) && reach.dir().is_none_or(|only| only == dir);
        for dir in disk::dirs_in(&root, is_reached).map_err(doing("read", &root))? {
            let path = root.join(&dir);
            let names = disk::files_in(&path).map_err(doing("read", &path))?;
            let names = names.iter().filter(|name| reach.has_name(name));
            places.extend(names.filter_map(|name| Place::named(&dir, name)));
        }
        places.sort_unstable();
        Ok(places)
    }

    /// Removes the markers that mark nothing, and the directories that are empty then.
    pub(super) fn sweep_markers(&self) -> Result<(), Error> {
        let found = disk::find_dirs(&self.root, &[TAGS]).map_err(doing("read", &self.root))?;
        let Some(root) = found else { return Ok(()) };
        for tag_dir in &disk::dirs_in(&root, names::is_tag_dir).map_err(doing("read", &root))? {
            let places = self.marked(tag_dir, &Reach::Everywhere)?;
            for places in places.chunk_by(|one, other| one.shard == other.shard) {
                let _lock = self.lock(places[0].shard)?;
                for place in places {
                    if !self.carries(tag_dir, place)? {
                        self.unmark_in(tag_dir, place)?;
                    }
                }
            }
            disk::remove_empty_dirs(&root.join(tag_dir), names::is_dir)?;
        }
        Ok(disk::remove_empty_dirs(&root, names::is_tag_dir)?)
    }
}
