//! Hooks for the contents of a cache as a whole.

use std::{
    any::{Any, type_name},
    collections::BTreeMap,
    error::Error as StdError,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use parking_lot::Mutex;

use super::Contents;
use crate::{
    cache::{Key, Value},
    error::{Error, Kind},
};

/// What a hook may say is wrong.
type Cause = Box<dyn StdError + Send + Sync>;

type Loader<K, V> = Arc<dyn Fn() -> Result<Option<Contents<K, V>>, Cause> + Send + Sync>;
type Saver<K, V> = Arc<dyn Fn(&Contents<K, V>) -> Result<(), Cause> + Send + Sync>;
type Deleter = Arc<dyn Fn() -> Result<(), Cause> + Send + Sync>;
type Maker<K, V> = Arc<dyn Fn() -> Result<Contents<K, V>, Cause> + Send + Sync>;
type Validator<K, V> = Arc<dyn Fn(&Contents<K, V>) -> bool + Send + Sync>;
type Processor<K, V> = Arc<dyn Fn(Contents<K, V>) -> Result<Contents<K, V>, Cause> + Send + Sync>;

/// Hooks for the contents of a [`Cache`](crate::Cache) in memory as a whole: where they come from, where they go, and what is
/// done to them on the way. All are optional; what has no hook does as without any.
///
/// They are given to [`Builder::hooks`](crate::Builder::hooks), or registered by the cache's name with [`register_hooks`].
///
/// At the first use of the cache its contents are brought in: `loader` (or the snapshot) → `post_processor` → `validator`, and
/// if nothing came out of that, `builder`. Whoever uses the cache meanwhile waits. [`save`](crate::Cache::save) is
/// `pre_processor` → `saver` (or the snapshot).
///
/// Hooks may use this cache, which then is as far as it got, and others. They can't save it, and one that keeps a clone of the
/// cache keeps it alive. On behalf of tasks they are called on a pool of threads.
///
/// A hook that fails or panics is an error ([`Error::is_hook`]) of what needed it: of `save`, or of the first use, which
/// the next use tries again. Nothing that was saved is lost by that: a cache is not saved before its contents came in. Each
/// error is also counted and reported to [`on_error`](crate::backend::on_error).
///
/// ```
/// use memo::{Cache, Contents, Hooks};
///
/// let hooks = Hooks::new()
///     .builder(|| Ok((1..=3).map(|n| (n, n * n)).collect()))
///     .saver(|contents: &Contents<u64, u64>| {
///         println!("{} squares", contents.len());
///         Ok(())
///     });
/// let squares = Cache::builder("squares").hooks(hooks).build()?;
/// assert_eq!(squares.get(&3)?, Some(9));
/// assert_eq!(squares.save()?, 3);
/// # Ok::<(), memo::Error>(())
/// ```
#[must_use = "a builder or `register_hooks` takes it"]
pub struct Hooks<K, V> {
    pub(super) loader: Option<Loader<K, V>>,
    pub(super) saver: Option<Saver<K, V>>,
    pub(super) deleter: Option<Deleter>,
    pub(super) builder: Option<Maker<K, V>>,
    pub(super) validator: Option<Validator<K, V>>,
    pub(super) pre_processor: Option<Processor<K, V>>,
    pub(super) post_processor: Option<Processor<K, V>>,
}

impl<K: Key, V: Value> Hooks<K, V> {
    /// No hooks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives what was saved, instead of the snapshot; `None` if nothing was.
    pub fn loader(mut self, load: impl Fn() -> Result<Option<Contents<K, V>>, Cause> + Send + Sync + 'static) -> Self {
        self.loader = Some(Arc::new(load));
        self
    }

    /// Saves the contents, instead of the snapshot. It is never called twice at a time, and later with later contents.
    pub fn saver(mut self, save: impl Fn(&Contents<K, V>) -> Result<(), Cause> + Send + Sync + 'static) -> Self {
        self.saver = Some(Arc::new(save));
        self
    }

    /// Removes what was saved, instead of the snapshot: see [`Cache::delete_saved`](crate::Cache::delete_saved).
    pub fn deleter(mut self, delete: impl Fn() -> Result<(), Cause> + Send + Sync + 'static) -> Self {
        self.deleter = Some(Arc::new(delete));
        self
    }

    /// Makes the contents when there is nothing to load.
    pub fn builder(mut self, build: impl Fn() -> Result<Contents<K, V>, Cause> + Send + Sync + 'static) -> Self {
        self.builder = Some(Arc::new(build));
        self
    }

    /// Are loaded contents good? If it says no, or panics, they are discarded as if there had been none.
    pub fn validator(mut self, validate: impl Fn(&Contents<K, V>) -> bool + Send + Sync + 'static) -> Self {
        self.validator = Some(Arc::new(validate));
        self
    }

    /// Makes of a copy of the contents what is saved.
    pub fn pre_processor(
        mut self,
        process: impl Fn(Contents<K, V>) -> Result<Contents<K, V>, Cause> + Send + Sync + 'static,
    ) -> Self {
        self.pre_processor = Some(Arc::new(process));
        self
    }

    /// Makes of what was loaded the contents.
    pub fn post_processor(
        mut self,
        process: impl Fn(Contents<K, V>) -> Result<Contents<K, V>, Cause> + Send + Sync + 'static,
    ) -> Self {
        self.post_processor = Some(Arc::new(process));
        self
    }

    /// These hooks, and others where there are none.
    fn or(self, others: &Self) -> Self {
        let others = others.clone();
        Self {
            loader: self.loader.or(others.loader),
            saver: self.saver.or(others.saver),
            deleter: self.deleter.or(others.deleter),
            builder: self.builder.or(others.builder),
            validator: self.validator.or(others.validator),
            pre_processor: self.pre_processor.or(others.pre_processor),
            post_processor: self.post_processor.or(others.post_processor),
        }
    }

    /// With those that are registered by this name, which go first.
    pub(super) fn with_registered(&self, name: &str) -> Result<Self, Error> {
        match registered(name)? {
            Some(hooks) => Ok(hooks.or(self)),
            None => Ok(self.clone()),
        }
    }
}

/// Hooks of one name, and the types of keys and values, for people.
struct Registered {
    hooks: Box<dyn Any + Send + Sync>,
    types: String,
}

static HOOKS: Mutex<BTreeMap<String, Registered>> = Mutex::new(BTreeMap::new());

/// Registers hooks for the caches of a name: those that exist and those that will. Each hook takes the place of one of its kind
/// that was registered or given to the builder before; the others stay.
///
/// A `loader` or `builder` has to be there at the first use of the cache, or waits for the next
/// [`restore`](crate::Cache::restore).
///
/// ```
/// use memo::{Cache, Hooks, register_hooks};
///
/// let users = Cache::<u64, String>::builder("staff").build()?;
/// let build = || Ok([(7, "Ada".to_owned())].into_iter().collect());
/// register_hooks("staff", Hooks::<u64, String>::new().builder(build))?;
/// assert_eq!(users.get(&7)?.as_deref(), Some("Ada"));
/// # Ok::<(), memo::Error>(())
/// ```
///
/// # Errors
///
/// If hooks for keys and values of other types are registered by the name. A cache of other types says so when it is built
/// or used.
pub fn register_hooks<K: Key, V: Value>(name: impl Into<String>, hooks: Hooks<K, V>) -> Result<(), Error> {
    let name = name.into();
    let mut all = HOOKS.lock();
    let before = match all.get(&name) {
        Some(known) => typed::<K, V>(&name, known)?,
        None => Hooks::new(),
    };
    let hooks = Box::new(hooks.or(&before));
    let replaced = all.insert(name, Registered { hooks, types: types::<K, V>() });
    drop(all);
    // Closures are the user's.
    drop((before, replaced));
    Ok(())
}

/// The hooks that are registered by a name.
pub(super) fn registered<K: Key, V: Value>(name: &str) -> Result<Option<Hooks<K, V>>, Error> {
    HOOKS.lock().get(name).map(|known| typed(name, known)).transpose()
}

fn types<K, V>() -> String {
    format!("<{}, {}>", type_name::<K>(), type_name::<V>())
}

fn typed<K: Key, V: Value>(name: &str, known: &Registered) -> Result<Hooks<K, V>, Error> {
    known.hooks.downcast_ref::<Hooks<K, V>>().cloned().ok_or_else(|| {
        let (theirs, ours) = (&known.types, types::<K, V>());
        Error::config(format!("the hooks for the cache `{name}` are of `Cache{theirs}`, not of `Cache{ours}`"))
    })
}

/// What runs where neither a hook nor this library is to blame for a panic.
pub(super) const TYPES: &str = "key or value type";

/// Runs a hook: it fails or panics with an error that names it.
pub(super) fn run<T>(what: &str, cache: &str, hook: impl FnOnce() -> Result<T, Cause>) -> Result<T, Error> {
    let failed = |how: String| Error::new(Kind::Hook, format!("the {what} of the cache `{cache}` {how}"));
    match catch_unwind(AssertUnwindSafe(hook)) {
        Ok(result) => result.map_err(|cause| failed(format!("failed: {cause}")).with_source(cause)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Err(failed(format!("panicked: {}", text.unwrap_or("with something that is no text"))))
        }
    }
}

impl<K, V> Hooks<K, V> {
    /// The names of those there are.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            ("loader", self.loader.is_some()),
            ("saver", self.saver.is_some()),
            ("deleter", self.deleter.is_some()),
            ("builder", self.builder.is_some()),
            ("validator", self.validator.is_some()),
            ("pre_processor", self.pre_processor.is_some()),
            ("post_processor", self.post_processor.is_some()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    pub(super) fn are_any(&self) -> bool {
        self.names().next().is_some()
    }
}

impl<K, V> Default for Hooks<K, V> {
    fn default() -> Self {
        Self {
            loader: None,
            saver: None,
            deleter: None,
            builder: None,
            validator: None,
            pre_processor: None,
            post_processor: None,
        }
    }
}

impl<K, V> Clone for Hooks<K, V> {
    fn clone(&self) -> Self {
        Self {
            loader: self.loader.clone(),
            saver: self.saver.clone(),
            deleter: self.deleter.clone(),
            builder: self.builder.clone(),
            validator: self.validator.clone(),
            pre_processor: self.pre_processor.clone(),
            post_processor: self.post_processor.clone(),
        }
    }
}

impl<K, V> fmt::Debug for Hooks<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks ")?;
        f.debug_list().entries(self.names()).finish()
    }
}
