//! What the URLs of known schemes may say: one table, checked when the program compiles where the URL is a literal,
//! and again when the store is opened.

/// A scheme and its parameters.
pub(crate) struct Scheme {
    pub(crate) name: &'static str,
    pub(crate) location: Location,
    /// The cargo feature it needs, and whether that is on.
    pub(crate) feature: Option<(&'static str, bool)>,
    pub(crate) params: &'static [Param],
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

const fn param(name: &'static str, takes: Takes) -> Param {
    Param { name, takes }
}

const FLAG: Takes = Takes::OneOf(&["true", "false"]);

/// What every URL may say: how values become bytes.
pub(crate) const COMMON: &[Param] = &[
    param("codec", Takes::Text),
    param("level", Takes::Integer(-7, 22)),
    param("threads", Takes::Integer(0, 64)),
    param("threshold", Takes::Size),
    param("max_value", Takes::Size),
    param("key_style", Takes::OneOf(&["readable", "hashed"])),
    param("ttl", Takes::Duration),
];

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
];

/// What is wrong with a URL. Ranges are those of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no `scheme://` in front.
    NoScheme,
    /// A known scheme without its feature: its number in [`SCHEMES`].
    Feature(usize),
    /// There is something where nothing or only a name may be.
    Location(usize, Part),
    /// A parameter that the scheme does not know.
    Unknown(usize, Part),
    /// A value that the parameter does not take.
    Value(&'static Param, Part),
    /// A parameter without `=`, or `=` without a name.
    Malformed(Part),
}

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

/// A part of a text: where it begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Part {
    pub(crate) const fn of<'a>(&self, text: &'a str) -> &'a str {
        text.split_at(self.end).0.split_at(self.start).1
    }
}

/// The parts of a URL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) scheme: Part,
    pub(crate) location: Part,
    /// What stands behind the `?`.
    pub(crate) query: Part,
}

/// Takes a URL apart; `None` without a scheme.
pub(crate) const fn split(text: &str) -> Option<Parts> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() && is_scheme_byte(bytes[at]) {
        at += 1;
    }
    let is_scheme = at > 0 && bytes[0].is_ascii_alphabetic();
    if !is_scheme || at + 3 > bytes.len() || bytes[at] != b':' || bytes[at + 1] != b'/' || bytes[at + 2] != b'/' {
        return None;
    }
    let start = at + 3;
    let mut end = start;
    while end < bytes.len() && bytes[end] != b'?' {
        end += 1;
    }
    let query = if end < bytes.len() { end + 1 } else { end };
    Some(Parts {
        scheme: Part { start: 0, end: at },
        location: Part { start, end },
        query: Part { start: query, end: bytes.len() },
    })
}

const fn is_scheme_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// The parameter that begins at `at`: its name and its value, and where the next one begins.
pub(crate) const fn next_param(text: &str, at: usize) -> Result<(Part, Part, usize), Part> {
    let bytes = text.as_bytes();
    let (mut equals, mut end) = (None, at);
    while end < bytes.len() && bytes[end] != b'&' {
        if bytes[end] == b'=' && equals.is_none() {
            equals = Some(end);
        }
        end += 1;
    }
    match equals {
        Some(equals) if equals > at => Ok((Part { start: at, end: equals }, Part { start: equals + 1, end }, end + 1)),
        _ => Err(Part { start: at, end }),
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

/// What is wrong with a URL, if its scheme is known; of others, only the form is looked at.
pub(crate) const fn fault(text: &str) -> Option<Fault> {
    let Some(parts) = split(text) else { return Some(Fault::NoScheme) };
    let Some(number) = scheme_of(parts.scheme.of(text)) else { return None };
    let scheme = &SCHEMES[number];
    if let Some((_, false)) = scheme.feature {
        return Some(Fault::Feature(number));
    }
    if !fits(scheme.location, parts.location.of(text)) {
        return Some(Fault::Location(number, parts.location));
    }
    let mut at = parts.query.start;
    while at < parts.query.end {
        let (name, value, next) = match next_param(text, at) {
            Ok(found) => found,
            Err(part) => return Some(Fault::Malformed(part)),
        };
        match find(scheme.params, name.of(text)) {
            None => return Some(Fault::Unknown(number, name)),
            // What is escaped is looked at when it is read.
            Some(param) if !has_percent(value.of(text)) && !takes(&param.takes, value.of(text)) => {
                return Some(Fault::Value(param, value));
            }
            Some(_) => {}
        }
        at = next;
    }
    None
}

const fn fits(location: Location, text: &str) -> bool {
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
    }
}

const fn has_percent(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            return true;
        }
        at += 1;
    }
    false
}

const fn find(params: &'static [Param], name: &str) -> Option<&'static Param> {
    let all: [&[Param]; 2] = [params, COMMON];
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

/// A whole number.
pub(crate) const fn integer(text: &str) -> Option<i64> {
    match i64::from_str_radix(text, 10) {
        Ok(value) => Some(value),
        Err(_) => None,
    }
}

/// Milliseconds.
pub(crate) const fn duration(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text);
    let Some(number) = whole(number) else { return None };
    let factor = match unit.as_bytes() {
        b"" | b"s" => 1000,
        b"ms" => 1,
        b"m" | b"min" => 60_000,
        b"h" => 3_600_000,
        b"d" => 86_400_000,
        b"w" => 604_800_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Bytes.
pub(crate) const fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text);
    let Some(number) = whole(number) else { return None };
    let factor = match unit.as_bytes() {
        b"" | b"B" => 1,
        b"kB" | b"KB" => 1000,
        b"KiB" | b"K" => 1 << 10,
        b"MB" => 1_000_000,
        b"MiB" | b"M" => 1 << 20,
        b"GB" => 1_000_000_000,
        b"GiB" | b"G" => 1 << 30,
        b"TB" => 1_000_000_000_000,
        b"TiB" | b"T" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

const fn number_and_unit(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        at += 1;
    }
    text.split_at(at)
}

const fn whole(text: &str) -> Option<u64> {
    match u64::from_str_radix(text, 10) {
        Ok(value) => Some(value),
        Err(_) => None,
    }
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        assert_eq!(duration("250ms"), Some(250));
        assert_eq!(duration("30"), Some(30_000));
        assert_eq!(duration("5m"), Some(300_000));
        assert_eq!(
            (duration(""), duration("m"), duration("-5s"), duration("99999999999999999999s")),
            (None, None, None, None)
        );
        assert_eq!(size("64MiB"), Some(64 << 20));
        assert_eq!((size("1kB"), size("17")), (Some(1000), Some(17)));
        assert_eq!((size("1XB"), size("99999999999999999T")), (None, None));
    }

    #[test]
    fn literals_can_be_checked_while_compiling() {
        const GOOD: Option<Fault> = fault("memory://sessions?codec=json&ttl=5m");
        const BAD: Option<Fault> = fault("memory://sessions?key_style=pretty");
        assert_eq!(GOOD, None);
        assert!(matches!(BAD, Some(Fault::Value(param, _)) if param.name == "key_style"));
    }
}
