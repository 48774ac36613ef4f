//! The keys on the server. Behind a base, the prefix of the URL:
//!
//! | key | what |
//! | --- | --- |
//! | `e:KEY` | an entry, or the place that is kept for one |
//! | `p:PREFIX` | the generation of all under a prefix |
//! | `t:LENGTH:TAG:PART` | the generation of a tag, among all (`PART` is empty) or among what has a first part in common |
//! | `t` | the generation of all tags |
//! | `c` | the clock: how much was removed |
//!
//! What a server would not take as a key is hashed, and its kind is a capital letter then.

use xxhash_rust::xxh3::xxh3_128;

use crate::backend::SEPARATOR;

/// What servers take.
const LONGEST: usize = 250;
/// The longest prefix that stands in keys as it is.
const LONGEST_PREFIX: usize = 64;

pub(super) struct Names {
    base: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        let is_plain = is_safe(prefix.as_bytes())
            && prefix.len() <= LONGEST_PREFIX
            && !prefix.contains(':')
            && !prefix.starts_with('#');
        let base = if is_plain { prefix.to_owned() } else { format!("#{:032x}", xxh3_128(prefix.as_bytes())) };
        Self { base }
    }

    pub(super) fn entry(&self, key: &[u8]) -> String {
        self.name('e', key)
    }

    pub(super) fn under(&self, prefix: &[u8]) -> String {
        self.name('p', prefix)
    }

    pub(super) fn tagged(&self, tag: &str, part: &[u8]) -> String {
        self.name('t', &[format!("{}:{tag}:", tag.len()).as_bytes(), part].concat())
    }

    pub(super) fn tags(&self) -> String {
        format!("{}:t", self.base)
    }

    pub(super) fn clock(&self) -> String {
        format!("{}:c", self.base)
    }

    fn name(&self, kind: char, rest: &[u8]) -> String {
        match str::from_utf8(rest) {
            Ok(text) if is_safe(rest) && self.base.len() + 3 + rest.len() <= LONGEST => {
                format!("{}:{kind}:{text}", self.base)
            }
            _ => format!("{}:{}:{:032x}", self.base, kind.to_ascii_uppercase(), xxh3_128(rest)),
        }
    }
}

/// Would it be one word to a server?
fn is_safe(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_graphic)
}

/// All prefixes of a key, the empty one first.
pub(super) fn prefixes(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = key.iter().enumerate().filter(|(_, byte)| **byte == SEPARATOR).map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).map(|end| &key[..end])
}

/// The first part of a key or a prefix, with the separator; nothing if there is none.
pub(super) fn first_part(key: &[u8]) -> &[u8] {
    prefixes(key).nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_servers_take_and_differ() {
        let names = Names::new("memo");
        let long = "k".repeat(1000);
        let keys: [&[u8]; 8] =
            [b"", b"f|i|1|v", b"f|i|1 |v", b"\xff", b"\0", long.as_bytes(), b"a\r\nb", "ä".as_bytes()];
        let mut all: Vec<String> = keys.iter().flat_map(|key| [names.entry(key), names.under(key)]).collect();
        all.extend([names.tagged("", b""), names.tagged("a:1", b"f|"), names.tagged("a", b""), names.tags()]);
        assert!(all.iter().all(|name| name.len() <= LONGEST && is_safe(name.as_bytes())), "{all:?}");
        assert_eq!(names.entry(b"f|i|1|v"), "memo:e:f|i|1|v", "people can read them");
        let number = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), number);
    }

    #[test]
    fn no_prefix_stands_in_another() {
        let bases = ["m", "m:e", "m ", "#m", "", "m:e:"].map(|prefix| Names::new(prefix).base);
        assert!(bases.iter().all(|base| !base.contains(':') && is_safe(base.as_bytes())), "{bases:?}");
    }

    #[test]
    fn prefixes_end_with_the_separator() {
        assert!(prefixes(b"f|i|v").eq([&b""[..], b"f|", b"f|i|"]));
        assert!(prefixes(b"f|").eq([&b""[..], b"f|"]));
        assert_eq!((first_part(b"f|i|v"), first_part(b"f")), (&b"f|"[..], &b""[..]));
    }
}
