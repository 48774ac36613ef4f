//! Rows 18, 51; promise 3, across processes: what is removed in PostgreSQL while a value is made keeps that value out.
#![cfg(unix)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use memo::backend::{Backend, Item};
use memo_tests::{faults::Ended, servers::postgres::Server};

mod fences;

fn opened(url: &str) -> Arc<dyn Backend> {
    memo::backend(url).expect(url)
}

/// Several store what they made of a source, one changes the source and removes: after that nobody finds what was made before.
#[test]
fn removals_and_writes_do_not_cross() {
    let Some(server) = Server::shared() else { return };
    let stores = [2, 3].map(|pool| opened(&server.url(&format!("?table=crossing&pool={pool}"))));
    let (source, done) = (AtomicU64::new(1), AtomicBool::new(false));
    let key = b"f|i|a|v";
    let make = |store: &dyn Backend| {
        while !done.load(Ordering::SeqCst) {
            let moment = store.moment(key).expect("asked");
            let bytes = source.load(Ordering::SeqCst).to_be_bytes();
            store.set(key, Item::new(&bytes).tags(&["t"]).since(moment)).expect("stored, or kept out");
        }
    };
    thread::scope(|scope| {
        for n in 0..4 {
            let (make, store) = (&make, &stores[n % 2]);
            scope.spawn(move || make(&**store));
        }
        // Also if this thread finds something wrong.
        let _ended = Ended(&done);
        let store = &stores[0];
        let mut found = 0;
        for round in 0..1_000_000 {
            let newest = source.fetch_add(1, Ordering::SeqCst) + 1;
            match round % 4 {
                0 => drop(store.remove(key).expect("removed")),
                1 => drop(store.remove_prefix(b"f|i|a|").expect("removed")),
                2 => drop(store.remove_prefix(b"f|").expect("removed")),
                _ => drop(store.remove_tagged(b"", &["t"]).expect("removed")),
            }
            // Whoever is in the middle of something has to be seen by one of these.
            for _ in 0..3 {
                if let Some(bytes) = store.get(key).expect("read") {
                    let made_of = u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
                    assert!(made_of >= newest, "made of {made_of}, but {newest} is newer, round {round}");
                    found += 1;
                }
            }
            if round >= 300 && found >= 50 {
                break;
            }
        }
    });
}

#[test]
fn removals_are_forgotten_above_a_floor() {
    let Some(server) = Server::shared() else { return };
    let store = opened(&server.url("?table=floor"));
    let notes = || server.number("SELECT count(*) FROM floor_removed WHERE what <> 0");
    let is_stored = |key: &[u8], since| {
        store.set(key, Item::new(b"x").since(since)).expect("no error");
        store.get(key).expect("read").is_some()
    };
    let early = store.moment(b"f|i|a|v").expect("asked");
    for key in [&b"f|i|a|v"[..], b"f|i|b|v"] {
        store.remove(key).expect("removed");
    }
    store.purge(0).expect("purged");
    assert_eq!(notes(), 2, "they are young");
    server.sql("UPDATE floor_removed SET at = at - interval '25 hours'");
    store.purge(0).expect("purged");
    assert_eq!(notes(), 0);
    assert!(!is_stored(b"f|i|c|v", early), "what was removed since is not known any more");
    let late = store.moment(b"f|i|a|v").expect("asked");
    assert!(is_stored(b"f|i|a|v", late));
    server.sql(
        "INSERT INTO floor_removed (prefix, what, stripe) SELECT 'memo', n, -1 FROM generate_series(1, 100500) AS n",
    );
    store.purge(0).expect("purged");
    assert_eq!(notes(), 100_000, "the last of them");
    assert!(!is_stored(b"f|i|d|v", late));
    assert!(is_stored(b"f|i|d|v", store.moment(b"f|i|d|v").expect("asked")));
    // Others in the table have a floor of their own.
    let other = opened(&server.url("?table=floor&prefix=other"));
    other.set(b"k", Item::new(b"x").since(1)).expect("no error");
    assert!(other.get(b"k").expect("read").is_some());
}

/// A crash empties the entries, but what was removed is remembered.
#[test]
fn unlogged_entries_are_fenced_through_a_crash() {
    let Some(mut server) = Server::start() else { return };
    let store = opened(&server.url("?unlogged=true&trip_after=0"));
    let before = store.moment(b"f|i|a|v").expect("asked");
    store.set(b"f|i|b|v", Item::new(b"x")).expect("stored");
    store.remove(b"f|i|a|v").expect("removed");
    let kept = |table: &str| server.sql(&format!("SELECT relpersistence FROM pg_class WHERE relname = '{table}'"));
    assert_eq!([kept("memo"), kept("memo_removed")].concat().concat(), ["u", "p"].map(|kept| Some(kept.to_owned())));
    server.crash();
    server.start_again();
    assert_eq!(store.get(b"f|i|b|v").expect("a read connects again"), None, "it was not logged");
    store.set(b"f|i|a|v", Item::new(b"old").since(before)).expect("no error");
    assert_eq!(store.get(b"f|i|a|v").expect("read"), None);
    store.set(b"f|i|a|v", Item::new(b"new").since(store.moment(b"f|i|a|v").expect("asked"))).expect("stored");
    assert!(store.get(b"f|i|a|v").expect("read").is_some());
}

#[test]
fn what_others_invalidate_meanwhile_is_not_stored() {
    let Some(server) = Server::shared() else { return };
    let (here, there) = (server.url("?table=bodies"), server.url("?table=bodies&timeout=7s"));
    fences::invalidated_meanwhile_is_not_stored(&here, &there);
}

#[test]
fn what_others_remove_meanwhile_is_not_copied() {
    let Some(server) = Server::shared() else { return };
    let url = |pool: u32| server.url(&format!("?table=copied&pool={pool}"));
    fences::copies_of_what_was_removed_are_not_made(&url(2), &url(3));
}
