//! How a cache is made.

use std::{any::Any, marker::PhantomData, sync::Arc};

use super::{
    Cache, Key, Value,
    core::{Core, Loader},
};
use crate::{
    call::{
        extras::IntoTtl,
        instance::AnyWeigh,
        site::{Jitter, Options, Policy as Chosen, SingleFlight},
    },
    clock::Millis,
    error::Error,
    memory::entries::weigh_any,
    space::{AnyValues, Space, Stored, Text, Tier},
};

pub(super) type Weigh<K, V> = Arc<dyn Fn(&K, &V) -> u64 + Send + Sync>;

/// How keys and values get into stores and back.
#[cfg_attr(not(feature = "stores"), expect(dead_code, reason = "there are none"))]
pub(crate) struct Written<K> {
    /// Writes the key as text.
    pub(crate) text: fn(&K, &mut Text) -> Result<(), Error>,
    /// The key as bytes, to be read again.
    pub(crate) data: fn(&K) -> Result<Vec<u8>, Error>,
    /// Reads an entry: gives the key, and puts the value into an `Option`.
    pub(crate) read: fn(&Space, &Stored, &mut dyn Any) -> Option<K>,
    pub(crate) values: AnyValues,
}

/// What a builder was told.
pub(super) struct Plan<K, V> {
    pub(super) options: Options,
    pub(super) tiers: Vec<Tier>,
    pub(super) writes_back: bool,
    pub(super) backend_timeout: Option<Millis>,
    pub(super) codec: Option<String>,
    pub(super) written: Option<Written<K>>,
    pub(super) weigh: Option<Weigh<K, V>>,
    /// The same for code that does not know the types.
    pub(super) weigh_any: Option<AnyWeigh>,
    pub(super) loader: Option<Loader<K, V>>,
    pub(super) silent: bool,
    /// Its tiers are those of another cache.
    #[cfg_attr(not(feature = "stores"), expect(dead_code, reason = "views are of stores"))]
    pub(super) is_view: bool,
    #[cfg(feature = "stores")]
    pub(super) keeping: super::whole::Keeping<K, V>,
}

impl<K, V> Default for Plan<K, V> {
    fn default() -> Self {
        Self {
            options: Options { value_tags: true, ..Options::NEW },
            tiers: Vec::new(),
            writes_back: false,
            backend_timeout: None,
            codec: None,
            written: None,
            weigh: None,
            weigh_any: None,
            loader: None,
            silent: false,
            is_view: false,
            #[cfg(feature = "stores")]
            keeping: super::whole::Keeping::default(),
        }
    }
}

/// Who leaves first when the bound of a cache is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// S3-FIFO: what was used once leaves before what was used again. The default.
    #[default]
    S3Fifo,
    /// The least recently used.
    Lru,
    /// The least frequently used.
    Lfu,
    /// The oldest.
    Fifo,
}

/// When the tiers behind the first get a value.
#[cfg(feature = "stores")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Write {
    /// Before the call returns. The default.
    #[default]
    Through,
    /// In the background: the call returns when the first tier has it.
    Back,
}

/// Makes a [`Cache`]; see [`Cache::builder`].
#[must_use = "`build` makes the cache"]
pub struct Builder<K, V> {
    name: String,
    pub(super) plan: Plan<K, V>,
    _types: PhantomData<fn(K, V)>,
}

impl<K: Key, V: Value> Builder<K, V> {
    pub(super) fn new(name: String) -> Self {
        Self { name, plan: Plan::default(), _types: PhantomData }
    }

    /// At most so many entries in memory.
    pub fn max_entries(mut self, most: u64) -> Self {
        self.plan.options.max_entries = Some(most);
        self
    }

    /// At most so much weight in memory, and what an entry weighs.
    pub fn max_weight(mut self, most: u64, weigh: impl Fn(&K, &V) -> u64 + Send + Sync + 'static) -> Self {
        self.plan.options.max_weight = Some(most);
        let weigh: Weigh<K, V> = Arc::new(weigh);
        let shared = weigh.clone();
        self.plan.weigh_any = Some(Box::new(weigh_any(move |key, value| shared(key, value))));
        self.plan.weigh = Some(weigh);
        self
    }

    /// Who leaves first when a bound is reached.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.plan.options.policy = match policy {
            Policy::S3Fifo => Chosen::S3Fifo,
            Policy::Lru => Chosen::Lru,
            Policy::Lfu => Chosen::Lfu,
            Policy::Fifo => Chosen::Fifo,
        };
        self
    }

    /// How long entries live: seconds or a `Duration`. Without it they never expire.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.plan.options.ttl = ttl.into_ttl().0;
        self
    }

    /// A random addition to the time to live, up to this much, so that entries do not expire together.
    pub fn jitter(mut self, most: impl IntoTtl) -> Self {
        self.plan.options.jitter = most.into_ttl().0.map_or(Jitter::None, Jitter::Millis);
        self
    }

    /// A hit begins the time to live anew; [`Cache::entry`], [`Cache::contains`] and the like don't. An end that is given by
    /// hand ([`Cache::expire_in`], [`Cache::expire_at`], [`Cache::persist`]) stays: hits do not put it off.
    ///
    /// In stores a hit does so once a sixteenth of the time to live has passed since it last began, so that a hot key is not
    /// written with every hit: an entry lives for 15/16 of it after its last hit at least, and for all of it at most. Memory
    /// before a store asks again after the same sixteenth.
    ///
    /// ```
    /// use memo::{Cache, clock::TestClock};
    /// use std::time::Duration;
    ///
    /// let sessions = Cache::<String, u64>::builder("sessions").ttl(1800).sliding().build()?;
    /// let clock = TestClock::install();
    /// sessions.set("ada".to_owned(), 7)?;
    /// for _ in 0..10 {
    ///     clock.advance(Duration::from_secs(1000));
    ///     assert_eq!(sessions.get("ada")?, Some(7));
    /// }
    /// clock.advance(Duration::from_secs(1800));
    /// assert_eq!(sessions.get("ada")?, None);
    /// # Ok::<(), memo::Error>(())
    /// ```
    pub fn sliding(mut self) -> Self {
        self.plan.options.sliding = true;
        self
    }

    /// Computes the values that [`Cache::load`] does not find.
    pub fn loader(mut self, load: impl Fn(&K) -> V + Send + Sync + 'static) -> Self {
        self.plan.loader = Some(Arc::new(load));
        self
    }

    /// Errors of stores are counted, not returned: a read finds nothing, a write changes nothing. Keys and values that can't be
    /// written at all are errors still.
    pub fn silent(mut self) -> Self {
        self.plan.silent = true;
        self
    }

    /// Makes the cache. Stores are opened when they are first used.
    ///
    /// # Errors
    ///
    /// If the name can't be a namespace, a bound is 0, a URL or codec is wrong, hooks of other types are registered by the name,
    /// or what was said contradicts itself.
    pub fn build(self) -> Result<Cache<K, V>, Error> {
        check_name(&self.name)?;
        let options = &self.plan.options;
        if options.max_entries == Some(0) || options.max_weight == Some(0) {
            return Err(Error::config(format!(
                "the cache `{}` has a bound of 0, which would store nothing",
                self.name
            )));
        }
        #[cfg(feature = "stores")]
        self.plan.keeping.check(&self.name, self.plan.written.is_some())?;
        if self.plan.writes_back && self.plan.tiers.len() < 2 {
            return Err(Error::config(format!(
                "the cache `{}` is to write back, but has no tier behind the first: name two at least",
                self.name
            )));
        }
        if options.single_flight == SingleFlight::Distributed && self.plan.written.is_none() {
            return Err(Error::config(format!(
                "the cache `{}` is to compute once over all processes that share its store, but has none: name one",
                self.name
            )));
        }
        Core::new(self.name, self.plan).map(Cache)
    }

    /// Makes the cache and sets these entries, one after the other: see [`Cache::set_many`].
    ///
    /// ```
    /// use memo::Cache;
    ///
    /// let squares = Cache::<u64, u64>::builder("squares").build_from((1..=3).map(|n| (n, n * n)))?;
    /// assert_eq!(squares.get(&3)?, Some(9));
    /// # Ok::<(), memo::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build), or if a store does not take an entry; those before it are stored.
    pub fn build_from(self, entries: impl IntoIterator<Item = (K, V)>) -> Result<Cache<K, V>, Error> {
        let cache = self.build()?;
        cache.set_many(entries)?;
        Ok(cache)
    }
}

#[cfg(feature = "stores")]
impl<K, V> Builder<K, V>
where
    K: Key + serde::Serialize + serde::de::DeserializeOwned,
    V: Value + serde::Serialize + serde::de::DeserializeOwned,
{
    /// Entries live in a store, named by its URL, and not in memory.
    pub fn backend(self, url: impl Into<String>) -> Self {
        self.backends([url])
    }

    /// Entries live in several stores, the fastest first: `["memory", "sqlite://cache.db"]`.
    pub fn backends(mut self, urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        // Of the cache that a view is one of, neither.
        self.plan.writes_back &= !std::mem::take(&mut self.plan.is_view);
        self.tiers(urls.into_iter().map(|url| Tier::from(url.into())).collect())
    }

    /// Entries live in one more tier, behind those that were named before: in a store named by its URL, or in one that is open. See
    /// [`Tier`].
    ///
    /// Memory in front of a store that [tells](crate::backend::Backend::listen) what others change drops those values on the thread that
    /// hears of it: a value whose `Drop` takes long keeps the process from hearing what comes after.
    pub fn tier(mut self, tier: impl Into<Tier>) -> Self {
        let mut tiers = std::mem::take(&mut self.plan.tiers);
        tiers.push(tier.into());
        self.tiers(tiers)
    }

    pub(super) fn tiers(mut self, tiers: Vec<Tier>) -> Self {
        // What is in memory alone needs no bytes.
        let outside = tiers.iter().any(|tier| !tier.is_memory());
        self.plan.written = outside.then(crate::space::written::<K, V>);
        self.plan.tiers = tiers;
        self
    }

    /// When the tiers behind the first get a value. With [`Write::Back`], one that is set is in the first tier when the call returns, and
    /// in a queue for the others: of each key the newest. A deletion or a clear is in all tiers when it returns, and what
    /// was queued is not written any more.
    ///
    /// Reads find what is queued; `len`, `iter` and the like write it first.
    ///
    /// What a store does not take is counted, reported to [`backend::on_error`](crate::backend::on_error), and tried again, after 0.1 s
    /// at first and 30 s at most. Up to 10,000 values and 64 MiB wait; beyond that, values are written through.
    /// [`Cache::flush`] and [`close`](Cache::close) write what waits, and say what they could not; so does the last object of a cache when it
    /// is dropped, to the hook. (One of [`aio`](crate::aio) does not wait when it is dropped: the queue is worked on as long as the
    /// program runs.)
    ///
    /// ```
    /// use memo::{Cache, Write};
    ///
    /// let ages: Cache<String, u8> =
    ///     Cache::builder("ages").backends(["memory", "memory://slow"]).write(Write::Back).build()?;
    /// ages.set("ada".to_owned(), 36)?;
    /// ages.flush()?;
    /// assert_eq!(ages.stats().queued, 0);
    /// # Ok::<(), memo::Error>(())
    /// ```
    pub fn write(mut self, when: Write) -> Self {
        self.plan.writes_back = when == Write::Back;
        self
    }

    /// What is [computed](Cache::get_or_compute) for a key is computed once over all processes and machines that share the store of the
    /// last tier: who finds that another is at it waits for the value. Functions that keep their entries here wait alike, unless they say
    /// `single_flight = false`. See [the option of functions](macro@crate::memoize#one-run-over-all-processes), which works the same.
    ///
    /// ```
    /// use memo::Cache;
    ///
    /// let rates: Cache<String, f64> = Cache::builder("rates").backend("memory://shared").distributed().build()?;
    /// assert_eq!(rates.get_or_compute("EUR", || 1.0)?, 1.0);
    /// # Ok::<(), memo::Error>(())
    /// ```
    pub fn distributed(mut self) -> Self {
        self.plan.options.single_flight = SingleFlight::Distributed;
        self
    }

    /// How long a store is waited for with each question, in seconds or as a `Duration`: then it counts as failed. Costs a change of
    /// threads for each question to a store that blocks. (Stores on servers have a `timeout` of their own in their URLs.)
    ///
    /// The time is the machine's, also under a [`TestClock`](crate::clock::TestClock). A change that was given up goes on in the store. So
    /// that it undoes nothing, the next change of that store waits for it, within its own time, and fails if that is not enough; what could
    /// not be deleted is deleted later, and is absent until then. In a store that other processes use, what they delete in the meantime is safe
    /// only where the store keeps account of removals ([`Capabilities::fences`](crate::backend::Capabilities)), and only from
    /// values that are computed, not from those that are set. A store that blocks is at 64 requests at most: if all hang, further ones fail
    /// at once.
    ///
    /// ```
    /// use memo::Cache;
    ///
    /// let ages: Cache<String, u8> = Cache::builder("ages").tier("memory://slow").backend_timeout(0.5).build()?;
    /// assert_eq!(ages.get("ada")?, None);
    /// # Ok::<(), memo::Error>(())
    /// ```
    pub fn backend_timeout(mut self, timeout: impl IntoTtl) -> Self {
        self.plan.backend_timeout = timeout.into_ttl().0;
        self
    }

    /// How values become bytes, where the URL says nothing of it, and in snapshots: `bincode+zstd`. In a [view](Cache::view),
    /// whatever the URL says.
    pub fn codec(mut self, codec: impl Into<String>) -> Self {
        let codec = codec.into();
        if self.plan.is_view {
            let without = |tier: &Tier| tier.without_codec(|url| super::view::without_codec(url, &codec));
            self.plan.tiers = self.plan.tiers.iter().map(without).collect();
        }
        self.plan.keeping.codec = Some(codec.clone());
        self.plan.codec = Some(codec);
        self
    }
}

/// A name that is a part of keys, and of paths perhaps.
fn check_name(name: &str) -> Result<(), Error> {
    let is_wrong = |c: char| c.is_control() || matches!(c, '|' | '/' | '\\');
    if name.is_empty() || name.contains(is_wrong) || name.contains("..") {
        return Err(Error::config(format!(
            "`{name}` can't be the name of a cache: it is empty, or contains `/`, `\\`, `|`, `..` or control characters"
        )));
    }
    Ok(())
}
