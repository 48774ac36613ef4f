//! What a tier is said to be, before it is opened.

use std::sync::Arc;

use super::lease;
use crate::{
    backend::{self, AsyncBackend, Backend, Store, UnixMillis, Url},
    call::extras::IntoTtl,
    clock::Millis,
    error::Error,
    wire::Wire,
};

/// A tier of a cache: a store by its URL, or one that its user opened.
///
/// ```
/// use std::sync::Arc;
/// use memo::{Cache, Tier, backend::Memory};
///
/// // One store for several caches: each has its entries under its own name.
/// let store = Arc::new(Memory::new());
/// let ages: Cache<String, u8> = Cache::builder("ages").tier("memory").tier(Tier::of(store.clone())).build()?;
/// let names: Cache<u8, String> = Cache::builder("names").tier(Tier::of(store).codec("raw").ttl(300)).build()?;
/// ages.set("ada".to_owned(), 36)?;
/// names.set(36, "ada".to_owned())?;
/// ages.clear()?;
/// assert_eq!(names.get(&36)?.as_deref(), Some("ada"));
/// # Ok::<(), memo::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Tier {
    place: Place,
    codec: Option<String>,
    ttl: Option<Millis>,
}

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Url(String),
    Open(Store),
}

impl Tier {
    /// A store that is open.
    pub fn of(store: Arc<dyn Backend>) -> Self {
        Self { place: Place::Open(Store::Blocking(store)), codec: None, ttl: None }
    }

    /// A store that is open, and whose client is async.
    pub fn of_async(store: Arc<dyn AsyncBackend>) -> Self {
        Self { place: Place::Open(Store::Async(store)), codec: None, ttl: None }
    }

    /// How values become bytes here, unless a URL says it: `bincode+zstd`.
    #[must_use]
    pub fn codec(mut self, codec: impl Into<String>) -> Self {
        self.codec = Some(codec.into());
        self
    }

    /// Entries live no longer than this here, unless a URL says it: seconds or a `Duration`.
    #[must_use]
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.ttl = ttl.into_ttl().0;
        self
    }

    /// Is it typed memory?
    pub(crate) fn is_memory(&self) -> bool {
        matches!(&self.place, Place::Url(url) if is_memory(url))
    }

    /// The same with the codec left to whoever uses it; `url` takes it out of a URL.
    pub(crate) fn without_codec(&self, url: impl Fn(&str) -> String) -> Self {
        let place = match &self.place {
            Place::Url(text) => Place::Url(url(text)),
            Place::Open(store) => Place::Open(store.clone()),
        };
        Self { place, codec: None, ttl: self.ttl }
    }
}

impl<T: Into<String>> From<T> for Tier {
    fn from(url: T) -> Self {
        Self { place: Place::Url(url.into()), codec: None, ttl: None }
    }
}

impl std::fmt::Debug for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place: &dyn std::fmt::Debug = match &self.place {
            // It may hold a password.
            Place::Url(url) => &url.split_once("://").map_or("", |(scheme, _)| scheme).to_owned(),
            Place::Open(store) => &store.name(),
        };
        f.debug_tuple("Tier").field(place).finish()
    }
}

/// Does it name typed memory?
pub(crate) fn is_memory(url: &str) -> bool {
    matches!(url, "memory" | "memory://")
}

/// A tier whose URL and codec were understood.
#[derive(Clone)]
pub(super) struct Source {
    place: Understood,
    pub(super) terms: Terms,
}

#[derive(Clone)]
enum Understood {
    Url(Url),
    Open(Store),
}

/// What is said of the entries of a tier.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) wire: Wire,
    /// Entries live no longer than this here.
    pub(super) ttl: Option<Millis>,
    pub(super) hashes_keys: bool,
    /// How long the leases of its entries last without being renewed.
    pub(super) lease: Millis,
    /// The codec, as it was named.
    pub(super) codec: String,
}

impl Terms {
    /// The end of an entry in this tier.
    pub(super) fn end(&self, expires: Option<UnixMillis>, now: UnixMillis) -> Option<UnixMillis> {
        let most = self.ttl.map(|ttl| now.saturating_add(ttl));
        match (expires, most) {
            (Some(expires), Some(most)) => Some(expires.min(most)),
            (expires, most) => expires.or(most),
        }
    }

    /// The time to live that a hit begins anew in this tier.
    pub(super) fn window(&self, window: Millis) -> Option<Millis> {
        let most = self.ttl.unwrap_or(Millis::MAX);
        Some(window.min(most)).filter(|window| *window != 0)
    }
}

impl Source {
    /// `codec`: where neither URL nor tier name one.
    pub(super) fn new(tier: &Tier, codec: Option<&str>) -> Result<Self, Error> {
        #[cfg(feature = "file")]
        backend::find_values_by(find_value);
        let codec = tier.codec.as_deref().or(codec).unwrap_or("bincode");
        let (place, url) = match &tier.place {
            Place::Url(url) => {
                let url = Url::parse(url)?;
                (Understood::Url(url.clone()), Some(url))
            }
            Place::Open(store) => (Understood::Open(store.clone()), None),
        };
        let wire = url.as_ref().map_or_else(|| Wire::parse(codec), |url| Wire::of(url, codec))?;
        let ttl = url.as_ref().map_or(Ok(None), |url| url.duration("ttl"))?.or(tier.ttl);
        let lease = url.as_ref().map_or(Ok(None), |url| url.duration("lease"))?.unwrap_or(lease::TIME);
        if lease < lease::SHORTEST_TIME {
            let message =
                format!("`lease` is at least {} ms: others look after it no more often", lease::SHORTEST_TIME);
            return Err(Error::config(message));
        }
        let hashes_keys = url.is_some_and(|url| url.param("key_style") == Some("hashed"));
        let codec = wire.to_string();
        Ok(Self { place, terms: Terms { wire, ttl, hashes_keys, lease, codec } })
    }

    /// What statistics call it.
    pub(super) fn scheme(&self) -> &str {
        match &self.place {
            Understood::Url(url) => url.scheme(),
            Understood::Open(store) => store.name(),
        }
    }

    /// May block.
    pub(super) fn open(&self) -> Result<Store, Error> {
        match &self.place {
            Understood::Url(url) => backend::open(url),
            Understood::Open(store) => Ok(store.clone()),
        }
    }
}

/// Where the value stands in a frame, for stores that show it to people.
#[cfg(feature = "file")]
fn find_value(bytes: &[u8]) -> Option<backend::Split> {
    let frame = crate::wire::Frame::read(bytes).ok()?;
    let start = frame.value.as_ptr().addr() - bytes.as_ptr().addr();
    let extension = match (frame.codec, frame.compressors) {
        (_, "zstd") => "zst",
        (_, "zlib") => "zz",
        ("json", "") => "json",
        ("msgpack", "") => "msgpack",
        ("raw", "") => "raw",
        _ => "bin",
    };
    Some(backend::Split { value: start..start + frame.value.len(), extension })
}
