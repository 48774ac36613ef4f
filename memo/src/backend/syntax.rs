//! The form of a URL and of the values in it. All of it can be asked while a program compiles.

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

/// Is a parameter of this name among those from `at` on that stand before it?
pub(crate) const fn is_said_before(text: &str, mut at: usize, name: Part) -> bool {
    while at < name.start {
        at = match next_param(text, at) {
            Ok((earlier, ..)) if same(earlier.of(text), name.of(text)) => return true,
            Ok((.., next)) => next,
            Err(part) => part.end + 1,
        };
    }
    false
}

/// Is something escaped?
pub(crate) const fn has_percent(text: &str) -> bool {
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

/// Are two texts the same?
pub(crate) const fn same(one: &str, other: &str) -> bool {
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
}
