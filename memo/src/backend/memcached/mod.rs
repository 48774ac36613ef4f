//! `memcached://`: memcached, one server or several.

use std::fmt;

use self::{names::Names, nodes::Nodes};
use super::{Backend, Capabilities, Edit, Item, Moment, Url};
use crate::error::Error;

mod fences;
mod generations;
mod item;
mod life;
mod names;
mod nodes;
mod reading;
mod removal;
mod wire;
mod writing;

/// A store in memcached.
///
/// `memcached://user:password@host:11211,other` names its servers; all but one host may be missing. User and password are for
/// servers that were started with `--auth-file`.
///
/// Several servers are more memory, not more safety: each key is on one of them, and what entries have in common is on one, too, so when
/// that is down, nothing can be read. Their order in the URL does not matter, but all programs that share the store have to name
/// the same ones by the same names, and one that is taken out of the list has to be restarted before it is put back: it did not hear what
/// was removed.
///
/// | parameter | meaning | default |
/// | --- | --- | --- |
/// | `prefix` | what all keys begin with; any text. Stores of different prefixes know nothing of each other | `memo` |
/// | `timeout` | how long an answer is waited for | `1s` |
/// | `connect_timeout` | how long a connection is waited for, when the host's name is known | `1s` |
/// | `pool` | the most connections to each server | `16` |
/// | `trip_after` | after so many failures in a row a server is left alone; `0`: never | `5` |
/// | `pause` | for so long; then one request tries | `1s` |
///
/// The server may drop any entry at any time, when it has no room; it takes entries of up to 1 MB, unless it was started
/// with another limit (`-I`). A larger one is an error, and what stood in its place is removed.
///
/// It can't list what it holds, so [`count`](Backend::count) and [`scan`](Backend::scan) are unsupported, and removing by prefix or by tags
/// gives 0, whatever was there. What is removed is not looked for: an entry names the generations of its prefixes and tags, small
/// items beside it, and is there only as long as they are. So a `get` asks for all of them at once, and once more for an
/// entry with tags; a `set` asks for them first, and makes those that are missing: one of its own for each entry, because all its versions
/// can be removed. That costs some 150 bytes.
pub struct Memcached {
    nodes: Nodes,
    names: Names,
}

impl Memcached {
    /// The store of a URL. Connects when it is first asked.
    ///
    /// # Errors
    ///
    /// If the URL is wrong.
    pub fn open(url: &Url) -> Result<Self, Error> {
        url.expect_scheme(&["memcached"])?;
        let nodes = Nodes::of(url)?;
        Ok(Self { names: Names::new(nodes.prefix()), nodes })
    }
}

impl fmt::Debug for Memcached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memcached").field(&self.nodes.shown()).finish()
    }
}

impl Backend for Memcached {
    fn name(&self) -> &'static str {
        "memcached"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_batch: false,
            atomic_update: true,
            count: false,
            enumerate: false,
            tags: true,
            fences: true,
            notify: false,
            persistent: true,
            shared: true,
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.get_many(&[key])?.pop().flatten())
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        self.set_many(&[(key, item)])
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.remove_many(&[key])?.contains(&true))
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        self.advance(vec![self.names.under(prefix)]).map(|_| 0)
    }

    fn remove_tagged(&self, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        self.clear_tags(prefix, tags).map(|()| 0)
    }

    fn moment(&self, key: &[u8]) -> Result<Option<Moment>, Error> {
        self.present(key).map(Some)
    }

    fn update(&self, key: &[u8], change: Edit<'_>) -> Result<(), Error> {
        self.change(key, change)
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        Ok(self.look(keys)?.into_iter().map(|found| found.bytes).collect())
    }

    fn set_many(&self, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        if items.iter().all(|(_, item)| item.since.is_none()) {
            return self.put(items);
        }
        items.iter().try_for_each(|(key, item)| match item.since {
            Some(moment) => self.put_since(key, item, moment, None).map(drop),
            None => self.put(&[(*key, *item)]),
        })
    }

    fn remove_many(&self, keys: &[&[u8]]) -> Result<Vec<bool>, Error> {
        self.take(keys)
    }

    fn remove_prefixes(&self, prefixes: &[&[u8]]) -> Result<Vec<u64>, Error> {
        if prefixes.is_empty() {
            return Ok(Vec::new());
        }
        self.advance(prefixes.iter().map(|prefix| self.names.under(prefix)).collect())?;
        Ok(vec![0; prefixes.len()])
    }
}
