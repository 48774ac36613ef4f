//! One entry after the other: what is set is there, whatever its key and bytes, until it is removed or expires.

use super::{FAR, PAST, counted, get, key, set};
use crate::backend::{Backend, Change, Item};

/// Everything is safe where nothing was stored yet.
pub(super) fn fresh_store(store: &dyn Backend) {
    let key = key("fresh", "1");
    assert_eq!(get(store, &key), None, "a key that was never set is absent");
    assert!(!store.remove(&key).expect("removing works"), "removing what is absent says that it was not there");
    assert_eq!(store.remove_prefix(&key).expect("removing works"), 0, "nothing is under a prefix that was never used");
    assert_eq!(store.get_many(&[]).expect("an empty batch works"), Vec::<Option<Vec<u8>>>::new());
    store.set_many(&[]).expect("an empty batch works");
    assert_eq!(store.remove_many(&[]).expect("an empty batch works"), Vec::<bool>::new());
    assert_eq!(store.remove_prefixes(&[]).expect("an empty batch works"), Vec::<u64>::new());
    store.purge(PAST).expect("purging works");
}

pub(super) fn round_trips(store: &dyn Backend) {
    let all: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = all.iter().cycle().take(300_000).copied().collect();
    for (id, bytes) in [("empty", &[][..]), ("one", &[0]), ("all", &all), ("large", &large)] {
        let key = key("bytes", id);
        set(store, &key, bytes);
        assert!(get(store, &key).as_deref() == Some(bytes), "the bytes of `{id}` come back as they were set");
    }
    let long = "k".repeat(400);
    for id in
        ["a", "A", "a ", "ä", "%", "_", "*", "[a]", "\\", "'", "\"", "../up", "a/b", "con", "\u{1f600}", &long, ""]
    {
        set(store, &key("keys", id), id.as_bytes());
    }
    for id in
        ["a", "A", "a ", "ä", "%", "_", "*", "[a]", "\\", "'", "\"", "../up", "a/b", "con", "\u{1f600}", &long, ""]
    {
        assert_eq!(get(store, &key("keys", id)).as_deref(), Some(id.as_bytes()), "the key `{id}` is one of its own");
    }
    let key = key("bytes", "one");
    set(store, &key, b"second");
    assert_eq!(get(store, &key).as_deref(), Some(&b"second"[..]), "a later entry takes the place of an earlier one");
    assert!(store.remove(&key).expect("removing works"), "removing says that an entry was there");
    assert_eq!(get(store, &key), None, "a removed entry is absent");
    assert!(!store.remove(&key).expect("removing works"), "removing twice removes once");
}

/// What is read into room that was used before is what is read anew.
pub(super) fn rooms(store: &dyn Backend) {
    let (full, empty) = (key("rooms", "full"), key("rooms", "empty"));
    set(store, &full, b"bytes");
    set(store, &empty, b"");
    for before in [&b""[..], b"more than comes in its place"] {
        for (key, bytes) in [(&full, &b"bytes"[..]), (&empty, b"")] {
            let mut room = before.to_vec();
            let is_there = store.get_into(key, &mut room).expect("an entry can be read");
            assert!(is_there && room == bytes, "what is read takes the place of what was in the room");
        }
        let is_there = store.get_into(&key("rooms", "absent"), &mut before.to_vec()).expect("an entry can be read");
        assert!(!is_there, "a key that was never set is absent, whatever is in the room");
    }
}

/// Keys are bytes, not texts.
pub(super) fn raw_keys(store: &dyn Backend) {
    let raw = |end: &[u8]| [b"conformance|raw|", end].concat();
    let ends: [&[u8]; 7] = [b"\xff", b"\xff\xfe", b"\0", b"\0\0", b"\x80|1", b"\xc3\x28|1", b"\xff\xff|\xff"];
    for end in ends {
        set(store, &raw(end), end);
    }
    for end in ends {
        assert_eq!(get(store, &raw(end)).as_deref(), Some(end), "any bytes are a key: {end:?}");
    }
    let said = store.remove_prefix(&raw(b"\xff\xff|")).expect("removing works");
    counted(store, said, 1, "any bytes are a prefix");
    assert_eq!(get(store, &raw(b"\xff\xff|\xff")), None, "any bytes are a prefix");
    assert!(store.remove(&raw(b"\xff")).expect("removing works"), "any bytes are a key");
    let said = store.remove_prefix(&raw(b"")).expect("removing works");
    counted(store, said, 5, "the others are still there");
    assert!(ends.iter().all(|end| get(store, &raw(end)).is_none()), "nothing is left under a prefix that was removed");
}

pub(super) fn prefixes(store: &dyn Backend) {
    // Among the neighbours are the characters around the separator.
    for id in ["a|1", "a|2", "ab|1", "a%|1", "A|1", "a{", "a}", "a"] {
        set(store, &key("prefix", id), b"x");
    }
    let said = store.remove_prefix(&key("prefix", "a|")).expect("removing works");
    counted(store, said, 2, "a prefix names the keys that begin with its parts, no others");
    for id in ["a|1", "a|2", "ab|1", "a%|1", "A|1", "a{", "a}", "a"] {
        let there = !id.starts_with("a|");
        assert_eq!(get(store, &key("prefix", id)).is_some(), there, "`{id}` after `a|` was removed");
    }
    let said = store.remove_prefix(&key("prefix", "")).expect("removing works");
    counted(store, said, 6, "the others are still there");
    assert_eq!(get(store, &key("prefix", "ab|1")), None, "what is under a deeper prefix is under this one, too");
}

pub(super) fn expiry(store: &dyn Backend) {
    let (past, far, never) = (key("expiry", "past"), key("expiry", "far"), key("expiry", "never"));
    store.set(&far, Item::new(b"x").expires(FAR)).expect("an entry can be set");
    store.set(&past, Item::new(b"x").expires(PAST)).expect("an entry can be set");
    set(store, &never, b"x");
    store.purge(PAST).expect("purging works");
    assert_eq!(get(store, &past), None, "an expired entry is purged");
    assert!(get(store, &far).is_some() && get(store, &never).is_some(), "what has not expired stays");
    // Setting anew sets the end anew.
    store.set(&far, Item::new(b"y")).expect("an entry can be set");
    store.purge(FAR).expect("purging works");
    assert!(get(store, &far).is_some(), "an entry that was set again without an end never expires");
}

/// A purge finds entries however they were written, and counts them.
pub(super) fn purges(store: &dyn Backend) {
    let ids = ["set", "many", "updated", "kept"];
    let [set, many, updated, kept] = ids.map(|id| key("purge", id));
    store.purge(PAST).expect("purging works");
    let past = Item::new(b"x").expires(PAST);
    store.set(&set, past).expect("an entry can be set");
    store.set_many(&[(&many, past), (&kept, Item::new(b"x").expires(FAR))]).expect("a batch can be set");
    let change = |expires| Change::Set {
        bytes: b"x".to_vec(),
        expires: Some(expires),
        tags: Vec::new(),
        since: None,
        is_news: true,
    };
    store.update(&updated, &mut |_| change(PAST)).expect("an entry can be updated");
    // A store may have forgotten them already.
    let left = || [&set, &many, &updated].into_iter().filter(|key| get(store, key).is_some()).count() as u64;
    let before = left();
    let removed = store.purge(PAST).expect("purging works");
    assert_eq!(left(), 0, "what has expired is purged, whoever wrote it: `set`, `set_many` or `update`");
    assert_eq!(removed, before, "a purge says how many entries it removed");
    assert!(get(store, &kept).is_some(), "what has not expired stays");
    store.update(&kept, &mut |_| change(PAST)).expect("an entry can be updated");
    store.purge(PAST).expect("purging works");
    assert_eq!(get(store, &kept), None, "an update sets the end anew");
}
