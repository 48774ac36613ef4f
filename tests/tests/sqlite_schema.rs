//! Rows 27, 41; promise: tables of other versions and of others are brought up to date, refused or left alone, never lost.

use std::{fs, thread};

use memo::backend::{Backend, Item};
use memo_tests::sqlite::{get, open, place, set};
use rusqlite::Connection;

#[test]
fn tables_of_others_are_left_alone() {
    let (_dir, path) = place();
    let raw = Connection::open(&path).expect("opens");
    raw.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (42); PRAGMA user_version = 7").expect("a table");
    set(&open(&path, "").expect("opens"), "k", "v");
    assert_eq!(open(&path, "").expect("opens").remove_prefix(b"").expect("a write"), 1);
    let kept: (i64, i64) = raw
        .query_row("SELECT x, (SELECT user_version FROM pragma_user_version) FROM mine", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("it is there");
    assert_eq!(kept, (42, 7));
    let (_dir, path) = place();
    let raw = Connection::open(&path).expect("opens");
    raw.execute_batch("CREATE TABLE Memo_Entries (x); INSERT INTO memo_entries VALUES (1)").expect("a table");
    let error = open(&path, "").expect_err("the name is taken");
    assert!(error.is_config() && error.to_string().contains("table="), "{error}");
    let rows: i64 = raw.query_row("SELECT count(*) FROM memo_entries", [], |row| row.get(0)).expect("untouched");
    assert_eq!(rows, 1);
}

/// What version 1 was: entries, but no tags.
const VERSION_1: &str = "
    CREATE TABLE memo_entries (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, expires INTEGER, bytes BLOB NOT NULL);
    CREATE INDEX memo_entries_expires ON memo_entries (expires) WHERE expires IS NOT NULL;
    CREATE TABLE memo_schema (name TEXT PRIMARY KEY COLLATE NOCASE, version INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO memo_schema VALUES ('memo_entries', 1);
    INSERT INTO memo_entries (key, expires, bytes) VALUES (CAST('k' AS BLOB), 4000000000000, CAST('v' AS BLOB));";

#[test]
fn an_older_version_is_brought_up_to_date() {
    let (_dir, path) = place();
    Connection::open(&path).and_then(|raw| raw.execute_batch(VERSION_1)).expect("a database of version 1");
    // Two at once: one of them migrates.
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| open(&path, ""));
        (open(&path, ""), one.join().expect("no panic"))
    });
    let (one, other) = (one.expect("opens"), other.expect("opens"));
    assert_eq!(get(&one, "k").as_deref(), Some(&b"v"[..]), "what was there is there");
    one.set(b"k", Item::new(b"w").tags(&["t"])).expect("a write");
    assert_eq!(other.remove_tagged(b"", &["t"]).expect("a write"), 1, "and what is new works");
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let (_dir, path) = place();
    Connection::open(&path)
        .and_then(|raw| raw.execute_batch(&VERSION_1.replace("'memo_entries', 1", "'memo_entries', 99")))
        .expect("a database of version 99");
    let before = fs::read(&path).expect("a file");
    let error = open(&path, "").expect_err("it is newer");
    let message = error.to_string();
    assert!(error.is_config() && message.contains("version 99") && message.contains("version 2"), "{message}");
    assert!(fs::read(&path).expect("a file") == before, "nothing was touched");
    set(&open(&path, "table=mine").expect("tables of another name are no matter"), "k", "v");
}
