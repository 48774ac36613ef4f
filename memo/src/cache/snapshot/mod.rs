//! Snapshots: the whole contents of a cache in memory, in one file.

mod format;

use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use self::format::{Reader, Writer};
use super::{
    Builder, Cache, Key, Value, aio,
    core::{Core, contents_of},
    whole::{Contents, SnapshotFile, on},
    whole_file,
};
use crate::{
    call::{entry::Entry, switch},
    clock,
    error::Error,
    flight::wait::block_on,
    freshness::fingerprint::Fingerprint,
    memory::stamp::Stamp,
    space::{self, Face, Text},
    tags::Tag,
    wire::{Frame, Wire, shape_of},
};

impl<K, V> Builder<K, V>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    /// The file that the contents of a cache in memory come from at its first use, and that [`Cache::save`] writes.
    ///
    /// A damaged file is counted, reported, and treated as none; the next save replaces it. If it can't be read, or a later
    /// version wrote it, operations fail until that changes, the file is deleted ([`Cache::delete_saved`]), or the cache is
    /// cleared. A cache with a store has none: [`build`](Builder::build) says so.
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.plan.keeping.file = Some(SnapshotFile { path: path.into(), encode, decode });
        self
    }
}

/// The contents as a whole.
impl<K: Key, V: Value> Cache<K, V> {
    /// Saves all live entries, with their times and tags, to the builder's [`snapshot`](Builder::snapshot) as
    /// [`save_to`](Self::save_to) does, or by a [`saver`](crate::Hooks::saver); gives their number. If this is the first use
    /// of the cache, what was saved comes in first.
    ///
    /// # Errors
    ///
    /// If there is neither a file nor a saver, a hook fails, and as for `save_to`. What was saved before stays then.
    pub fn save(&self) -> Result<u64, Error> {
        self.0.whole()?.save()
    }

    /// Brings in what was saved, as the first use of the cache does, now and in place of entries of the same keys: see
    /// [`restore_from`](Self::restore_from). Gives the number of entries.
    ///
    /// # Errors
    ///
    /// If there is neither a file nor a loader nor a builder, a hook fails, and as for `restore_from`.
    pub fn restore(&self) -> Result<u64, Error> {
        self.0.whole()?.restore()
    }

    /// Removes what was saved: the snapshot, or what a [`deleter`](crate::Hooks::deleter) removes. What is in memory
    /// stays, and is saved again with the next change.
    ///
    /// # Errors
    ///
    /// If there is neither a file nor a deleter, the hook fails, or the file can't be removed.
    pub fn delete_saved(&self) -> Result<(), Error> {
        self.0.whole()?.delete_saved()
    }
}

/// The contents as a whole. What blocks is done on a pool of threads; a dropped future does not end it.
#[expect(clippy::missing_errors_doc, reason = "the errors are those of the operations of the same names")]
impl<K: Key, V: Value> aio::Cache<K, V> {
    /// Saves all live entries: see [`Cache::save`].
    pub async fn save(&self) -> Result<u64, Error> {
        let whole = self.0.whole()?.clone();
        on(Face::Task, move || whole.save()).await
    }

    /// Brings in what was saved: see [`Cache::restore`].
    pub async fn restore(&self) -> Result<u64, Error> {
        let whole = self.0.whole()?.clone();
        on(Face::Task, move || whole.restore()).await
    }

    /// Removes what was saved: see [`Cache::delete_saved`].
    pub async fn delete_saved(&self) -> Result<(), Error> {
        let whole = self.0.whole()?.clone();
        on(Face::Task, move || whole.delete_saved()).await
    }
}

/// Snapshots.
impl<K, V> Cache<K, V>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    /// Saves all live entries of a cache in memory to a file, with their times and tags; gives their number.
    ///
    /// The file is replaced as a whole: who reads it finds the old snapshot or the new one, also if this process is
    /// killed meanwhile. Of several savers in this process the one that began last wins; of several processes, the one
    /// that ends last. The cache can be used and changed meanwhile: each entry is saved as it is at one moment or
    /// another. Cost: a copy of all entries, then of all their bytes.
    ///
    /// ```
    /// # let dir = std::env::temp_dir().join(format!("memo-snapshot-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("users.snapshot");
    /// use memo::Cache;
    ///
    /// let users = Cache::<u64, String>::builder("users").build()?;
    /// users.set(7, "Ada".to_owned())?;
    /// assert_eq!(users.save_to(&path)?, 1);
    ///
    /// let later = Cache::<u64, String>::builder("users").build()?;
    /// assert_eq!(later.restore_from(&path)?, 1);
    /// assert_eq!(later.get(&7)?, Some("Ada".to_owned()));
    /// # std::fs::remove_dir_all(&dir)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the cache has a store, a key or value can't be encoded, or the file can't be written. Then the old file stays.
    pub fn save_to(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        save(&self.0, path.as_ref())
    }

    /// Brings the entries of a snapshot into a cache in memory, with their times and tags; gives the number of those that are live.
    ///
    /// They replace entries of the same keys, also later ones; other entries stay. What has expired meanwhile does not
    /// come. Where there is no file, nothing comes, and that is no error: there was no snapshot yet. A bound holds: entries go
    /// as if they had been set one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::is_corrupt`] if the file is damaged, or its keys and values are of other types; [`Error::is_newer`] if a later
    /// version wrote it; also if it can't be read, or the cache has a store. The cache is as it was then.
    pub fn restore_from(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        restore(&self.0, path.as_ref())
    }
}

/// Snapshots. Reading and writing files is done on a pool of threads; a dropped future does not end it.
#[expect(clippy::missing_errors_doc, reason = "the errors are those of the operations of the same names")]
impl<K, V> aio::Cache<K, V>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    /// Saves all live entries to a file: see [`Cache::save_to`].
    pub async fn save_to(&self, path: impl Into<PathBuf>) -> Result<u64, Error> {
        let (cache, path) = (self.clone(), path.into());
        blocking::unblock(move || save(&cache.0, &path)).await
    }

    /// Brings the entries of a snapshot into the cache: see [`Cache::restore_from`].
    pub async fn restore_from(&self, path: impl Into<PathBuf>) -> Result<u64, Error> {
        let (cache, path) = (self.clone(), path.into());
        blocking::unblock(move || restore(&cache.0, &path)).await
    }
}

fn save<K, V>(core: &Core<K, V>, path: &Path) -> Result<u64, Error>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    switch::reachable()?;
    let whole = core.whole()?;
    let wire = whole.wire()?;
    block_on(core.ready(Face::Thread))?;
    let turn = whole_file::Turn::new(path)?;
    let contents = Contents::of(contents_of(whole.typed()));
    turn.land(&encode(&contents, &wire)?)?;
    Ok(contents.len() as u64)
}

fn restore<K, V>(core: &Core<K, V>, path: &Path) -> Result<u64, Error>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    switch::reachable()?;
    let wire = core.whole()?.wire()?;
    block_on(core.ready(Face::Thread))?;
    let Some(bytes) = whole_file::read(path)? else { return Ok(0) };
    let contents = decode(&bytes, &wire).map_err(|error| error.within("the snapshot", path))?;
    // Only now, when nothing can fail any more.
    let count = contents.len() as u64;
    for (key, entry) in contents {
        core.put(&key, entry);
    }
    Ok(count)
}

fn encode<K, V>(contents: &Contents<K, V>, wire: &Wire) -> Result<Vec<u8>, Error>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    let keys = space::written::<K, V>();
    let present = (clock::now(), clock::unix_now());
    let mut sorted = Vec::with_capacity(contents.len());
    for (key, entry) in contents.iter() {
        sorted.push(((keys.data)(key)?, key, entry));
    }
    sorted.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let mut writer = Writer::new(present.1, shape_of::<(K, V)>(), contents.len());
    for (data, key, entry) in sorted {
        let (value, stamp) = (wire.encode_checked(entry.value())?, entry.stamp());
        let tags: Vec<&str> = entry.tags().collect();
        let mut text = Text::default();
        (keys.text)(key, &mut text)?;
        writer.add(&Frame {
            codec: value.codec,
            compressors: value.compressors,
            created: clock::unix(stamp.created(), present).unwrap_or(present.1),
            expires: clock::unix(stamp.expires(), present),
            fresh_until: clock::unix(stamp.fresh_until(), present).filter(|_| stamp.grace() > 0),
            window: Some(stamp.window()).filter(|window| *window != 0),
            dependency: entry.dependency().map(Fingerprint::bytes),
            cost: 0,
            tags: tags[..].into(),
            key: &text.into_string(),
            key_data: Some(&data),
            value: &value.bytes,
        })?;
    }
    Ok(writer.finish())
}

/// The live entries of a snapshot; all of them, or an error.
fn decode<K: DeserializeOwned, V: DeserializeOwned>(bytes: &[u8], wire: &Wire) -> Result<Vec<(K, Entry<V>)>, Error> {
    let Reader { shape, frames } = Reader::new(bytes)?;
    if shape != shape_of::<(K, V)>() {
        return Err(Error::corrupt("its keys and values are of other types than those of the cache"));
    }
    let present = (clock::now(), clock::unix_now());
    let mut contents = Vec::new();
    for frame in frames.into_iter().filter(|frame| !frame.is_over(present.1)) {
        let data = frame.key_data.ok_or_else(|| Error::corrupt("an entry has no key that can be read"))?;
        let value = Wire::decode(frame.codec, frame.compressors, frame.value, wire.max_value())?;
        let created = clock::from_unix(Some(frame.created), present);
        let expires = clock::from_unix(frame.expires, present);
        let grace = frame.expires.zip(frame.fresh_until).map_or(0, |(end, fresh)| end.saturating_sub(fresh));
        let stamp = Stamp::new(created, expires).sliding(frame.window.unwrap_or(0)).with_grace(grace);
        let tags: Vec<Tag> = frame.tags.iter().map(Tag::from).collect();
        let dependency = frame.dependency.map(Fingerprint::read);
        contents.push((space::key_of(data)?, Entry::new(value, stamp, &[], &tags).depending(dependency.as_ref())));
    }
    Ok(contents)
}
