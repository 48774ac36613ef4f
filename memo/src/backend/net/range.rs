//! Which keys a prefix names, where keys have an order.

/// The first bytes behind all that begin with a prefix; `None`: there are none.
pub(in crate::backend) fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_behind_its_prefix() {
        assert_eq!(behind(b"a|").as_deref(), Some(&b"a}"[..]));
        assert_eq!(behind(b"a\xff\xff").as_deref(), Some(&b"b"[..]));
        assert_eq!((behind(b""), behind(b"\xff")), (None, None));
    }
}
