//! What failed behind a memoized function, for whoever wants to know: the call itself went on without the store.

use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;

use crate::error::Error;

type Hook = Arc<dyn Fn(&str, &Error) + Send + Sync>;

static HOOK: LazyLock<RwLock<Option<Hook>>> = LazyLock::new(RwLock::default);

/// Has something called whenever a store fails behind a memoized function, with the function's path and the error, and whenever
/// the contents of a [`Cache`](crate::Cache) can't be brought in or saved, with its name. There is one such hook; a later
/// one takes its place. It is called where the failure happened, and should be quick.
///
/// ```
/// memo::backend::on_error(|function, error| eprintln!("{function}: {error}"));
/// ```
pub fn on_error(hook: impl Fn(&str, &Error) + Send + Sync + 'static) {
    *HOOK.write() = Some(Arc::new(hook));
}

pub(crate) fn report(function: &str, error: &Error) {
    let hook = HOOK.read().clone();
    if let Some(hook) = hook {
        hook(function.trim_end_matches('|'), error);
    }
}
