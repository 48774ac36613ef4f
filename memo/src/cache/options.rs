//! On what terms a value is set.

use crate::{
    call::{
        extras::IntoTtl,
        terms::{Terms, Ttl},
    },
    tags::Tag,
};

/// On what terms [`set_with`](crate::Cache::set_with) stores a value, where they are not those of the cache.
///
/// ```
/// use memo::{Cache, SetOptions};
///
/// let pages = Cache::<u64, String>::builder("pages").build()?;
/// let once = SetOptions::new().ttl(300).tag("news").if_absent();
/// assert!(pages.set_with(7, "first".to_owned(), once.clone())?);
/// assert!(!pages.set_with(7, "second".to_owned(), once)?);
/// # Ok::<(), memo::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it changes nothing by itself"]
pub struct SetOptions {
    ttl: Option<Ttl>,
    tags: Vec<Tag>,
    pub(super) if_absent: bool,
}

impl SetOptions {
    /// The terms of the cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// A time to live of its own: seconds or a `Duration`; `None::<u64>`: for ever.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.ttl = Some(ttl.into_ttl());
        self
    }

    /// A group to clear it by.
    pub fn tag(mut self, tag: impl Into<Tag>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Several groups.
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl Into<Tag>>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// A live entry is not replaced.
    pub fn if_absent(mut self) -> Self {
        self.if_absent = true;
        self
    }

    pub(super) fn terms(mut self) -> Terms {
        self.tags.sort_unstable();
        self.tags.dedup();
        Terms { ttl: self.ttl, tags: self.tags, ..Terms::default() }
    }
}
