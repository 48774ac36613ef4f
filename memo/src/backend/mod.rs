//! Byte stores: the trait that they implement, and how a URL becomes one.
//!
//! A backend keeps bytes under bytes. It knows nothing of functions, types or times to live beyond the moment at which it
//! may forget an entry; what the bytes mean is said in `wire`.
//!
//! A store of one's own implements [`Backend`], or [`AsyncBackend`] if its client is async; [`conformance`] checks it. Under a scheme
//! ([`register_backend`], [`register_async_backend`]) it can be named wherever a URL can; a store that is open becomes a tier of a
//! [`Cache`](crate::Cache) with [`Tier::of`](crate::Tier::of). The library asks either kind from threads and from tasks:
//!
//! | | on a thread | in a task |
//! | --- | --- | --- |
//! | [`Backend`] | is called where it is | is called on a pool of threads, unless it never [blocks](Backend::blocks) |
//! | [`AsyncBackend`] | the thread sleeps until the future is ready | is awaited |
//!
//! # What is durable when `set` returns
//!
//! The same holds for removals and for batches. Functions and caches return when their stores have.
//!
//! | store | setting | after the process ended or was killed | after the machine crashed or lost its power |
//! | --- | --- | --- | --- |
//! | `memory://`, `null://` | | nothing | nothing |
//! | `sqlite://` | `synchronous=off` | everything | perhaps a damaged database |
//! | | `synchronous=normal`, the default | everything | all but the last entries |
//! | | `synchronous=full`, `extra` | everything | everything |
//! | `file://` | `sync=false`, the default | everything | all but the last entries |
//! | | `sync=true` | everything | everything |
//! | `lmdb://` | `sync=full`, the default | everything | everything |
//! | | `sync=meta` | everything | all but the last entries |
//! | | `sync=off` | everything | perhaps a damaged store |
//! | `shm://` | | everything | nothing |
//! | `postgres://` | `unlogged=false`, the default | everything | what the server's `synchronous_commit` promises: everything, by default |
//! | | `unlogged=true` | everything, unless the server crashes | nothing, if the server's did |
//! | `redis://` … | the server: `appendfsync always` | everything | everything |
//! | | `appendfsync everysec` | everything, unless the server crashes with its machine | all but the last second, if the server's did |
//! | | snapshots (`save`) alone | everything, until the server ends otherwise than by `SHUTDOWN` | what the last snapshot has, if the server's did |
//! | | no persistence | everything, until the server ends | nothing, if the server's did |
//! | `memcached://` | | everything, until the server drops it | nothing, if it was the server's |
//!
//! "The last" are those since the store, or the system, last wrote to the disk by itself; after [`Backend::flush`] there are
//! none. Entries of functions and caches carry a checksum: what was damaged is a miss. Each store says more about its settings.
//! With write-back, what stands in the queue is not durable yet: see [`Write::Back`](crate::Write).

mod aio;
#[cfg(feature = "file")]
mod cachedir;
#[cfg(feature = "file")]
mod file;
mod listen;
#[cfg(feature = "lmdb")]
mod lmdb;
#[cfg(feature = "memcached")]
mod memcached;
mod memory;
#[cfg(feature = "servers")]
mod net;
mod null;
mod opened;

pub mod conformance;
mod fault;
pub(crate) mod hook;
pub(crate) mod keys;
mod params;
#[cfg(any(feature = "file", feature = "sqlite"))]
mod patience;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod registry;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod sweep;
mod syntax;
mod url;

use std::ops::ControlFlow;

pub use aio::{Answer, AsyncBackend, Blocking};
#[cfg(feature = "file")]
pub use cachedir::cachedir_tag;
pub(crate) use fault::{SIZE, fault};
#[cfg(feature = "file")]
pub use file::Files;
#[cfg(feature = "file")]
pub(crate) use file::plain::{Split, find_values_by};
pub use hook::on_error;
pub use listen::{Ear, Heard, Listening};
#[cfg(feature = "lmdb")]
pub use lmdb::Lmdb;
#[cfg(feature = "memcached")]
pub use memcached::Memcached;
pub use memory::Memory;
pub use null::Null;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
#[cfg(feature = "redis")]
pub use redis::Redis;
pub(crate) use registry::open;
pub use registry::{backend, register_async_backend, register_backend};
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
pub(crate) use store::{Face, Store, WeakStore};
pub(crate) use sweep::Sweep;
pub(crate) use syntax::{Part, has_percent, integer, is_said_before, next_param, same, size, split};
pub use url::Url;

use crate::error::Error;

/// Milliseconds since the Unix epoch.
pub type UnixMillis = u64;

/// A moment in a store's own time: see [`Backend::moment`].
pub type Moment = u64;

/// What separates the parts of a key. See [`Backend`].
pub const SEPARATOR: u8 = b'|';

/// An entry on its way into a store.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// What [`Backend::get`] gives back, byte by byte.
    pub bytes: &'a [u8],
    /// From when on the store may forget the entry. It need not: readers look at the time that is in the bytes. `None`: never.
    pub expires: Option<UnixMillis>,
    /// By these, [`Backend::remove_tagged`] finds it. Without repetition.
    pub tags: &'a [&'a str],
    /// When what it was made of was read, by the [store's own time](Backend::moment). If the entry's key, one of its prefixes or tags
    /// was removed from then on, by whomever, it is not stored, and that is no error. `None`: it is, whatever was removed.
    pub since: Option<Moment>,
}

impl<'a> Item<'a> {
    /// Bytes that never expire and have no tags.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, expires: None, tags: &[], since: None }
    }

    /// With an end, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn expires(mut self, at: impl Into<Option<UnixMillis>>) -> Self {
        self.expires = at.into();
        self
    }

    /// With tags.
    #[must_use]
    pub fn tags(mut self, tags: &'a [&'a str]) -> Self {
        self.tags = tags;
        self
    }

    /// Made of what was read at some moment.
    #[must_use]
    pub fn since(mut self, moment: impl Into<Option<Moment>>) -> Self {
        self.since = moment.into();
        self
    }
}

impl Item<'_> {
    /// Lends an item of what somebody owns, such as a [`Change::Set`].
    pub(crate) fn borrowed<T>(
        bytes: &[u8],
        expires: Option<UnixMillis>,
        tags: &[String],
        body: impl FnOnce(Item<'_>) -> T,
    ) -> T {
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        body(Item::new(bytes).expires(expires).tags(&tags))
    }
}

/// What [`Backend::update`] does to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Leave it as it is.
    Keep,
    /// Remove it.
    Remove,
    /// Put this in its place.
    Set {
        /// As in [`Item::bytes`].
        bytes: Vec<u8>,
        /// As in [`Item::expires`].
        expires: Option<UnixMillis>,
        /// As in [`Item::tags`].
        tags: Vec<String>,
        /// As in [`Item::since`].
        since: Option<Moment>,
        /// Have others to [hear](Backend::listen) of it? Not of an entry that says the same as before, and only lasts longer.
        is_news: bool,
    },
}

impl Change {
    /// Put this in its place, whatever was removed: without an end and without tags.
    pub fn set(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Set { bytes: bytes.into(), expires: None, tags: Vec::new(), since: None, is_news: true }
    }
}

/// What a store can do beyond the required methods.
///
/// A method whose capability is missing fails with [`Error::is_unsupported`], and the conformance suite checks that it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a promise of its own")]
pub struct Capabilities {
    /// [`Backend::set_many`], [`Backend::remove_many`] and [`Backend::remove_prefixes`] happen as a whole or not at all.
    pub atomic_batch: bool,
    /// [`Backend::update`] lets nothing come between reading and writing. Leases (`single_flight = "distributed"`) need that.
    pub atomic_update: bool,
    /// [`Backend::count`].
    pub count: bool,
    /// [`Backend::scan`].
    pub enumerate: bool,
    /// [`Backend::remove_tagged`].
    pub tags: bool,
    /// [`Backend::moment`].
    pub fences: bool,
    /// [`Backend::listen`].
    pub notify: bool,
    /// Entries outlive the process.
    pub persistent: bool,
    /// Other processes may use the store at the same time.
    pub shared: bool,
}

/// What [`Backend::update`] asks about an entry: what is to become of these bytes?
pub type Edit<'a> = &'a mut (dyn FnMut(Option<&[u8]>) -> Change + Send + 'a);

/// What [`Backend::scan`] shows of an entry.
pub type Visit<'a> = &'a mut (dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + Send + 'a);

/// A store of bytes under bytes. Four methods are enough; the others have defaults made of these, or say that they are
/// unsupported.
///
/// **Keys.** A key consists of parts separated by [`SEPARATOR`] (`|`), which no part contains. A prefix is empty or ends
/// with the separator: it names all keys that begin with its parts.
///
/// **Time.** A store never returns bytes other than those that were set. It may forget an entry from its
/// expiry on, not earlier; without an expiry it forgets only where it is bounded.
///
/// **Threads.** All methods may be called from any thread at once. After a method has returned, its effect is seen by every later
/// call in this process. Methods may block; from async code they are called on a pool of threads. A client that is async itself
/// is an [`AsyncBackend`] instead.
///
/// **Errors.** A store that can't be reached or refuses is [`Error::unavailable`]; nothing in it may panic because of what
/// it finds on disk or hears from a peer.
///
/// [`conformance::check`] checks all of this.
pub trait Backend: Send + Sync + 'static {
    /// The scheme that it is opened by: what statistics and `Clear::backend` call it.
    fn name(&self) -> &'static str;

    /// What it can do beyond the required methods. None of it by default.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// May its methods block? From async code, those of a store that doesn't are called where they are.
    fn blocks(&self) -> bool {
        true
    }

    /// The bytes under a key. Expired ones may be given or not.
    ///
    /// # Errors
    ///
    /// If the store can't be asked.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The same, put into `into` in place of what is in there; false if there are none, and then that does not matter any more.
    /// Calls on threads read like this, into room that they use again and again: a store that copies what it finds anyway
    /// saves them an allocation by a method of its own.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    fn get_into(&self, key: &[u8], into: &mut Vec<u8>) -> Result<bool, Error> {
        let found = self.get(key)?;
        let is_there = found.is_some();
        *into = found.unwrap_or_default();
        Ok(is_there)
    }

    /// Stores an entry in place of the one under its key: bytes, expiry and tags are new.
    ///
    /// # Errors
    ///
    /// If the entry could not be stored; then either the old entry is there, or none.
    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error>;

    /// Removes an entry; was there one?
    ///
    /// # Errors
    ///
    /// If it is not certain that the entry is gone.
    fn remove(&self, key: &[u8]) -> Result<bool, Error>;

    /// Removes all entries whose keys begin with a prefix; gives their number, which says something only of a store that
    /// can [count](Capabilities::count).
    ///
    /// # Errors
    ///
    /// If it is not certain that they are gone.
    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error>;

    /// Removes the entries under a prefix that carry all of these tags; gives their number. Without tags it removes nothing.
    ///
    /// # Errors
    ///
    /// If it is not certain that they are gone, or the store can't find entries by tags.
    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        let _ = (prefix, tags);
        Err(self.unsupported("find entries by their tags"))
    }

    /// The present in the store's own time, where it has the entry of a key, for [`Item::since`]: what is removed later, also by other processes, keeps out what was
    /// made of what was read before. `None` if the store keeps no account of what was removed.
    ///
    /// # Errors
    ///
    /// If the store can't be asked.
    fn moment(&self, key: &[u8]) -> Result<Option<Moment>, Error> {
        let _ = key;
        Ok(None)
    }

    /// The same for several keys.
    ///
    /// # Errors
    ///
    /// If the store can't be asked.
    fn moments(&self, keys: &[&[u8]]) -> Result<Vec<Option<Moment>>, Error> {
        keys.iter().map(|key| self.moment(key)).collect()
    }

    /// Reads an entry and puts another in its place, or none. `change` may be called several times, and does not use the
    /// store.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get) and [`set`](Self::set).
    fn update(&self, key: &[u8], change: Edit<'_>) -> Result<(), Error> {
        match change(self.get(key)?.as_deref()) {
            Change::Keep => Ok(()),
            Change::Remove => self.remove(key).map(drop),
            Change::Set { bytes, expires, tags, .. } => {
                Item::borrowed(&bytes, expires, &tags, |item| self.set(key, item))
            }
        }
    }

    /// The bytes under several keys, in their order.
    ///
    /// # Errors
    ///
    /// If one of them could not be read.
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Stores several entries. Of two with one key the later counts.
    ///
    /// # Errors
    ///
    /// If one of them could not be stored: then none is, where the batch is atomic, and the first ones are elsewhere.
    fn set_many(&self, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        items.iter().try_for_each(|(key, item)| self.set(key, *item))
    }

    /// Removes several entries; says for each whether it was there.
    ///
    /// # Errors
    ///
    /// If it is not certain that all are gone.
    fn remove_many(&self, keys: &[&[u8]]) -> Result<Vec<bool>, Error> {
        keys.iter().map(|key| self.remove(key)).collect()
    }

    /// Removes all entries under several prefixes; says for each how many they were.
    ///
    /// # Errors
    ///
    /// If it is not certain that all are gone.
    fn remove_prefixes(&self, prefixes: &[&[u8]]) -> Result<Vec<u64>, Error> {
        prefixes.iter().map(|prefix| self.remove_prefix(prefix)).collect()
    }

    /// Shows all entries under a prefix, each once, in any order, until `visit` breaks off. Entries that come or
    /// go meanwhile may be shown or not. `visit` may call the store again.
    ///
    /// # Errors
    ///
    /// If the store could not be read to the end, or can't enumerate.
    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        let _ = (prefix, visit);
        Err(self.unsupported("enumerate its entries"))
    }

    /// The number of entries under a prefix, expired ones that are still there included.
    ///
    /// # Errors
    ///
    /// If the store can't be asked, or can't count.
    fn count(&self, prefix: &[u8]) -> Result<u64, Error> {
        let _ = prefix;
        Err(self.unsupported("count its entries"))
    }

    /// Removes entries that expired at `now` or before, and does what else keeps the store in shape; gives the number of
    /// entries removed.
    ///
    /// # Errors
    ///
    /// If the store can't be cleaned.
    fn purge(&self, now: UnixMillis) -> Result<u64, Error> {
        let _ = now;
        Ok(0)
    }

    /// Tells `ear` of what others change, from when it says that it is [`Ready`](Heard::Ready): of what they remove, and of what they
    /// put in the place of something, but not of what they [computed](Item::since) because nothing was there. What is done
    /// through this store is not heard, and hearing ends with what is returned.
    ///
    /// # Errors
    ///
    /// If the store can't tell. That it can't be reached is none: it is tried until it can.
    fn listen(&self, ear: Ear) -> Result<Listening, Error> {
        let _ = ear;
        Err(self.unsupported("tell of changes"))
    }

    /// Returns when everything that was acknowledged is as durable as the store can make it.
    ///
    /// # Errors
    ///
    /// If that can't be said.
    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }

    /// What [`Error::is_unsupported`] says of this store.
    fn unsupported(&self, what: &str) -> Error {
        unsupported(self.name(), what)
    }
}

fn unsupported(name: &str, what: &str) -> Error {
    Error::unsupported(format!("a `{name}` store can't {what}"))
}

/// Does a key begin with the parts of a prefix?
pub(crate) fn is_under(key: &[u8], prefix: &[u8]) -> bool {
    key.starts_with(prefix)
}
