//! Where entries stand in the tables, what is taken down of a removal, and which locks keep the two apart.

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

use crate::backend::{
    Item, SEPARATOR,
    keys::{address_end, behind},
};

/// Longer keys and tags are cut, since a row of an index can't be longer than 2704 bytes.
const CUT: usize = 1024;
/// So many locks there are for the keys of a prefix.
const STRIPES: u64 = 32;
/// The stripe of what is about keys of all stripes.
pub(super) const ALL: i16 = -1;
/// What is taken down about everything: the floor, below which removals are forgotten.
pub(super) const FLOOR: i64 = 0;

/// How a key, or a tag, stands in an index: as it is, or its beginning and a hash, which no other is as long as.
pub(super) fn indexed(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= CUT { bytes.to_vec() } else { [&bytes[..CUT], &xxh3_128(bytes).to_be_bytes()].concat() }
}

/// A key that was cut. It stands beside, since only the whole of it tells whose entry this is.
pub(super) fn whole(key: &[u8]) -> Option<&[u8]> {
    (key.len() > CUT).then_some(key)
}

/// The tags of an entry as they are stored, `None` if it has none.
pub(super) fn indexed_tags(tags: &[&str]) -> Option<Vec<Vec<u8>>> {
    (!tags.is_empty()).then(|| tags.iter().map(|tag| indexed(tag.as_bytes())).collect())
}

/// Keys as they stand in the index, from the first to behind the last, and what else those under a prefix begin with.
pub(super) struct Range<'a> {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    /// A prefix that is so long that its keys are cut.
    pub(super) whole: Option<&'a [u8]>,
}

impl<'a> Range<'a> {
    /// All keys under a prefix, or those of them behind one that stands in the index.
    pub(super) fn new(prefix: &'a [u8], after: Option<&[u8]>) -> Self {
        let beginning = &prefix[..prefix.len().min(CUT)];
        let from = after.map_or_else(|| beginning.to_vec(), |after| [after, b"\0"].concat());
        // Longer than any key in the index.
        let to = behind(beginning).unwrap_or_else(|| vec![u8::MAX; CUT + 32]);
        Self { from, to, whole: whole(prefix) }
    }
}

/// Something that is removed, as it is taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Note {
    pub(super) what: i64,
    pub(super) stripe: i16,
}

impl Note {
    pub(super) fn key(key: &[u8]) -> Self {
        Self { what: hash(&[b"k", key]), stripe: stripe(key) }
    }

    pub(super) fn prefix(prefix: &[u8]) -> Self {
        Self { what: hash(&[b"p", prefix]), stripe: stripe_under(prefix) }
    }

    pub(super) fn tag(tag: &str, prefix: &[u8]) -> Self {
        let length = tag.len().to_string();
        Self { what: hash(&[b"t", length.as_bytes(), b":", tag.as_bytes(), prefix]), stripe: stripe_under(prefix) }
    }
}

/// All that could keep an entry out, if it was removed: its key, and what it is under.
pub(super) fn notes_about(key: &[u8], item: &Item<'_>) -> Vec<i64> {
    let mut notes = vec![FLOOR, Note::key(key).what];
    let ends = key.iter().enumerate().filter(|(_, byte)| **byte == SEPARATOR).map(|(at, _)| at + 1);
    for end in std::iter::once(0).chain(ends) {
        let prefix = &key[..end];
        notes.push(Note::prefix(prefix).what);
        notes.extend(item.tags.iter().map(|tag| Note::tag(tag, prefix).what));
    }
    notes
}

/// Two things with one hash keep each other out now and then, which is a miss.
fn hash(parts: &[&[u8]]) -> i64 {
    let mut hash = Xxh3::new();
    for part in parts {
        hash.update(part);
    }
    // Nothing is taken for the floor.
    hash.digest().max(1).cast_signed()
}

/// What decides is whose entry it is, so that all its versions have one stripe.
fn stripe(key: &[u8]) -> i16 {
    let address = &key[..address_end(key).unwrap_or(key.len())];
    i16::try_from(xxh3_64(address) % STRIPES).unwrap_or(ALL)
}

/// The one stripe of all that is under a prefix, or `ALL`.
pub(super) fn stripe_under(prefix: &[u8]) -> i16 {
    address_end(prefix).map_or(ALL, |_| stripe(prefix))
}

/// The locks of a table and a prefix, as PostgreSQL numbers them. They hold until the end of a transaction.
///
/// Who stores what a removal may keep out shares the lock of its key; who removes something has all locks that it concerns to
/// himself. So one of the two sees what the other did.
pub(super) struct Locks(u64);

impl Locks {
    pub(super) fn new(table: &str, prefix: &str) -> Self {
        let mut hash = Xxh3::new();
        for part in ["memo", table, prefix] {
            hash.update(part.as_bytes());
            hash.update(b"\0");
        }
        Self(hash.digest() / STRIPES * STRIPES)
    }

    /// Those that an entry has to share to be stored.
    pub(super) fn of<'a>(&self, keys: impl IntoIterator<Item = &'a [u8]>) -> Vec<i64> {
        self.numbers(keys.into_iter().map(stripe))
    }

    /// Those that it takes to take something down.
    pub(super) fn over(&self, notes: &[Note]) -> Vec<i64> {
        self.numbers(notes.iter().map(|note| note.stripe))
    }

    /// In the order in which everybody takes them.
    fn numbers(&self, stripes: impl Iterator<Item = i16>) -> Vec<i64> {
        let mut stripes: Vec<i16> = stripes.collect();
        stripes.sort_unstable();
        stripes.dedup();
        let number = |stripe: u64| (self.0 + stripe).cast_signed();
        if stripes.first() == Some(&ALL) {
            return (0..STRIPES).map(number).collect();
        }
        stripes.into_iter().filter_map(|stripe| u64::try_from(stripe).ok()).map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_are_cut_and_stay_apart() {
        let [one, other] = [b'1', b'2'].map(|end| [&[b'k'; CUT][..], &[end]].concat());
        assert_ne!(indexed(&one), indexed(&other));
        assert!(indexed(&one).len() > CUT && indexed(&one).starts_with(&one[..CUT]));
        assert_eq!((whole(&one), whole(&one[..CUT])), (Some(&*one), None));
        assert_eq!(indexed(&one[..CUT]), one[..CUT]);
    }

    #[test]
    fn a_range_holds_what_is_under_a_prefix() {
        let holds = |prefix: &[u8], key: &[u8]| {
            let range = Range::new(prefix, None);
            range.from <= indexed(key) && indexed(key) < range.to
        };
        assert!(holds(b"a|", b"a|b") && !holds(b"a|", b"a}") && !holds(b"a|", b"a"));
        assert!(holds(b"", b"") && holds(b"", &[u8::MAX; 3 * CUT]) && holds(b"\xff", &[u8::MAX; CUT]));
        let long = [b'k'; 2 * CUT];
        assert!(holds(&long, &[&long[..], b"|x"].concat()));
        assert_eq!(Range::new(&long, None).whole, Some(&long[..]));
    }

    #[test]
    fn what_an_entry_is_under_could_keep_it_out() {
        let item = Item::new(b"").tags(&["t"]);
        let notes = notes_about(b"f|i|a", &item);
        for note in [Note::key(b"f|i|a"), Note::prefix(b""), Note::prefix(b"f|i|"), Note::tag("t", b"f|")] {
            assert!(notes.contains(&note.what), "{note:?}");
        }
        for note in [Note::key(b"f|i|"), Note::prefix(b"f|i|a"), Note::tag("u", b""), Note::tag("t", b"g|")] {
            assert!(!notes.contains(&note.what), "{note:?}");
        }
    }

    #[test]
    fn what_is_removed_locks_what_may_be_stored_there() {
        let locks = Locks::new("memo", "app");
        let all = locks.over(&[Note::prefix(b"f|"), Note::key(b"f|i|a|1")]);
        assert!(all.len() == 32 && all.is_sorted() && locks.over(&[Note::tag("t", b"")]) == all);
        let own = locks.of([&b"f|i|a|1"[..], b"f|i|a|2"]);
        for note in [Note::key(b"f|i|a|1"), Note::prefix(b"f|i|a|"), Note::tag("t", b"f|i|a|2|")] {
            assert_eq!(locks.over(&[note]), own, "{note:?}");
        }
        assert!(own.len() == 1 && all.contains(&own[0]));
        assert!(!Locks::new("memo", "other").of([&b"f|i|a|1"[..]]).contains(&own[0]));
    }
}
