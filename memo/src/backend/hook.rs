//! What failed behind a memoized function, for whoever wants to know: the call itself went on without the store.

use std::{
    cell::Cell,
    sync::{Arc, LazyLock},
};

use parking_lot::RwLock;

use crate::{error::Error, memory::locked::UnderLock, within::Within};

type Hook = Arc<dyn Fn(&str, &Error) + Send + Sync>;

static HOOK: LazyLock<RwLock<Option<Hook>>> = LazyLock::new(RwLock::default);

thread_local! {
    /// Does the hook run on this thread?
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Has something called whenever a store fails behind a memoized function, with the function's path and the error, and whenever
/// the contents of a [`Cache`](crate::Cache) can't be brought in or saved, with its name. There is one such hook; a later
/// one takes its place.
///
/// It is called where the failure happened, and should be quick: others may wait for what is being changed there. So what it calls
/// goes past the cache: memoized functions run their bodies, [`Cache`](crate::Cache)s find nothing in their stores, and clears and
/// changes are errors. Statistics can be read. What fails within the hook is counted, but not told to it.
///
/// ```
/// memo::backend::on_error(|function, error| eprintln!("{function}: {error}"));
/// ```
pub fn on_error(hook: impl Fn(&str, &Error) + Send + Sync + 'static) {
    let before = HOOK.write().replace(Arc::new(hook));
    // Not under the lock: what it holds may want to report something when it is dropped.
    drop(before);
}

pub(crate) fn report(function: &str, error: &Error) {
    let hook = HOOK.read().clone();
    if let Some(hook) = hook
        && let Some(_running) = Within::enter(&RUNS)
    {
        let _under = UnderLock::enter();
        hook(function.trim_end_matches('|'), error);
    }
}
