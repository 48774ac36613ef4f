//! Snapshots: the whole contents of a cache in memory, in one file.

mod format;

use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use self::format::{Reader, Writer};
use super::{Builder, Cache, Key, Value, aio, core::Core, whole_file};
use crate::{
    call::entry::Entry,
    clock,
    error::Error,
    flight::wait::block_on,
    memory::stamp::Stamp,
    space::{self, Face},
    tags::Tag,
    wire::{Frame, Wire, shape_of},
};

impl<K, V> Builder<K, V>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    /// The file that [`Cache::save`] and [`Cache::restore`] mean.
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.plan.whole.path = Some(path.into());
        self
    }
}

/// Snapshots.
impl<K, V> Cache<K, V>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    /// Saves all live entries to the builder's [`snapshot`](Builder::snapshot): see [`save_to`](Self::save_to).
    ///
    /// # Errors
    ///
    /// If the builder named no file, and as for `save_to`.
    pub fn save(&self) -> Result<u64, Error> {
        save(&self.0, default_path(&self.0)?)
    }

    /// Brings the entries of the builder's [`snapshot`](Builder::snapshot) back: see [`restore_from`](Self::restore_from).
    ///
    /// # Errors
    ///
    /// If the builder named no file, and as for `restore_from`.
    pub fn restore(&self) -> Result<u64, Error> {
        restore(&self.0, default_path(&self.0)?)
    }

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
    /// Saves all live entries to the builder's [`snapshot`](Builder::snapshot).
    pub async fn save(&self) -> Result<u64, Error> {
        self.save_to(default_path(&self.0)?.to_owned()).await
    }

    /// Brings the entries of the builder's [`snapshot`](Builder::snapshot) back.
    pub async fn restore(&self) -> Result<u64, Error> {
        self.restore_from(default_path(&self.0)?.to_owned()).await
    }

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

fn default_path<K: Key, V: Value>(core: &Core<K, V>) -> Result<&Path, Error> {
    let message = || format!("the cache `{}` has no snapshot: name a file to the builder", core.name());
    core.whole().path.as_deref().ok_or_else(|| Error::config(message()))
}

/// How values are written, and how large they may be.
fn wire<K: Key, V: Value>(core: &Core<K, V>) -> Result<Wire, Error> {
    Wire::parse(core.whole().codec.as_deref().unwrap_or("bincode"))
}

fn save<K, V>(core: &Core<K, V>, path: &Path) -> Result<u64, Error>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    core.in_memory_alone()?;
    let wire = wire(core)?;
    let turn = whole_file::Turn::new(path)?;
    let contents = block_on(core.contents(Face::Thread))?;
    turn.land(&encode(&contents, &wire)?)?;
    Ok(contents.len() as u64)
}

fn restore<K, V>(core: &Core<K, V>, path: &Path) -> Result<u64, Error>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    core.in_memory_alone()?;
    let most = wire(core)?.max_value();
    let Some(bytes) = whole_file::read(path)? else { return Ok(0) };
    let contents: Vec<(K, Entry<V>)> = decode(&bytes, most).map_err(|error| error.within("the snapshot", path))?;
    // Only now, when nothing can fail any more.
    let count = contents.len() as u64;
    for (key, entry) in contents {
        core.put(&key, entry);
    }
    Ok(count)
}

fn encode<K, V>(contents: &[(K, Entry<V>)], wire: &Wire) -> Result<Vec<u8>, Error>
where
    K: Key + Serialize + DeserializeOwned,
    V: Value + Serialize + DeserializeOwned,
{
    let keys = space::written::<K, V>();
    let present = (clock::now(), clock::unix_now());
    let mut sorted = Vec::with_capacity(contents.len());
    for (key, entry) in contents {
        sorted.push(((keys.data)(key)?, key, entry));
    }
    sorted.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let mut writer = Writer::new(present.1, shape_of::<(K, V)>(), contents.len());
    for (data, key, entry) in sorted {
        let (value, stamp) = (wire.encode(entry.value())?, entry.stamp());
        let tags: Vec<&str> = entry.tags().collect();
        writer.add(&Frame {
            codec: value.codec,
            compressors: value.compressors,
            created: clock::unix(stamp.created(), present).unwrap_or(present.1),
            expires: clock::unix(stamp.expires(), present),
            cost: 0,
            tags: tags[..].into(),
            key: &(keys.text)(key)?,
            key_data: Some(&data),
            value: &value.bytes,
        })?;
    }
    Ok(writer.finish())
}

/// The live entries of a snapshot; all of them, or an error.
fn decode<K: DeserializeOwned, V: DeserializeOwned>(bytes: &[u8], most: usize) -> Result<Vec<(K, Entry<V>)>, Error> {
    let Reader { shape, frames } = Reader::new(bytes)?;
    if shape != shape_of::<(K, V)>() {
        return Err(Error::corrupt("its keys and values are of other types than those of the cache"));
    }
    let present = (clock::now(), clock::unix_now());
    let mut contents = Vec::new();
    for frame in frames.into_iter().filter(|frame| !frame.is_over(present.1)) {
        let data = frame.key_data.ok_or_else(|| Error::corrupt("an entry has no key that can be read"))?;
        let value = Wire::decode(frame.codec, frame.compressors, frame.value, most)?;
        let created = clock::from_unix(Some(frame.created), present);
        let stamp = Stamp::new(created, clock::from_unix(frame.expires, present));
        let tags: Vec<Tag> = frame.tags.iter().map(Tag::from).collect();
        contents.push((space::key_of(data)?, Entry::new(value, stamp, &[], &tags)));
    }
    Ok(contents)
}
