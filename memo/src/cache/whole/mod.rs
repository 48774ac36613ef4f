//! The contents of a cache in memory as a whole: where they come from at its first use, where they are saved, and when.

mod autosync;
mod contents;
mod exit;
mod gate;
mod hooks;
mod load;
mod save;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;

pub(super) use self::exit::Flush;
pub(crate) use self::exit::save_all;
pub use self::{autosync::Autosync, contents::Contents, hooks::Hooks, hooks::register_hooks};
use self::{autosync::Changes, gate::Gate};
use super::{Builder, Key, Value, builder::Weigh};
use crate::{
    backend,
    call::{entry::Entry, home, home::Loading, instance::Typed},
    error::Error,
    flight::chain::context,
    memory::Watch,
    space::Face,
    stats::counters::Counters,
    tags::Tag,
    wire::Wire,
};

impl<K: Key, V: Value> Builder<K, V> {
    /// Hooks for the contents as a whole. Those registered by the cache's name go before them: [`register_hooks`].
    pub fn hooks(mut self, hooks: Hooks<K, V>) -> Self {
        self.plan.keeping.hooks = hooks;
        self
    }

    /// The cache saves itself in the background when enough has changed: to its snapshot, or by its `saver`.
    ///
    /// What is left is saved when the last clone is dropped (one of [`aio`](crate::aio) does not wait for that), by
    /// [`Cache::close`](crate::Cache::close), which says whether it worked, and by [`flush`](crate::flush()). A save that fails is counted, reported to
    /// [`on_error`](backend::on_error), and tried again later. There is no thread while there is nothing to save.
    ///
    /// A `static` is never dropped. On Unix, when `main` returns or panics or its thread calls [`exit`](std::process::exit), such
    /// caches are saved nevertheless, in 30 seconds at most, if the main thread has made or changed one. Rust promises that
    /// nowhere: end `main` with [`flush`](crate::flush()) where it matters.
    pub fn autosync(mut self, when: Autosync) -> Self {
        self.plan.keeping.autosync = Some(when);
        self
    }

    /// With `false`, what is saved is read, but never changed: `save` and `delete_saved` do nothing.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.plan.keeping.is_read_only = !persistent;
        self
    }
}

/// What a builder was told of it.
pub(super) struct Keeping<K, V> {
    pub(super) file: Option<SnapshotFile<K, V>>,
    /// How values are written into snapshots.
    pub(super) codec: Option<String>,
    pub(super) hooks: Hooks<K, V>,
    pub(super) autosync: Option<Autosync>,
    pub(super) is_read_only: bool,
}

/// Where the snapshot stands, and how it is written and read.
pub(super) struct SnapshotFile<K, V> {
    pub(super) path: PathBuf,
    pub(super) encode: Encode<K, V>,
    pub(super) decode: Decode<K, V>,
}

type Encode<K, V> = fn(&Contents<K, V>, &Wire) -> Result<Vec<u8>, Error>;
type Decode<K, V> = fn(&[u8], &Wire) -> Result<Vec<(K, Entry<V>)>, Error>;

impl<K, V> Default for Keeping<K, V> {
    fn default() -> Self {
        Self { file: None, codec: None, hooks: Hooks::default(), autosync: None, is_read_only: false }
    }
}

impl<K: Key, V: Value> Keeping<K, V> {
    /// What contradicts itself.
    pub(super) fn check(&self, cache: &str, has_store: bool) -> Result<(), Error> {
        if has_store && self.file.is_some() {
            return Err(has_entries_of_its_own(cache, SNAPSHOTS));
        }
        if has_store && (self.autosync.is_some() || self.hooks.are_any()) {
            return Err(has_entries_of_its_own(cache, "autosync and hooks for the contents are of caches in memory"));
        }
        if has_store && self.is_read_only {
            return Err(has_entries_of_its_own(
                cache,
                "`persistent(false)` is of caches in memory, and what they save",
            ));
        }
        self.autosync.as_ref().map_or(Ok(()), |autosync| autosync.check(cache))?;
        if has_store { Ok(()) } else { hooks::registered::<K, V>(cache).map(drop) }
    }
}

/// Why a cache with a store has none.
pub(super) const SNAPSHOTS: &str = "snapshots are of caches in memory";

/// What can't be done with a cache that has a store.
pub(super) fn has_entries_of_its_own(cache: &str, so: &str) -> Error {
    Error::unsupported(format!("the cache `{cache}` has a store, which keeps its entries: {so}"))
}

/// Does what may block where it may: for tasks, on a pool of threads.
pub(crate) async fn on<T: Send + 'static>(face: Face, work: impl FnOnce() -> T + Send + 'static) -> T {
    match face {
        Face::Thread => work(),
        Face::Task => {
            let context = context();
            blocking::unblock(move || context.enter(work)).await
        }
    }
}

/// The contents of a cache in memory, and all that is done with them as a whole.
pub(super) struct Whole<K, V> {
    typed: Arc<Typed<K, V>>,
    weigh: Option<Weigh<K, V>>,
    keeping: Keeping<K, V>,
    state: Arc<State>,
    loading: Arc<Gate>,
    saving: Arc<Gate>,
}

/// What the store of the cache tells of itself.
struct State {
    changes: Changes,
    is_loaded: AtomicBool,
    cleared: Mutex<Cleared>,
}

/// What was cleared before the contents had come in, and must not come in with them.
#[derive(Default)]
struct Cleared {
    /// There is nothing to come.
    is_over: bool,
    everything: bool,
    tags: Vec<Arc<[Tag]>>,
}

impl<K: Key, V: Value> Whole<K, V> {
    /// Takes the store of a new cache under its wings.
    pub(super) fn new(mut typed: Typed<K, V>, weigh: Option<Weigh<K, V>>, keeping: Keeping<K, V>) -> Arc<Self> {
        Arc::new_cyclic(|whole: &Weak<Self>| {
            let saves: Weak<dyn autosync::Saves> = whole.clone();
            let autosync = keeping.autosync.clone().filter(|_| !keeping.is_read_only);
            let changes = Changes::new(autosync, saves);
            let state = Arc::new(State { changes, is_loaded: AtomicBool::new(false), cleared: Mutex::default() });
            typed.store.watched_by(state.clone());
            let contents: Weak<dyn home::Contents> = whole.clone();
            typed.contents = Some(contents);
            if keeping.autosync.is_some() {
                let flushes: Weak<dyn exit::Flushes> = whole.clone();
                exit::register(flushes);
            }
            let (loading, saving) = (Arc::default(), Arc::default());
            Self { typed: Arc::new(typed), weigh, keeping, state, loading, saving }
        })
    }

    pub(super) fn typed(&self) -> &Arc<Typed<K, V>> {
        &self.typed
    }

    pub(super) fn name(&self) -> &str {
        &self.typed.name
    }

    /// Have the contents come in?
    #[inline]
    pub(super) fn is_loaded(&self) -> bool {
        self.state.is_loaded.load(Ordering::Acquire)
    }

    /// Saves what is unsaved when the last object goes.
    pub(super) fn flush_at_the_end(self: &Arc<Self>) -> Option<Flush> {
        self.keeping.autosync.is_some().then(|| Flush(self.clone()))
    }

    /// The hooks as they are by now.
    fn hooks(&self) -> Result<Hooks<K, V>, Error> {
        self.keeping.hooks.with_registered(self.name())
    }

    /// How values are written into snapshots, and how large they may be.
    pub(super) fn wire(&self) -> Result<Wire, Error> {
        Wire::parse(self.keeping.codec.as_deref().unwrap_or("bincode"))
    }

    /// Something failed, which is counted and reported.
    fn failed(&self, error: Error) -> Error {
        Counters::add(&self.typed.counters.errors, 1);
        // The hook is the user's, too: its panic must not become that of whoever waits for this.
        catch_unwind(AssertUnwindSafe(|| backend::hook::report(self.name(), &error))).ok();
        error
    }
}

impl<K: Key, V: Value> home::Contents for Whole<K, V> {
    fn are_in(&self) -> bool {
        self.is_loaded()
    }

    fn bring_in(self: Arc<Self>, face: Face) -> Loading {
        Box::pin(async move { self.first_use(face).await })
    }
}

impl Watch for State {
    fn changed(&self, entries: u64) {
        if entries > 0 && !autosync::is_quiet() {
            self.changes.add(entries);
        }
    }

    fn clearing(&self, tags: Option<&Arc<[Tag]>>) {
        if autosync::is_quiet() {
            return;
        }
        let mut cleared = self.cleared.lock();
        if cleared.is_over {
            return;
        }
        match tags {
            None => cleared.everything = true,
            Some(tags) if cleared.tags.contains(tags) => return,
            Some(tags) => cleared.tags.push(tags.clone()),
        }
        drop(cleared);
        // What was saved is not what there is any more.
        self.changes.add(1);
    }
}
