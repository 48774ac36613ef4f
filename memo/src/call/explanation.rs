//! Why a call would hit or miss.

use std::{fmt, time::Duration};

use super::{
    address::{Setting, Store},
    site::Options,
};
use crate::tags::{Tag, recent};

/// Why a call would hit or miss: what [`explain_cache!`](crate::explain_cache) gives. Finding it out changes nothing and
/// counts nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Explanation {
    /// The call would hit.
    #[non_exhaustive]
    Hit {
        /// Where the entry lives; `queue` if it waits to be written (`write = "back"`).
        tier: &'static str,
        /// How long ago it was stored.
        age: Duration,
        /// How long it still lives there; `None` if it does not expire.
        remaining: Option<Duration>,
    },
    /// There is no entry: it was never stored, or was deleted, cleared or evicted.
    Absent,
    /// There is no entry, and this process has cleared tags that it would have; those that depend on the value are not known.
    #[non_exhaustive]
    Cleared {
        /// What was cleared: entries with all of these.
        tags: Vec<Tag>,
        /// How long ago that was done last.
        ago: Duration,
    },
    /// There is an entry whose time to live has passed.
    Expired,
    /// There is an entry that `validate` does not accept.
    Invalid,
    /// There is an entry whose dependency has changed since it was made, or can't be seen now.
    Dependency,
    /// There is an entry of this key that another version of the function has stored: its code, or the type of its values, was
    /// another.
    #[non_exhaustive]
    OtherVersion {
        /// Where the entry lives.
        tier: &'static str,
        /// How long ago it was stored.
        age: Duration,
    },
    /// There is an entry whose value can't be decoded.
    #[non_exhaustive]
    Undecodable {
        /// Where the entry lives.
        tier: &'static str,
        /// What the codec says.
        reason: String,
    },
    /// There are bytes that do not verify. The call would remove them.
    #[non_exhaustive]
    Corrupt {
        /// Where they stand.
        tier: &'static str,
        /// What is wrong with them.
        reason: String,
    },
    /// There is an entry in a format of a later version of this library.
    #[non_exhaustive]
    Newer {
        /// Where the entry lives.
        tier: &'static str,
        /// What that version is.
        reason: String,
    },
    /// A store can't be asked, and no other has the entry.
    #[non_exhaustive]
    Unavailable {
        /// The store; all stores of the function, joined by `+`, if they could not be opened.
        tier: String,
        /// What it says.
        reason: String,
    },
    /// Caching is switched off here.
    Disabled,
}

impl Explanation {
    /// Would the call hit?
    pub fn is_hit(&self) -> bool {
        matches!(self, Self::Hit { .. })
    }

    /// This one, or another if it says nothing.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::Absent { other } else { self }
    }
}

/// Of an entry that is not there, what the terms of its function tell about that.
pub(crate) fn absent<K, V>(options: &Options, store: Store<'_, K, V>) -> Explanation {
    let mut known: Vec<Tag> = options.tags.iter().map(|tag| Tag::from(*tag)).collect();
    store(&mut Setting::new(&mut |extras| known.extend_from_slice(&extras.tags)));
    match recent::clearing_of(&known) {
        Some((tags, ago)) => Explanation::Cleared { tags, ago },
        None => Explanation::Absent,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hit { tier, age, remaining: Some(remaining) } => {
                write!(f, "hit in {tier}, stored {age:?} ago, expires in {remaining:?}")
            }
            Self::Hit { tier, age, remaining: None } => write!(f, "hit in {tier}, stored {age:?} ago"),
            Self::Absent => f.write_str("miss: there is no entry"),
            Self::Cleared { tags, ago } => {
                let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
                write!(f, "miss: there is no entry; `{}` was cleared {ago:?} ago", tags.join("`, `"))
            }
            Self::Expired => f.write_str("miss: the entry has expired"),
            Self::Invalid => f.write_str("miss: `validate` does not accept the entry"),
            Self::Dependency => f.write_str("miss: the dependency of the entry has changed"),
            Self::OtherVersion { tier, age } => {
                write!(f, "miss: the entry in {tier} is of another version of the function, stored {age:?} ago")
            }
            Self::Undecodable { tier, reason } => write!(f, "miss: the entry in {tier} can't be decoded: {reason}"),
            Self::Corrupt { tier, reason } => write!(f, "miss: what is in {tier} is damaged: {reason}"),
            Self::Newer { tier, reason } => write!(f, "miss: the entry in {tier} can't be read: {reason}"),
            Self::Unavailable { tier, reason } => write!(f, "miss: {tier} can't be asked: {reason}"),
            Self::Disabled => f.write_str("miss: caching is switched off"),
        }
    }
}
