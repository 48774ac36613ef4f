//! Hearing of changes that others make in a store.

use std::{any::Any, fmt, sync::Arc};

/// What is heard of a store that others use, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// From now on every change is heard.
    Ready,
    /// The connection is lost: until it is [`Ready`](Self::Ready) again, changes may go unheard.
    Lost,
    /// The entries whose keys begin with this were removed, or the one with this key was replaced.
    Changed(&'a [u8]),
    /// The entries whose keys begin with this were removed, if they have the tag, and perhaps others with it.
    Tagged(&'a [u8], &'a str),
}

/// Who hears. Is called on a thread of the store's, one call after the other, and must not block it for long: for stores on servers, it is one
/// thread for all of the process (`memo-net`).
pub type Ear = Arc<dyn Fn(Heard<'_>) + Send + Sync>;

/// Hearing lasts as long as this is held.
pub struct Listening(#[expect(dead_code, reason = "held, not read")] Box<dyn Any + Send + Sync>);

impl Listening {
    /// `guard` ends it when it is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listening")
    }
}
