//! What a store says that it can do, it does; what it says that it can't is `Unsupported`.

use std::{collections::BTreeSet, ops::ControlFlow};

use super::{counted, get, key, set};
use crate::{
    backend::{Backend, Change, Item},
    error::Error,
};

fn unsupported<T>(result: Result<T, Error>, what: &str) {
    let error = result.err().unwrap_or_else(|| panic!("{what}: the capability is missing, so it must be an error"));
    assert!(error.is_unsupported(), "{what}: the capability is missing, but the error is: {error}");
}

pub(super) fn tags(store: &dyn Backend, keeps: bool) {
    if !store.capabilities().tags {
        return unsupported(store.remove_tagged(b"conformance|", &["a"]), "remove_tagged");
    }
    let set = |id: &str, tags: &[&str]| {
        store.set(&key("tags", id), Item::new(b"x").tags(tags)).expect("an entry can be set");
    };
    let remove =
        |prefix: &str, tags: &[&str]| store.remove_tagged(&key("tags", prefix), tags).expect("tags can be cleared");
    assert_eq!(remove("", &["never used"]), 0);
    assert_eq!(remove("", &[]), 0);
    set("x|1", &["users", "eu"]);
    set("x|2", &["users"]);
    set("y|1", &["users", "eu"]);
    set("x|3", &["user%", "us*", "a|b", ""]);
    if !keeps {
        return;
    }
    assert_eq!(remove("", &["user_"]), 0, "tags are opaque");
    assert_eq!(remove("", &[]), 0, "without tags nothing is removed");
    assert!(get(store, &key("tags", "x|1")).is_some(), "without tags nothing is removed");
    counted(store, remove("x|", &["users", "eu"]), 1, "an entry is removed if it has all of the tags");
    assert_eq!(get(store, &key("tags", "x|1")), None, "an entry is removed if it has all of the tags");
    assert!(get(store, &key("tags", "y|1")).is_some(), "entries outside of the prefix stay");
    assert!(get(store, &key("tags", "x|2")).is_some(), "entries with some of the tags stay");
    set("x|2", &["other"]);
    counted(store, remove("", &["users"]), 1, "an entry that was set again has its new tags alone");
    assert!(get(store, &key("tags", "x|2")).is_some(), "an entry that was set again has its new tags alone");
    assert_eq!(get(store, &key("tags", "y|1")), None, "one tag is enough, if it is all that is asked for");
    counted(store, remove("", &["a|b", ""]), 1, "any text is a tag");
    assert_eq!(get(store, &key("tags", "x|3")), None, "any text is a tag");
    let change = Change::Set {
        bytes: b"x".to_vec(),
        expires: None,
        tags: vec!["changed".to_owned()],
        since: None,
        is_news: true,
    };
    store.update(&key("tags", "x|4"), &mut |_| change.clone()).expect("an entry can be updated");
    counted(store, remove("", &["changed"]), 1, "an update sets tags");
    assert_eq!(get(store, &key("tags", "x|4")), None, "an update sets tags");
    let (one, raw) = (key("tags", "x|5"), [b"conformance|tags|x|", &b"\xff\0"[..]].concat());
    let item = Item::new(b"x").tags(&["many", "eu"]);
    store.set_many(&[(&one, item), (&raw, item)]).expect("a batch can be set");
    counted(store, remove("", &["many", "eu"]), 2, "a batch sets tags, whatever the keys");
    assert_eq!((get(store, &one), get(store, &raw)), (None, None), "a batch sets tags, whatever the keys");
}

/// What was made before a removal is not stored after it; what was made later, or is about something else, is.
pub(super) fn fences(store: &dyn Backend) {
    let moment_of = |id: &str| {
        let moment = store.moment(&key("fences", id)).expect("a store can be asked for its time");
        Some(moment.expect("its capability says that it has one"))
    };
    let removals: [(&str, &dyn Fn() -> u64); 4] = [
        ("its key", &|| store.remove(&key("fences", "a|1")).expect("removing works").into()),
        ("a prefix", &|| store.remove_prefix(&key("fences", "a|")).expect("removing works")),
        ("its tag", &|| store.remove_tagged(b"conformance|", &["made", "of"]).expect("tags can be cleared")),
        ("an outer prefix", &|| store.remove_prefix(b"conformance|").expect("removing works")),
    ];
    let tags = ["of", "made"];
    let made = |id: &str, since| {
        let item = Item::new(b"x").tags(if id == "a|1" { &tags } else { &[] }).since(since);
        store.set(&key("fences", id), item).expect("what is kept out is no error");
        get(store, &key("fences", id)).is_some()
    };
    for (what, remove) in removals {
        let [before, other] = ["a|1", "b|1"].map(moment_of);
        assert!(made("a|1", before), "nothing was removed before {what} is");
        assert!(remove() > 0 || !store.capabilities().count, "there was something to remove");
        assert!(get(store, &key("fences", "a|1")).is_none(), "{what} was removed");
        assert!(!made("a|1", before), "what was made before {what} was removed stays out");
        assert!(made("b|1", other) || what == "an outer prefix", "what {what} does not concern is stored");
        assert!(made("a|1", moment_of("a|1")), "what was made after {what} was removed is stored");
    }
    let [before, other] = ["a|1", "b|2"].map(moment_of);
    store.remove(&key("fences", "a|1")).expect("removing works");
    let batch = [("a|1", before), ("b|2", other)].map(|(id, since)| (key("fences", id), Item::new(b"x").since(since)));
    let batch: Vec<_> = batch.iter().map(|(key, item)| (&**key, *item)).collect();
    store.set_many(&batch).expect("what is kept out is no error");
    assert!(get(store, &key("fences", "a|1")).is_none(), "a batch is kept out entry by entry");
    assert!(get(store, &key("fences", "b|2")).is_some(), "a batch is kept out entry by entry");
    assert!(made("a|1", None), "what does not say when it was made is stored");
}

pub(super) fn enumeration(store: &dyn Backend, keeps: bool) {
    if !store.capabilities().enumerate {
        return unsupported(store.scan(b"", &mut |_, _| ControlFlow::Continue(())), "scan");
    }
    let keys: BTreeSet<_> = (0..50).map(|n| key("scan", &format!("in|{n}"))).collect();
    for key in &keys {
        set(store, key, key);
    }
    set(store, &key("scan", "into"), b"x");
    let mut seen = Vec::new();
    let mut visit = |key: &[u8], bytes: &[u8]| {
        assert_eq!(key, bytes, "a scan shows the bytes of the key");
        seen.push(key.to_vec());
        ControlFlow::Continue(())
    };
    store.scan(&key("scan", "in|"), &mut visit).expect("a store can be read to the end");
    seen.sort_unstable();
    let expected: Vec<_> = if keeps { keys.into_iter().collect() } else { Vec::new() };
    assert_eq!(seen, expected, "a scan shows all entries under the prefix, each once");
    let mut shown = 0;
    let mut visit = |_: &[u8], _: &[u8]| {
        shown += 1;
        ControlFlow::Break(())
    };
    store.scan(&key("scan", ""), &mut visit).expect("a scan can be broken off");
    assert_eq!(shown, usize::from(keeps), "a scan ends when it is told to");
    let mut remove = |key: &[u8], _: &[u8]| {
        store.remove(key).expect("the store can be used during a scan");
        ControlFlow::Continue(())
    };
    store.scan(&key("scan", "in|"), &mut remove).expect("a store can be read to the end");
    assert_eq!(get(store, &key("scan", "in|7")), None, "what was removed during a scan is gone");
}

pub(super) fn counting(store: &dyn Backend, keeps: bool) {
    if !store.capabilities().count {
        return unsupported(store.count(b"conformance|"), "count");
    }
    for id in ["in|1", "in|2", "in2"] {
        set(store, &key("count", id), b"x");
    }
    let count = |prefix: &str| store.count(&key("count", prefix)).expect("a store can count");
    let expected = if keeps { (2, 3, 0) } else { (0, 0, 0) };
    assert_eq!((count("in|"), count(""), count("none|")), expected, "a store counts what is under a prefix");
}
