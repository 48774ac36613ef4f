//! The parts of keys: which keys a prefix names, and which of them stand together.

use super::SEPARATOR;

/// So many parts of a key say whose entry it is: all but the last, the version, of those that the library makes.
const ADDRESS_PARTS: usize = 3;

/// Where the parts end that all versions of an entry share; `None` if a key has fewer, so that what comes may change it.
pub(crate) fn address_end(key: &[u8]) -> Option<usize> {
    end_of_parts(key, ADDRESS_PARTS)
}

/// Where the first parts of a key end, the separator included.
pub(super) fn end_of_parts(key: &[u8], parts: usize) -> Option<usize> {
    let ends = key.iter().enumerate().filter(|(_, byte)| **byte == SEPARATOR);
    ends.map(|(at, _)| at + 1).nth(parts - 1)
}

/// The first bytes behind all that begin with a prefix; `None`: there are none.
#[cfg(any(feature = "redis", feature = "postgres"))]
pub(super) fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_versions_of_an_entry_have_one_address() {
        assert_eq!((address_end(b"f|i|a|1"), address_end(b"f|i|a|")), (Some(6), Some(6)));
        assert_eq!((address_end(b"f|i|a"), address_end(b"")), (None, None));
    }

    #[cfg(any(feature = "redis", feature = "postgres"))]
    #[test]
    fn a_range_ends_behind_its_prefix() {
        assert_eq!(behind(b"a|").as_deref(), Some(&b"a}"[..]));
        assert_eq!(behind(b"a\xff\xff").as_deref(), Some(&b"b"[..]));
        assert_eq!((behind(b""), behind(b"\xff")), (None, None));
    }
}
