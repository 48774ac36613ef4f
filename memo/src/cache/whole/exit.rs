//! What is unsaved when a cache, or the process, comes to its end.

#[cfg(unix)]
use std::{cell::Cell, sync::mpsc, thread, time::Duration};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use crate::{error::Error, memory::locked::UnderLock, space::Face};

/// A cache that saves itself.
pub(super) trait Flushes: Send + Sync {
    fn name(&self) -> &str;

    /// Saves what has changed, if anything has.
    fn flush(self: Arc<Self>) -> Result<(), Error>;
}

static CACHES: Mutex<Vec<Weak<dyn Flushes>>> = Mutex::new(Vec::new());

/// From now on [`flush`](crate::flush()) reaches the cache, as long as it lives.
pub(super) fn register(cache: Weak<dyn Flushes>) {
    let mut caches = CACHES.lock();
    if caches.len() == caches.capacity() {
        caches.retain(|cache| cache.strong_count() > 0);
    }
    caches.push(cache);
    drop(caches);
    arm();
}

/// Saves what is unsaved in every cache that saves itself; gives those that can't be saved.
pub(crate) fn save_all() -> Vec<(String, Error)> {
    let caches: Vec<_> = CACHES.lock().iter().filter_map(Weak::upgrade).collect();
    let save = |cache: Arc<dyn Flushes>| Some((cache.name().to_owned(), cache.clone().flush().err()?));
    caches.into_iter().filter_map(save).collect()
}

/// Saves what is unsaved when the last object goes.
pub(in crate::cache) struct Flush(pub(super) Arc<dyn Flushes>);

impl Flush {
    pub(in crate::cache) fn run(&self, face: Face) {
        let cache = self.0.clone();
        // Errors were reported where they happened, and a panic on the way out of another would end the process.
        let flush = move || drop(catch_unwind(AssertUnwindSafe(|| cache.flush())));
        // From a key's or value's `Eq` or `Clone` no store may be used.
        if face == Face::Task || UnderLock::is_here() {
            blocking::unblock(flush).detach();
        } else {
            flush();
        }
    }
}

/// Has the main thread flush when it ends, if this is it. Its thread-locals are dropped at the exit of the process; nowhere
/// promised, but so on Unix. (On Windows it happens when all other threads are dead already, with their locks.)
pub(super) fn arm() {
    #[cfg(unix)]
    {
        let looks = IS_SEEN.try_with(|is_seen| !is_seen.replace(true)).unwrap_or(false);
        if looks && thread::current().name() == Some("main") {
            AT_EXIT.try_with(|_| ()).ok();
        }
    }
}

#[cfg(unix)]
thread_local! {
    /// Asking for the thread's name costs more.
    static IS_SEEN: Cell<bool> = const { Cell::new(false) };
    /// Dropped when its thread ends.
    static AT_EXIT: AtExit = const { AtExit };
}

/// How long the end of the process is put off.
#[cfg(unix)]
const AT_MOST: Duration = Duration::from_secs(30);

/// Flushes when the main thread, and so the process, ends.
#[cfg(unix)]
struct AtExit;

#[cfg(unix)]
impl Drop for AtExit {
    fn drop(&mut self) {
        // On a thread whose thread-locals are all there: hooks and values may use theirs.
        let (done, ended) = mpsc::channel();
        let flush = move || done.send(crate::flush().is_ok());
        let flush = thread::Builder::new().name("memo-exit".into()).spawn(flush);
        // Who ends the process from within a hook, or holds a lock that one needs, must not wait for ever.
        let _ = flush.is_ok() && ended.recv_timeout(AT_MOST).is_ok();
    }
}
