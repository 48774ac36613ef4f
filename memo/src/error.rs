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
    Unsupported,
    Config,
    Corrupt,
    Newer,
    Encoding,
    Hook,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// A store that can't be reached, or refuses. For stores of one's own.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// Something that a store can't do at all.
    pub fn unsupported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unsupported, message)
    }

    /// A mistake in a URL or a setting.
    pub fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Config, message)
    }

    /// Stored bytes that do not verify.
    pub fn corrupt(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Corrupt, message)
    }

    /// A value or a key that can't be written as bytes.
    pub fn encoding(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Encoding, message)
    }

    /// With the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
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

    /// A store can't do this at all.
    pub fn is_unsupported(&self) -> bool {
        self.0.kind == Kind::Unsupported
    }

    /// A URL or a setting is wrong.
    pub fn is_config(&self) -> bool {
        self.0.kind == Kind::Config
    }

    /// Stored bytes do not verify.
    pub fn is_corrupt(&self) -> bool {
        self.0.kind == Kind::Corrupt
    }

    /// Stored bytes verify, but are in a format of a later version.
    pub fn is_newer(&self) -> bool {
        self.0.kind == Kind::Newer
    }

    /// A value or a key can't be written as bytes.
    pub fn is_encoding(&self) -> bool {
        self.0.kind == Kind::Encoding
    }

    /// A hook for the contents of a cache failed or panicked.
    pub fn is_hook(&self) -> bool {
        self.0.kind == Kind::Hook
    }
}

impl Error {
    /// What went wrong with several things, each by its name. The kind is that of the first.
    pub(crate) fn several(what: &str, errors: &[(&str, Self)]) -> Self {
        let kind = errors.first().map_or(Kind::Unavailable, |(_, error)| error.0.kind);
        let lines: Vec<_> = errors.iter().map(|(name, error)| format!("`{name}` {what}: {error}")).collect();
        Self::new(kind, lines.join("; "))
    }
}

impl Error {
    /// The same error once more, its source as text.
    pub(crate) fn again(&self) -> Self {
        let again = Self::new(self.0.kind, self.0.message.clone());
        match &self.0.source {
            Some(source) => again.with_source(source.to_string()),
            None => again,
        }
    }
}

#[cfg(any(feature = "stores", feature = "csv"))]
impl Error {
    /// The same error, said of a file.
    pub(crate) fn within(mut self, what: &str, path: &std::path::Path) -> Self {
        self.0.message = format!("{what} `{}`: {}", path.display(), self.0.message).into();
        self
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
