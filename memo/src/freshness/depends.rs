//! What a call depends on: looked at once, before the body runs, for all that is to be found or stored.

use std::sync::{Arc, OnceLock};

use super::fingerprint::Fingerprint;
use crate::{call::entry::Entry, error::Error, probe::Probe};

/// What a call depends on.
#[derive(Clone, Debug)]
pub struct Depends(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    probe: Probe,
    seen: OnceLock<Result<Fingerprint, Error>>,
}

impl Depends {
    /// On one of these: one change is enough.
    pub fn on<const N: usize>(probes: [Probe; N]) -> Self {
        Self(Arc::new(Inner { probe: crate::probe::any_of(probes), seen: OnceLock::new() }))
    }

    /// What it looked like when it was first asked for.
    pub(crate) fn seen(&self) -> Result<&Fingerprint, &Error> {
        self.0.seen.get_or_init(|| self.0.probe.look()).as_ref()
    }

    /// Is an entry one that was made for something else? That is so, too, if nobody can see.
    pub(crate) fn has_changed_since<V>(&self, entry: &Entry<V>) -> bool {
        self.seen().map_or(true, |now| now.has_changed_since(entry.dependency()))
    }

    /// Looks, in a task: what takes long is done on a pool of threads, if there is one.
    #[cfg_attr(not(feature = "stores"), expect(clippy::unused_async, reason = "what is slow waits where stores do"))]
    pub async fn look(&self) {
        #[cfg(feature = "stores")]
        if self.0.seen.get().is_none() && self.0.probe.is_slow() {
            let this = self.clone();
            blocking::unblock(move || this.seen().is_ok()).await;
        }
        self.seen().ok();
    }
}
