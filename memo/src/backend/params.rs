//! What the URLs of known schemes may say: one table. `fault` checks URLs by it.

use super::syntax::{duration, integer, same, size};

/// A scheme and its parameters.
pub(crate) struct Scheme {
    pub(crate) name: &'static str,
    pub(crate) location: Location,
    /// The cargo feature it needs, and whether that is on.
    pub(crate) feature: Option<(&'static str, bool)>,
    pub(crate) params: &'static [Param],
}

impl Scheme {
    /// Can it be opened as the library was built?
    pub(crate) const fn is_built_in(&self) -> bool {
        matches!(self.feature, None | Some((_, true)))
    }
}

/// What stands between `://` and `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// Nothing.
    Nothing,
    /// A name, or nothing.
    Name,
    /// A path; without one, a place in the user's cache directory.
    Path,
    /// Where servers are: `user:password@host:port/database`; not nothing.
    Server,
}

pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// A whole number in this range.
    Integer(i64, i64),
    OneOf(&'static [&'static str]),
    /// `30s`, `250ms`, `5m`, or seconds.
    Duration,
    /// `64MiB`, `1GB`, or bytes.
    Size,
    /// Letters, digits and `_`, not beginning with a digit.
    Name,
    /// Looked at by whoever takes it.
    Text,
}

/// The schemes that can be opened as the library was built.
pub(crate) fn scheme_names() -> impl Iterator<Item = &'static str> {
    SCHEMES.iter().filter(|scheme| scheme.is_built_in()).map(|scheme| scheme.name)
}

const fn param(name: &'static str, takes: Takes) -> Param {
    Param { name, takes }
}

const FLAG: Takes = Takes::OneOf(&["true", "false"]);

/// What every URL may say: how values become bytes, and how long entries and leases last.
pub(crate) const COMMON: &[Param] = &[
    param("codec", Takes::Text),
    param("level", Takes::Integer(-7, 22)),
    param("threads", Takes::Integer(0, 64)),
    param("threshold", Takes::Size),
    param("max_value", Takes::Size),
    param("key_style", Takes::OneOf(&["readable", "hashed"])),
    param("ttl", Takes::Duration),
    param("lease", Takes::Duration),
];

/// What the URLs of all servers may say.
macro_rules! server_params {
    ($($own:expr),* $(,)?) => {
        &[
            param("prefix", Takes::Text),
            param("timeout", Takes::Duration),
            param("connect_timeout", Takes::Duration),
            param("pool", Takes::Integer(1, 1024)),
            param("trip_after", Takes::Integer(0, 1_000_000)),
            param("pause", Takes::Duration),
            $($own),*
        ]
    };
}

const REDIS: Option<(&str, bool)> = Some(("redis", cfg!(feature = "redis")));
const EVICTION: Param = param("eviction", Takes::OneOf(&["refuse", "accept"]));

/// The schemes that the library brings.
pub(crate) const SCHEMES: &[Scheme] = &[
    Scheme { name: "null", location: Location::Nothing, feature: None, params: &[] },
    Scheme { name: "memory", location: Location::Name, feature: None, params: &[] },
    Scheme {
        name: "sqlite",
        location: Location::Path,
        feature: Some(("sqlite", cfg!(feature = "sqlite"))),
        params: &[
            param("synchronous", Takes::OneOf(&["off", "normal", "full", "extra"])),
            param("busy_timeout", Takes::Duration),
            param("table", Takes::Name),
            param("cache_size", Takes::Size),
            param("mmap_size", Takes::Size),
            param("readers", Takes::Integer(1, 64)),
            param("max_bytes", Takes::Size),
            param("max_entries", Takes::Integer(1, i64::MAX)),
        ],
    },
    Scheme {
        name: "file",
        location: Location::Path,
        feature: Some(("file", cfg!(feature = "file"))),
        params: &[
            param("locking", Takes::OneOf(&["auto", "flock", "mkdir", "none"])),
            param("stale_after", Takes::Duration),
            param("wait", Takes::Duration),
            param("poll", Takes::Duration),
            param("format", Takes::OneOf(&["frame", "plain"])),
            param("sync", FLAG),
            param("max_bytes", Takes::Size),
        ],
    },
    Scheme {
        name: "lmdb",
        location: Location::Path,
        feature: Some(("lmdb", cfg!(feature = "lmdb"))),
        params: &[
            param("map_size", Takes::Size),
            param("max_map_size", Takes::Size),
            param("max_readers", Takes::Integer(1, 65_536)),
            param("sync", Takes::OneOf(&["full", "meta", "off"])),
        ],
    },
    Scheme {
        name: "shm",
        location: Location::Name,
        feature: Some(("lmdb", cfg!(feature = "lmdb"))),
        params: &[
            param("map_size", Takes::Size),
            param("max_map_size", Takes::Size),
            param("max_readers", Takes::Integer(1, 65_536)),
        ],
    },
    Scheme { name: "redis", location: Location::Server, feature: REDIS, params: server_params![EVICTION] },
    Scheme {
        name: "rediss",
        location: Location::Server,
        feature: Some(("redis-tls", cfg!(feature = "redis-tls"))),
        params: server_params![EVICTION, param("ca", Takes::Text)],
    },
    Scheme {
        name: "redis+unix",
        location: Location::Server,
        feature: REDIS,
        params: server_params![EVICTION, param("db", Takes::Integer(0, 65_535))],
    },
    Scheme {
        name: "redis-cluster",
        location: Location::Server,
        feature: Some(("redis-cluster", cfg!(feature = "redis-cluster"))),
        params: server_params![EVICTION],
    },
    Scheme {
        name: "memcached",
        location: Location::Server,
        feature: Some(("memcached", cfg!(feature = "memcached"))),
        params: server_params![],
    },
    Scheme {
        name: "postgres",
        location: Location::Server,
        feature: Some(("postgres", cfg!(feature = "postgres"))),
        params: server_params![
            param("table", Takes::Name),
            param("unlogged", FLAG),
            param("sslmode", Takes::OneOf(&["disable", "prefer", "require", "verify-ca", "verify-full"])),
            param("ca", Takes::Text),
            param("application_name", Takes::Text),
            param("socket", Takes::Text),
        ],
    },
];

// `Param` is compared by its place.
impl PartialEq for Param {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}
impl Eq for Param {}
impl std::fmt::Debug for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The number of a known scheme.
pub(crate) const fn scheme_of(name: &str) -> Option<usize> {
    let mut at = 0;
    while at < SCHEMES.len() {
        if same(SCHEMES[at].name, name) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The parameter of this name that URLs of a scheme take.
pub(crate) const fn find(scheme: usize, name: &str) -> Option<&'static Param> {
    let all: [&[Param]; 2] = [SCHEMES[scheme].params, COMMON];
    let mut table = 0;
    while table < all.len() {
        let mut at = 0;
        while at < all[table].len() {
            if same(all[table][at].name, name) {
                return Some(&all[table][at]);
            }
            at += 1;
        }
        table += 1;
    }
    None
}

/// May this stand between `://` and `?`?
pub(crate) const fn fits(location: Location, text: &str) -> bool {
    match location {
        Location::Nothing => text.is_empty(),
        Location::Name => {
            let bytes = text.as_bytes();
            let mut at = 0;
            while at < bytes.len() {
                if !(bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'_' | b'-' | b'.')) {
                    return false;
                }
                at += 1;
            }
            text.is_empty() || bytes[0] != b'.'
        }
        Location::Path => true,
        Location::Server => !text.is_empty(),
    }
}

/// Does a parameter take this value?
pub(crate) const fn takes(takes: &Takes, text: &str) -> bool {
    match takes {
        Takes::Integer(least, most) => match integer(text) {
            Some(value) => *least <= value && value <= *most,
            None => false,
        },
        Takes::OneOf(allowed) => {
            let mut at = 0;
            while at < allowed.len() {
                if same(allowed[at], text) {
                    return true;
                }
                at += 1;
            }
            false
        }
        Takes::Duration => duration(text).is_some(),
        Takes::Size => size(text).is_some(),
        Takes::Name => is_name(text),
        Takes::Text => !text.is_empty(),
    }
}

const fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 64 || bytes[0].is_ascii_digit() {
        return false;
    }
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
            return false;
        }
        at += 1;
    }
    true
}
