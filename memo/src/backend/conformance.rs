//! What every store must do, as a suite of checks for the tests of stores of one's own.
//!
//! ```
//! use memo::backend::{Memory, conformance};
//!
//! conformance::check(&Memory::new());
//! ```

use std::{
    collections::BTreeSet,
    ops::{ControlFlow, RangeInclusive},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};

use super::{AsyncBackend, Backend, Blocking, Change, Item};
use crate::error::Error;

mod tasks;

/// A time that has long passed, and one that is far away.
const PAST: u64 = 1_000;
const FAR: u64 = 4_000_000_000_000;

/// Checks that a store keeps the promises of [`Backend`], those of its capabilities included. The store may hold other
/// entries; those under `conformance|` are removed.
///
/// # Panics
///
/// With the promise that is broken, and what was found.
pub fn check(store: &dyn Backend) {
    store.remove_prefix(b"conformance|").expect("a store can be emptied");
    let keeps = keeps_anything(store);
    fresh_store(store);
    if keeps {
        round_trips(store);
        rooms(store);
        prefixes(store);
        raw_keys(store);
        batches(store);
        updates(store);
        expiry(store);
        purges(store);
        threads(store);
    }
    tags(store, keeps);
    enumeration(store, keeps);
    counting(store, keeps);
    if store.capabilities().fences {
        fences(store);
    }
    store.flush().expect("a store can be flushed");
    store.remove_prefix(b"conformance|").expect("a store can be emptied");
}

/// Checks the same of an async store, and what [`AsyncBackend`] promises of futures.
///
/// ```
/// use std::sync::Arc;
/// use memo::backend::{AsyncBackend, conformance};
///
/// fn check(client: Arc<dyn AsyncBackend>) {
///     conformance::check_async(client);
/// }
/// ```
///
/// # Panics
///
/// As [`check`].
#[expect(
    clippy::needless_pass_by_value,
    reason = "the store may be of any type where it is one, which a reference can't be"
)]
pub fn check_async(store: Arc<dyn AsyncBackend>) {
    tasks::check(&store);
    check(&Blocking::new(store.clone()));
}

/// Stores like `null://` keep nothing, and say so by what they do.
fn keeps_anything(store: &dyn Backend) -> bool {
    store.set(b"conformance|keeps", Item::new(b"x")).expect("an entry can be set");
    store.get(b"conformance|keeps").expect("an entry can be read").is_some()
}

fn key(check: &str, id: &str) -> Vec<u8> {
    format!("conformance|{check}|{id}").into_bytes()
}

fn get(store: &dyn Backend, key: &[u8]) -> Option<Vec<u8>> {
    store.get(key).expect("an entry can be read")
}

fn set(store: &dyn Backend, key: &[u8], bytes: &[u8]) {
    store.set(key, Item::new(bytes)).expect("an entry can be set");
}

/// What removing by prefix or tags said of how many there were, of a store that can count.
fn counted(store: &dyn Backend, said: u64, expected: u64, what: &str) {
    assert!(said == expected || !store.capabilities().count, "{what}: {said} were removed instead of {expected}");
}

/// Everything is safe where nothing was stored yet.
fn fresh_store(store: &dyn Backend) {
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

fn round_trips(store: &dyn Backend) {
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
fn rooms(store: &dyn Backend) {
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
fn raw_keys(store: &dyn Backend) {
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

fn prefixes(store: &dyn Backend) {
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

fn batches(store: &dyn Backend) {
    let keys: Vec<_> = ["1", "2", "3"].map(|id| key("batch", id)).into();
    let items: Vec<_> = keys.iter().map(|key| (&**key, Item::new(key))).collect();
    store.set_many(&items).expect("a batch can be set");
    let mixed = [&*keys[2], b"conformance|batch|absent", &keys[0], &keys[2]];
    let found = store.get_many(&mixed).expect("a batch can be read");
    let expected = [Some(keys[2].clone()), None, Some(keys[0].clone()), Some(keys[2].clone())];
    assert_eq!(found, expected, "a batch is read in the order of its keys");
    let removed = store.remove_many(&[&keys[1], b"conformance|batch|absent", &keys[0]]).expect("removing works");
    assert_eq!(removed, [true, false, true], "a batch says for each key whether it was there");
    set(store, &keys[0], b"x");
    let removed = store.remove_many(&[&keys[0], &keys[2], &keys[0]]).expect("removing works");
    assert_eq!(removed, [true, true, false], "a key that a batch names twice is removed once");
    store.set_many(&[(&keys[0], Item::new(b"a")), (&keys[0], Item::new(b"b"))]).expect("a batch can be set");
    assert_eq!(get(store, &keys[0]).as_deref(), Some(&b"b"[..]), "of two entries with one key the later counts");
    for id in ["4|a", "4|b", "5|a", "6|a"] {
        set(store, &key("batch", id), b"x");
    }
    let prefixes = ["4|", "7|", "5|"].map(|id| key("batch", id));
    let said = store.remove_prefixes(&prefixes.each_ref().map(|prefix| &**prefix)).expect("removing works");
    assert_eq!(said.len(), prefixes.len(), "a batch says something of each prefix");
    for (said, expected) in said.into_iter().zip([2, 0, 1]) {
        counted(store, said, expected, "a batch says for each prefix how many entries were there");
    }
    for id in ["4|a", "4|b", "5|a"] {
        assert_eq!(get(store, &key("batch", id)), None, "a batch removes all prefixes that it names");
    }
    assert!(get(store, &key("batch", "6|a")).is_some(), "what is under no prefix stays");
    if store.capabilities().atomic_batch {
        seen_as_a_whole(store);
    }
}

/// A batch is never seen in part: two entries that come and go together are there together.
fn seen_as_a_whole(store: &dyn Backend) {
    const ROUNDS: RangeInclusive<u32> = 50..=1_000_000;
    // A store that doesn't block is so fast that it is seldom seen in the middle.
    let most_looks = if store.blocks() { 500 } else { 20_000 };
    let (one, other) = (key("whole", "a|1"), key("whole", "b|1"));
    let prefixes = [key("whole", "a|"), key("whole", "b|")];
    let (done, looks) = (AtomicBool::new(false), AtomicU32::new(0));
    let look = || {
        let _ended = Ended(&done);
        while !done.load(Ordering::Relaxed) {
            for (one, other) in [(&one, &other), (&other, &one)] {
                let (before, between, after) = (get(store, one), get(store, other), get(store, one));
                // Each round has bytes of its own: what is the same later was there all the time.
                let was_there = before.is_some() && before == after;
                assert!(!was_there || between == before, "of an atomic batch, all entries are there, or none");
            }
            looks.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let ended = Ended(&done);
        scope.spawn(look);
        scope.spawn(look);
        let is_enough = |round| {
            let looked = round >= *ROUNDS.start() && looks.load(Ordering::Relaxed) >= most_looks;
            looked || done.load(Ordering::Relaxed)
        };
        for round in (0..*ROUNDS.end()).take_while(|round| !is_enough(*round)) {
            let bytes = round.to_be_bytes();
            let items = [(&*one, Item::new(&bytes)), (&*other, Item::new(&bytes))];
            store.set_many(&items).expect("a batch can be set");
            let removed = match round % 3 {
                0 => store.remove_many(&[&one, &other]).map(|removed| removed == [true, true]),
                1 => {
                    let sums = store.remove_prefixes(&prefixes.each_ref().map(|prefix| &**prefix));
                    sums.map(|sums| sums == [1, 1] || !store.capabilities().count)
                }
                _ => Ok(true),
            };
            assert!(removed.expect("a batch can be removed"), "a batch says what was there");
        }
        drop(ended);
    });
}

/// Ends all threads of a check with one of them, also if that one fails.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn updates(store: &dyn Backend) {
    let key = key("update", "1");
    let update = |change: &(dyn Fn(Option<&[u8]>) -> Change + Sync)| {
        store.update(&key, &mut |bytes| change(bytes)).expect("an entry can be updated");
        get(store, &key)
    };
    let one = || Change::Set { bytes: b"1".to_vec(), expires: None, tags: Vec::new() };
    let absent = update(&|bytes| if bytes.is_none() { one() } else { Change::Keep });
    assert_eq!(absent.as_deref(), Some(&b"1"[..]), "an update sees that nothing is there, and may set it");
    let kept = update(&|bytes| if bytes == Some(b"1") { Change::Keep } else { Change::Remove });
    assert_eq!(kept.as_deref(), Some(&b"1"[..]), "an update sees what is there, and may keep it");
    assert_eq!(update(&|_| Change::Remove), None, "an update may remove");
}

fn expiry(store: &dyn Backend) {
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
fn purges(store: &dyn Backend) {
    let ids = ["set", "many", "updated", "kept"];
    let [set, many, updated, kept] = ids.map(|id| key("purge", id));
    store.purge(PAST).expect("purging works");
    let past = Item::new(b"x").expires(PAST);
    store.set(&set, past).expect("an entry can be set");
    store.set_many(&[(&many, past), (&kept, Item::new(b"x").expires(FAR))]).expect("a batch can be set");
    let change = |expires| Change::Set { bytes: b"x".to_vec(), expires: Some(expires), tags: Vec::new() };
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

fn threads(store: &dyn Backend) {
    const THREADS: u8 = 4;
    const ROUNDS: usize = 25;
    let barrier = Barrier::new(THREADS.into());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                let own = key("threads", &format!("own{thread}"));
                let shared = key("threads", "shared");
                for round in 0..ROUNDS {
                    let bytes = vec![thread; 100 + round];
                    set(store, &own, &bytes);
                    assert_eq!(get(store, &own), Some(bytes.clone()), "a thread reads what it wrote last");
                    set(store, &shared, &bytes);
                    let read = get(store, &shared).expect("somebody has written it");
                    assert!(read.iter().all(|byte| *byte == read[0]), "an entry is never a mixture of two");
                }
            });
        }
    });
    if store.capabilities().atomic_update {
        counted_together(store);
    }
}

fn counted_together(store: &dyn Backend) {
    let key = &key("threads", "sum");
    let add_one = |bytes: Option<&[u8]>| {
        let sum: u32 = bytes.map_or(0, |bytes| String::from_utf8_lossy(bytes).parse().expect("a number"));
        Change::Set { bytes: (sum + 1).to_string().into_bytes(), expires: None, tags: Vec::new() }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    store.update(key, &mut |bytes| add_one(bytes)).expect("an entry can be updated");
                }
            });
        }
    });
    assert_eq!(get(store, key).as_deref(), Some(&b"100"[..]), "nothing comes between reading and writing in an update");
}

fn unsupported<T>(result: Result<T, Error>, what: &str) {
    let error = result.err().unwrap_or_else(|| panic!("{what}: the capability is missing, so it must be an error"));
    assert!(error.is_unsupported(), "{what}: the capability is missing, but the error is: {error}");
}

fn tags(store: &dyn Backend, keeps: bool) {
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
    let change = Change::Set { bytes: b"x".to_vec(), expires: None, tags: vec!["changed".to_owned()] };
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
fn fences(store: &dyn Backend) {
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

fn enumeration(store: &dyn Backend, keeps: bool) {
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

fn counting(store: &dyn Backend, keeps: bool) {
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
