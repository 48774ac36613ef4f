//! A stored value with what is known of it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use crate::{
    clock::{self, Millis, NEVER},
    freshness::fingerprint::Fingerprint,
    memory::stamp::Stamp,
    tags::Tag,
};

/// An entry of a cache: the value, its times and its tags.
#[derive(Clone)]
pub struct Entry<V> {
    value: V,
    stamp: Stamp,
    /// Tags of all entries of the function.
    literal: &'static [&'static str],
    /// Tags of this entry.
    own: Vec<Tag>,
    dependency: Option<Fingerprint>,
}

impl<V> Entry<V> {
    pub(crate) fn new(value: V, stamp: Stamp, literal: &'static [&'static str], own: &[Tag]) -> Self {
        Self { value, stamp, literal, own: own.to_vec(), dependency: None }
    }

    /// Made when its dependency looked like this.
    pub(crate) fn depending(self, dependency: Option<&Fingerprint>) -> Self {
        Self { dependency: dependency.cloned(), ..self }
    }

    pub(crate) fn dependency(&self) -> Option<&Fingerprint> {
        self.dependency.as_ref()
    }

    /// The stored value.
    pub fn value(&self) -> &V {
        &self.value
    }

    /// The stored value, taken out.
    pub fn into_value(self) -> V {
        self.value
    }

    /// When the value was stored, by the wall clock.
    pub fn created_at(&self) -> SystemTime {
        clock::system_time(self.stamp.created())
    }

    /// How long ago the value was stored. Resolution: milliseconds, on a clock that moves every 1 to 10 of them.
    pub fn age(&self) -> Duration {
        Duration::from_millis(clock::now().saturating_sub(self.stamp.created()))
    }

    /// Is its time to live over? It is there because of `stale_while_revalidate` or `stale_if_error` then.
    pub fn is_stale(&self) -> bool {
        self.ends().is_some_and(|end| end <= clock::now())
    }

    /// When the time to live of the entry is over, by the wall clock; `None` if it never is. Where entries are sliding and memory stands before
    /// a store, `validate` may see the end of memory's copy, which is sooner.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.ends().map(clock::system_time)
    }

    /// What is left of its time to live; `None` if that never ends.
    pub fn remaining(&self) -> Option<Duration> {
        self.ends().map(|expires| Duration::from_millis(expires.saturating_sub(clock::now())))
    }

    fn ends(&self) -> Option<Millis> {
        Some(self.stamp.fresh_until()).filter(|end| *end != NEVER)
    }

    /// The tags of the entry: literal ones first.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.literal.iter().copied().chain(self.own.iter().map(Tag::as_str))
    }

    /// The tags that not all entries have.
    pub(crate) fn own_tags(&self) -> &[Tag] {
        &self.own
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    #[cfg(feature = "stores")]
    pub(crate) fn set_stamp(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }

    #[cfg(feature = "stores")]
    pub(crate) fn value_mut(&mut self) -> &mut V {
        &mut self.value
    }
}

impl<V: fmt::Debug> fmt::Debug for Entry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("value", &self.value)
            .field("age", &self.age())
            .field("remaining", &self.remaining())
            .field("tags", &self.tags().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
