//! What a thread does not do again while it does it.

use std::{cell::Cell, thread::LocalKey};

/// Does this thread do it?
pub(crate) type Doing = LocalKey<Cell<bool>>;

/// Something that this thread does, until this is dropped.
pub(crate) struct Within(&'static Doing);

impl Within {
    /// `None` if the thread does it already.
    pub(crate) fn enter(doing: &'static Doing) -> Option<Self> {
        let before = doing.try_with(|doing| doing.replace(true)).unwrap_or(true);
        if before { None } else { Some(Self(doing)) }
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        let _ = self.0.try_with(|doing| doing.set(false));
    }
}
