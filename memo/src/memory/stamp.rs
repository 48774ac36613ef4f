//! When an entry was made and when it ends.

use crate::clock::{Millis, NEVER};

/// Creation and expiry in milliseconds of the process's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    created: Millis,
    expires: Millis,
}

impl Stamp {
    pub(crate) fn new(created: Millis, expires: Millis) -> Self {
        Self { created, expires }
    }

    pub(crate) fn created(self) -> Millis {
        self.created
    }

    #[inline]
    pub(crate) fn expires(self) -> Millis {
        self.expires
    }

    #[inline]
    pub(crate) fn is_expired(self, now: impl FnOnce() -> Millis) -> bool {
        self.expires != NEVER && self.expires <= now()
    }

    /// Another expiry; the creation stays.
    pub(crate) fn slide(&mut self, expires: Millis) {
        self.expires = expires;
    }
}
