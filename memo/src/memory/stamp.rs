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

    pub(crate) fn expires(self) -> Millis {
        self.expires
    }
}

/// Has the time come? The clock is not read for what never expires.
#[inline]
pub(crate) fn is_over(expires: Millis, now: impl FnOnce() -> Millis) -> bool {
    expires != NEVER && expires <= now()
}
