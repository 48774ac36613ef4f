//! From a URL to a store: the known schemes, those that users register, and one store for all who name the same.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use parking_lot::RwLock;

use super::{
    AsyncBackend, Backend, Memory, Null, Store, Url,
    opened::Opened,
    params::{self, scheme_names},
    syntax,
};
use crate::error::Error;

/// Opens a store by its URL.
type Factory = Arc<dyn Fn(&Url) -> Result<Store, Error> + Send + Sync>;

/// The stores that are open, by what they were opened with.
static OPEN: LazyLock<Opened<String, Store>> = LazyLock::new(Opened::default);

static REGISTERED: LazyLock<RwLock<HashMap<String, Factory>>> = LazyLock::new(RwLock::default);

/// Teaches the library a scheme of one's own: URLs that begin with `scheme://` are opened by `factory`.
///
/// ```
/// use std::sync::Arc;
/// use memo::backend::{Memory, register_backend};
///
/// register_backend("scratch", |_url| Ok(Arc::new(Memory::new())))?;
/// memo::backend("scratch://here")?;
/// # Ok::<(), memo::Error>(())
/// ```
///
/// # Errors
///
/// If the scheme is one of the library's own or was registered before, or can't stand in a URL.
pub fn register_backend(
    scheme: &str,
    factory: impl Fn(&Url) -> Result<Arc<dyn Backend>, Error> + Send + Sync + 'static,
) -> Result<(), Error> {
    register(scheme, Arc::new(move |url| factory(url).map(Store::Blocking)))
}

/// The same for stores whose clients are async. The factory itself must not wait: a client connects when it is first asked.
///
/// ```
/// use std::sync::Arc;
/// use memo::backend::{AsyncBackend, register_async_backend};
///
/// fn teach(client: Arc<dyn AsyncBackend>) -> Result<(), memo::Error> {
///     register_async_backend("shelf", move |_url| Ok(client.clone()))
/// }
/// ```
///
/// # Errors
///
/// As for [`register_backend`].
pub fn register_async_backend(
    scheme: &str,
    factory: impl Fn(&Url) -> Result<Arc<dyn AsyncBackend>, Error> + Send + Sync + 'static,
) -> Result<(), Error> {
    register(scheme, Arc::new(move |url| factory(url).map(Store::Async)))
}

fn register(scheme: &str, factory: Factory) -> Result<(), Error> {
    let is_scheme = syntax::split(&format!("{scheme}://")).is_some_and(|parts| parts.scheme.of(scheme) == scheme);
    if !is_scheme {
        return Err(Error::config(format!(
            "`{scheme}` can't be a scheme: a letter, then letters, digits, `+`, `-` and `.`"
        )));
    }
    if params::scheme_of(scheme).is_some() {
        return Err(Error::config(format!("the scheme `{scheme}` is one of the library's own")));
    }
    let mut registered = REGISTERED.write();
    if registered.contains_key(scheme) {
        return Err(Error::config(format!("the scheme `{scheme}` was registered before")));
    }
    registered.insert(scheme.to_owned(), factory);
    Ok(())
}

/// The store that a URL names, opened now, or before if it is open. It stays open as long as somebody holds it. One whose client is
/// async blocks here, like [`Blocking`](super::Blocking).
///
/// ```
/// let store = memo::backend("memory://scratch")?;
/// store.set(b"answer", memo::backend::Item::new(b"42"))?;
/// assert_eq!(store.get(b"answer")?.as_deref(), Some(&b"42"[..]));
/// # Ok::<(), memo::Error>(())
/// ```
///
/// # Errors
///
/// If the URL is wrong, its scheme unknown or not built in, the store can't be opened, or is opened by its own factory.
pub fn backend(url: &str) -> Result<Arc<dyn Backend>, Error> {
    open(&Url::parse(url)?).map(Store::for_threads)
}

/// The store of a URL. Two URLs that differ only in how values become bytes name one store.
pub(crate) fn open(url: &Url) -> Result<Store, Error> {
    OPEN.find_or_open(&identity(url)?, || make(url))
}

/// What two URLs of one store have in common.
fn identity(url: &Url) -> Result<String, Error> {
    let is_common = |name: &str| params::COMMON.iter().any(|param| param.name == name);
    let mut params: Vec<_> = url.params().filter(|(name, _)| !is_common(name)).collect();
    params.sort_unstable();
    let location = match params::scheme_of(url.scheme()).map(|scheme| params::SCHEMES[scheme].location) {
        Some(params::Location::Path) => super::place::of(url)?.to_string_lossy().into_owned(),
        _ => url.location().to_owned(),
    };
    Ok(format!("{}://{location}?{params:?}", url.scheme()))
}

fn make(url: &Url) -> Result<Store, Error> {
    let store: Arc<dyn Backend> = match url.scheme() {
        "null" => Arc::new(Null),
        "memory" => Arc::new(Memory::new()),
        #[cfg(feature = "sqlite")]
        "sqlite" => Arc::new(super::Sqlite::open(url)?),
        #[cfg(feature = "file")]
        "file" => Arc::new(super::Files::open(url)?),
        #[cfg(feature = "lmdb")]
        "lmdb" | "shm" => Arc::new(super::Lmdb::open(url)?),
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+unix" | "redis-cluster" => return super::Redis::open(url).map(Store::both),
        #[cfg(feature = "postgres")]
        "postgres" => return super::Postgres::open(url).map(Store::both),
        #[cfg(feature = "memcached")]
        "memcached" => Arc::new(super::Memcached::open(url)?),
        other => {
            let factory = REGISTERED.read().get(other).cloned();
            return factory.ok_or_else(|| unknown(other))?(url);
        }
    };
    Ok(Store::Blocking(store))
}

fn unknown(scheme: &str) -> Error {
    let mut known: Vec<String> = scheme_names().map(str::to_owned).collect();
    known.extend(REGISTERED.read().keys().cloned());
    known.sort_unstable();
    Error::config(format!("unknown scheme `{scheme}://`: known are {}", known.join(", ")))
}
