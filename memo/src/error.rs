//! The one error type: opaque, with predicates, keeping its source.

use std::{borrow::Cow, error::Error as StdError, fmt};

/// What went wrong in an operation on a cache.
///
/// Opaque on purpose: ask with the `is_…` predicates, show with [`Display`](fmt::Display), and follow
/// [`source`](StdError::source) for the cause.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Timeout,
    NotMemoized,
    Selector,
    Unavailable,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// A call waited longer for another run of the same key than its `wait_timeout` allows.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::Timeout
    }

    /// What was named is not a memoized function of this program.
    pub fn is_not_memoized(&self) -> bool {
        self.0.kind == Kind::NotMemoized
    }

    /// The selection of what to clear is empty or can't be met.
    pub fn is_selector(&self) -> bool {
        self.0.kind == Kind::Selector
    }

    /// A store could not be reached or refused.
    pub fn is_unavailable(&self) -> bool {
        self.0.kind == Kind::Unavailable
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}
