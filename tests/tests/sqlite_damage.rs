//! Row 41; promise: a damaged SQLite database gives errors, or nothing; never a panic.

use std::{fs, ops::ControlFlow, path::Path};

use memo::backend::{Backend, Change, Item};
use memo_tests::sqlite::{beside, open, place, remove_all};
use rusqlite::Connection;

/// A small database, in one file, and what is in it.
fn small(path: &Path) -> Vec<(String, Vec<u8>)> {
    remove_all(path);
    Connection::open(path)
        .and_then(|raw| raw.execute_batch("PRAGMA page_size = 512; VACUUM"))
        .expect("a database with small pages");
    let store = open(path, "").expect("opens");
    let entries: Vec<_> =
        (0..12_u8).map(|n| (format!("key|{n}"), vec![n + 1; if n == 11 { 900 } else { 30 }])).collect();
    for (key, bytes) in &entries {
        let expires = key.ends_with('1').then_some(4_000_000_000_000);
        store.set(key.as_bytes(), Item::new(bytes).expires(expires).tags(&["t"])).expect("a write");
    }
    store.flush().expect("a flush");
    entries
}

#[derive(Debug, Default)]
struct Outcome {
    refused: u32,
    intact: u32,
    missing: u32,
    failed: u32,
    others: u32,
    changed: u32,
}

/// Does everything with a damaged database. Whatever it answers, it must not panic, hang, or give bytes that it was never given in
/// a place where it can know.
fn probe(path: &Path, entries: &[(String, Vec<u8>)], outcome: &mut Outcome) {
    // Thousands of times: without waiting for the disk.
    let store = match open(path, "synchronous=off&readers=1") {
        Ok(store) => store,
        Err(error) => {
            assert!(error.is_corrupt() || error.is_unavailable() || error.is_config(), "{error:?}");
            outcome.refused += 1;
            return;
        }
    };
    for (key, bytes) in entries {
        match store.get(key.as_bytes()) {
            Ok(Some(read)) if read == *bytes => outcome.intact += 1,
            Ok(Some(read)) if entries.iter().any(|(_, bytes)| *bytes == read) => outcome.others += 1,
            Ok(Some(_)) => outcome.changed += 1,
            Ok(None) => outcome.missing += 1,
            Err(error) => {
                assert!(error.is_corrupt() || error.is_unavailable(), "{error:?}");
                outcome.failed += 1;
            }
        }
    }
    let keys: Vec<&[u8]> = entries.iter().map(|(key, _)| key.as_bytes()).collect();
    let _ = store.get_many(&keys);
    let mut shown = 0;
    let mut visit = |_: &[u8], _: &[u8]| {
        shown += 1;
        assert!(shown < 10_000, "a scan comes to an end");
        ControlFlow::Continue(())
    };
    let _ = (store.scan(b"", &mut visit), store.count(b"key|"));
    let item = Item::new(b"new").tags(&["t", "u"]).expires(5000);
    let _ = (store.set(b"key|3", item), store.set(b"key|new", item), store.remove(b"key|4"));
    let _ = store.update(b"key|5", &mut |_| Change::Remove);
    let _ = (store.remove_tagged(b"key|", &["t", "u"]), store.purge(6000), store.remove_prefix(b"key|"), store.flush());
}

#[test]
fn every_byte_of_a_database_may_be_wrong() {
    let (_dir, path) = place();
    let entries = small(&path);
    let good = fs::read(&path).expect("one file");
    let mut outcome = Outcome::default();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        remove_all(&path);
        fs::write(&path, bad).expect("a file");
        probe(&path, &entries, &mut outcome);
    }
    println!("{} bytes flipped: {outcome:?}", good.len());
    assert!(outcome.failed > 0 && outcome.refused > 0, "the flips did not reach what matters: {outcome:?}");
    // A bit in the middle of an entry's bytes is beyond what SQLite can see; frames have checksums for that.
    assert!(outcome.changed > 0 && outcome.intact > outcome.changed * 10, "{outcome:?}");
}

#[test]
fn a_database_may_end_anywhere() {
    let (_dir, path) = place();
    let entries = small(&path);
    let good = fs::read(&path).expect("one file");
    let mut outcome = Outcome::default();
    for length in (0..good.len()).step_by(64) {
        remove_all(&path);
        fs::write(&path, &good[..length]).expect("a file");
        probe(&path, &entries, &mut outcome);
    }
    println!("cut off at every 64th of {} bytes: {outcome:?}", good.len());
    assert_eq!((outcome.others, outcome.changed), (0, 0), "what is cut off is not guessed: {outcome:?}");
}

#[test]
fn a_log_may_be_wrong_or_end_anywhere() {
    let (dir, path) = place();
    let entries = small(&path);
    let store = open(&path, "").expect("opens");
    // Each gets the bytes of the next.
    let next = entries.iter().cycle().skip(1).map(|(_, bytes)| bytes.clone());
    let entries: Vec<_> = entries.iter().zip(next).map(|((key, _), bytes)| (key.clone(), bytes)).collect();
    for (key, bytes) in &entries {
        store.set(key.as_bytes(), Item::new(bytes)).expect("a write");
    }
    let (good, log) = (fs::read(&path).expect("a file"), fs::read(beside(&path, "-wal")).expect("a log"));
    let copy = dir.path().join("copy.db");
    let mut outcome = Outcome::default();
    for at in (0..log.len()).step_by(61) {
        let mut bad = log.clone();
        bad[at] ^= 1 << (at % 8);
        for log in [&bad, &log[..at]] {
            remove_all(&copy);
            fs::write(&copy, &good).expect("a file");
            fs::write(beside(&copy, "-wal"), log).expect("a file");
            probe(&copy, &entries, &mut outcome);
        }
    }
    println!("a log of {} bytes flipped and cut off: {outcome:?}", log.len());
    assert_eq!((outcome.changed, outcome.failed, outcome.refused), (0, 0, 0), "a log has checksums: {outcome:?}");
    assert!(outcome.intact > 0 && outcome.others > 0, "what stands before the damage counts: {outcome:?}");
}
