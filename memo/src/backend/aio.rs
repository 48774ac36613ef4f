//! Stores whose clients are async: the trait, and the blocking face of such a store.

use std::{pin::Pin, sync::Arc};

use super::{Backend, Capabilities, Change, Ear, Edit, Item, Listening, Moment, UnixMillis, Visit};
use crate::{error::Error, flight::wait::block_on};

/// What a store has to say, when it has been heard.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A store of bytes under bytes whose client is async: what [`Backend`] is for blocking ones, with the same promises about keys,
/// time and errors. Four methods are enough. [`register_async_backend`](crate::register_async_backend) gives it a scheme.
///
/// ```
/// use std::{collections::BTreeMap, sync::Mutex};
/// use memo::backend::{Answer, AsyncBackend, Item};
///
/// #[derive(Default)]
/// struct Shelf(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);
///
/// impl AsyncBackend for Shelf {
///     fn name(&self) -> &'static str {
///         "shelf"
///     }
///     fn get<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Vec<u8>>> {
///         Box::pin(async move { Ok(self.0.lock().unwrap().get(key).cloned()) })
///     }
///     fn set<'a>(&'a self, key: &'a [u8], item: Item<'a>) -> Answer<'a, ()> {
///         Box::pin(async move {
///             self.0.lock().unwrap().insert(key.to_vec(), item.bytes.to_vec());
///             Ok(())
///         })
///     }
///     fn remove<'a>(&'a self, key: &'a [u8]) -> Answer<'a, bool> {
///         Box::pin(async move { Ok(self.0.lock().unwrap().remove(key).is_some()) })
///     }
///     fn remove_prefix<'a>(&'a self, prefix: &'a [u8]) -> Answer<'a, u64> {
///         Box::pin(async move {
///             let mut shelf = self.0.lock().unwrap();
///             let before = shelf.len();
///             shelf.retain(|key, _| !key.starts_with(prefix));
///             Ok((before - shelf.len()) as u64)
///         })
///     }
/// }
/// ```
///
/// **Waiting.** Nothing may block while it is polled, neither in the methods nor in their futures: tasks poll them where they are.
/// Threads poll them too and sleep in between, so a future must not count on the runtime of its caller: there may be none, it may
/// be another one, and the thread that sleeps may be the one that would have run it. A client that needs a runtime (tokio's
/// sockets and timers do) brings one, with a thread of its own, and is asked through it:
/// `let reply = runtime.spawn(request); reply.await`.
///
/// **Letting go.** A future may move to another thread between polls and is woken by the waker of its latest poll. The library drops
/// a read in the middle; a change that was begun it polls to its end (on a pool of threads, if its caller is gone), since
/// nobody could say otherwise when it is over and whether a deletion that follows comes after it.
///
/// [`conformance::check_async`](super::conformance::check_async) checks all of this.
pub trait AsyncBackend: Send + Sync + 'static {
    /// As [`Backend::name`].
    fn name(&self) -> &'static str;

    /// As [`Backend::capabilities`].
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// As [`Backend::get`].
    fn get<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Vec<u8>>>;

    /// As [`Backend::set`].
    fn set<'a>(&'a self, key: &'a [u8], item: Item<'a>) -> Answer<'a, ()>;

    /// As [`Backend::remove`].
    fn remove<'a>(&'a self, key: &'a [u8]) -> Answer<'a, bool>;

    /// As [`Backend::remove_prefix`].
    fn remove_prefix<'a>(&'a self, prefix: &'a [u8]) -> Answer<'a, u64>;

    /// As [`Backend::remove_tagged`].
    fn remove_tagged<'a>(&'a self, prefix: &'a [u8], tags: &'a [&'a str]) -> Answer<'a, u64> {
        let _ = (prefix, tags);
        refused(self.unsupported("find entries by their tags"))
    }

    /// As [`Backend::moment`].
    fn moment<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Moment>> {
        let _ = key;
        Box::pin(async { Ok(None) })
    }

    /// As [`Backend::moments`].
    fn moments<'a>(&'a self, keys: &'a [&'a [u8]]) -> Answer<'a, Vec<Option<Moment>>> {
        Box::pin(async move {
            let mut moments = Vec::with_capacity(keys.len());
            for key in keys {
                moments.push(self.moment(key).await?);
            }
            Ok(moments)
        })
    }

    /// As [`Backend::update`].
    fn update<'a>(&'a self, key: &'a [u8], change: Edit<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            match change(self.get(key).await?.as_deref()) {
                Change::Keep => Ok(()),
                Change::Remove => self.remove(key).await.map(drop),
                Change::Set { bytes, expires, tags, .. } => {
                    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
                    self.set(key, Item::new(&bytes).expires(expires).tags(&tags)).await
                }
            }
        })
    }

    /// As [`Backend::get_many`].
    fn get_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> Answer<'a, Vec<Option<Vec<u8>>>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                found.push(self.get(key).await?);
            }
            Ok(found)
        })
    }

    /// As [`Backend::set_many`].
    fn set_many<'a>(&'a self, items: &'a [(&'a [u8], Item<'a>)]) -> Answer<'a, ()> {
        Box::pin(async move {
            for (key, item) in items {
                self.set(key, *item).await?;
            }
            Ok(())
        })
    }

    /// As [`Backend::remove_many`].
    fn remove_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> Answer<'a, Vec<bool>> {
        Box::pin(async move {
            let mut removed = Vec::with_capacity(keys.len());
            for key in keys {
                removed.push(self.remove(key).await?);
            }
            Ok(removed)
        })
    }

    /// As [`Backend::remove_prefixes`].
    fn remove_prefixes<'a>(&'a self, prefixes: &'a [&'a [u8]]) -> Answer<'a, Vec<u64>> {
        Box::pin(async move {
            let mut removed = Vec::with_capacity(prefixes.len());
            for prefix in prefixes {
                removed.push(self.remove_prefix(prefix).await?);
            }
            Ok(removed)
        })
    }

    /// As [`Backend::scan`].
    fn scan<'a>(&'a self, prefix: &'a [u8], visit: Visit<'a>) -> Answer<'a, ()> {
        let _ = (prefix, visit);
        refused(self.unsupported("enumerate its entries"))
    }

    /// As [`Backend::count`].
    fn count<'a>(&'a self, prefix: &'a [u8]) -> Answer<'a, u64> {
        let _ = prefix;
        refused(self.unsupported("count its entries"))
    }

    /// As [`Backend::purge`].
    fn purge(&self, now: UnixMillis) -> Answer<'_, u64> {
        let _ = now;
        Box::pin(async { Ok(0) })
    }

    /// As [`Backend::listen`].
    ///
    /// # Errors
    ///
    /// As there.
    fn listen(&self, ear: Ear) -> Result<Listening, Error> {
        let _ = ear;
        Err(self.unsupported("tell of changes"))
    }

    /// As [`Backend::flush`].
    fn flush(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// As [`Backend::unsupported`].
    fn unsupported(&self, what: &str) -> Error {
        super::unsupported(self.name(), what)
    }
}

fn refused<'a, T: Send + 'a>(error: Error) -> Answer<'a, T> {
    Box::pin(async { Err(error) })
}

/// The blocking face of an async store: the calling thread sleeps until the store has answered.
///
/// Not for tasks: the thread that sleeps is the executor's. The library itself never uses it there.
///
/// ```
/// use std::sync::Arc;
/// use memo::backend::{AsyncBackend, Backend as _, Blocking, Item};
///
/// fn greet(store: Arc<dyn AsyncBackend>) -> Result<(), memo::Error> {
///     Blocking::new(store).set(b"greeting", Item::new(b"hello"))
/// }
/// ```
#[derive(Clone)]
pub struct Blocking(Arc<dyn AsyncBackend>);

impl Blocking {
    /// The same store for threads.
    pub fn new(store: Arc<dyn AsyncBackend>) -> Self {
        Self(store)
    }
}

impl std::fmt::Debug for Blocking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Blocking").field(&self.0.name()).finish()
    }
}

macro_rules! blocked_on {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $name(&self, $($argument: $type),*) -> Result<$result, Error> {
            block_on(self.0.$name($($argument),*))
        }
    )*};
}

impl Backend for Blocking {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    blocked_on! {
        get(key: &[u8]) -> Option<Vec<u8>>;
        set(key: &[u8], item: Item<'_>) -> ();
        remove(key: &[u8]) -> bool;
        remove_prefix(prefix: &[u8]) -> u64;
        remove_tagged(prefix: &[u8], tags: &[&str]) -> u64;
        moment(key: &[u8]) -> Option<Moment>;
        moments(keys: &[&[u8]]) -> Vec<Option<Moment>>;
        update(key: &[u8], change: Edit<'_>) -> ();
        get_many(keys: &[&[u8]]) -> Vec<Option<Vec<u8>>>;
        set_many(items: &[(&[u8], Item<'_>)]) -> ();
        remove_many(keys: &[&[u8]]) -> Vec<bool>;
        remove_prefixes(prefixes: &[&[u8]]) -> Vec<u64>;
        scan(prefix: &[u8], visit: Visit<'_>) -> ();
        count(prefix: &[u8]) -> u64;
        purge(now: UnixMillis) -> u64;
        flush() -> ();
    }

    fn listen(&self, ear: Ear) -> Result<Listening, Error> {
        self.0.listen(ear)
    }

    fn unsupported(&self, what: &str) -> Error {
        self.0.unsupported(what)
    }
}
