//! Several entries at once, and several threads at once.

use std::{
    ops::RangeInclusive,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};

use super::{counted, get, key, set};
use crate::backend::{Backend, Change, Item};

pub(super) fn batches(store: &dyn Backend) {
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

pub(super) fn updates(store: &dyn Backend) {
    let key = key("update", "1");
    let update = |change: &(dyn Fn(Option<&[u8]>) -> Change + Sync)| {
        store.update(&key, &mut |bytes| change(bytes)).expect("an entry can be updated");
        get(store, &key)
    };
    let one = || Change::set(b"1".to_vec());
    let absent = update(&|bytes| if bytes.is_none() { one() } else { Change::Keep });
    assert_eq!(absent.as_deref(), Some(&b"1"[..]), "an update sees that nothing is there, and may set it");
    let kept = update(&|bytes| if bytes == Some(b"1") { Change::Keep } else { Change::Remove });
    assert_eq!(kept.as_deref(), Some(&b"1"[..]), "an update sees what is there, and may keep it");
    assert_eq!(update(&|_| Change::Remove), None, "an update may remove");
}

pub(super) fn threads(store: &dyn Backend) {
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
        Change::set((sum + 1).to_string().into_bytes())
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
