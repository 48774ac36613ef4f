//! Rows 27, 38, 39, 42; promise: an SQLite store does what a store must, for threads and for processes.

use std::{fs, path::Path, process::Command, sync::Barrier, thread};

use memo::backend::{Backend, Item, Sqlite, Url, conformance};
use memo_tests::sqlite::{place, set, url};
use rusqlite::Connection;

fn open(path: &Path, params: &str) -> Sqlite {
    try_open(path, params).expect("the store opens")
}

fn try_open(path: &Path, params: &str) -> Result<Sqlite, memo::Error> {
    Sqlite::open(&Url::parse(&url(path, params)).expect("a URL"))
}

fn get(store: &Sqlite, key: &str) -> Option<String> {
    let bytes = store.get(key.as_bytes()).expect("a read");
    bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
}

fn keys(store: &Sqlite) -> Vec<String> {
    let mut keys = Vec::new();
    let mut visit = |key: &[u8], _: &[u8]| {
        keys.push(String::from_utf8_lossy(key).into_owned());
        std::ops::ControlFlow::Continue(())
    };
    store.scan(b"", &mut visit).expect("a scan");
    keys
}

#[test]
fn it_conforms() {
    let (_dir, path) = place();
    conformance::check(&open(&path, ""));
    conformance::check(&open(&path, "max_entries=100000&max_bytes=1GB&table=bounded&synchronous=full&readers=1"));
    let by_url = memo::backend(&url(&path, "codec=bincode")).expect("opens");
    conformance::check(&*by_url);
    assert_eq!(by_url.name(), "sqlite");
}

#[test]
fn two_handles_are_one_store() {
    let (_dir, path) = place();
    let (one, other) = (open(&path, ""), open(&path, "readers=2&cache_size=1MiB&mmap_size=1MiB"));
    conformance::check(&one);
    conformance::check(&other);
    set(&one, "k", "v");
    assert_eq!(get(&other, "k").as_deref(), Some("v"));
    assert!(other.remove(b"k").expect("a write"));
    assert_eq!(get(&one, "k"), None);
}

fn child(what: &str, path: &Path, params: &str) -> Command {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sqlite_child"));
    child.args([what, &url(path, params)]);
    child
}

#[test]
fn processes_share_a_database() {
    let (_dir, path) = place();
    // All of them create it at once.
    let params = ["table=one", "table=other"];
    let mut children: Vec<_> =
        params.iter().map(|params| child("conform", &path, params).spawn().expect("a process")).collect();
    children.extend((0..2).map(|_| child("count", &path, "").spawn().expect("a process")));
    let store = open(&path, "");
    conformance::check(&store);
    for mut child in children {
        assert!(child.wait().expect("it ends").success(), "a process found something broken");
    }
    assert_eq!(get(&store, "sum").as_deref(), Some("600"), "no update of a process was lost");
    assert_eq!(store.remove_tagged(b"", &["sum"]).expect("a write"), 1, "the tag was set once");
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let (_dir, path) = place();
    let store = open(&path, "busy_timeout=50ms");
    set(&store, "k", "v");
    let other = Connection::open(&path).expect("opens");
    other.execute_batch("BEGIN EXCLUSIVE; DELETE FROM memo_entries").expect("the other one writes");
    assert_eq!(get(&store, "k").as_deref(), Some("v"), "a read sees what is committed");
    let many = store.get_many(&[b"k", b"l"]).expect("a read");
    assert_eq!(many, [Some(b"v".to_vec()), None]);
    let error = store.set(b"k", Item::new(b"w")).expect_err("the lock is taken");
    assert!(error.is_unavailable() && error.to_string().contains("busy_timeout"), "{error}");
    other.execute_batch("ROLLBACK").expect("the other one gives up");
    set(&store, "k", "w");
    assert_eq!(get(&store, "k").as_deref(), Some("w"));
}

#[test]
fn any_number_of_threads_share_the_connections() {
    let (_dir, path) = place();
    let store = open(&path, "readers=2");
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (store, barrier) = (&store, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for round in 0..100 {
                    let key = format!("{thread}|{round}");
                    set(store, &key, &key);
                    assert_eq!(get(store, &key), Some(key), "a thread reads what it wrote");
                }
            });
        }
    });
    assert_eq!(store.count(b"").expect("a read"), 800);
    assert_eq!(store.count(b"3|").expect("a read"), 100);
}

#[test]
fn a_batch_happens_as_a_whole() {
    let (_dir, path) = place();
    let store = open(&path, "");
    set(&store, "a", "old");
    let raw = Connection::open(&path).expect("opens");
    raw.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON memo_entries WHEN new.key = CAST('bad' AS BLOB)
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .expect("a trigger");
    let item = Item::new(b"new").tags(&["t"]);
    let error = store.set_many(&[(b"a", item), (b"b", item), (b"bad", item)]).expect_err("the last one is refused");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!((get(&store, "a").as_deref(), get(&store, "b")), (Some("old"), None));
    assert_eq!(store.remove_tagged(b"", &["t"]).expect("a write"), 0, "its tags are not there either");
    store.set_many(&[(b"a", item), (b"b", item)]).expect("the connection still works");
    assert_eq!(store.remove_tagged(b"", &["t"]).expect("a write"), 2);
}

#[test]
fn a_panic_in_an_update_changes_nothing() {
    let (_dir, path) = place();
    let store = open(&path, "");
    set(&store, "k", "v");
    let update = || store.update(b"k", &mut |_| panic!("of the caller"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(update)).expect_err("the panic goes on");
    set(&store, "l", "w");
    assert_eq!((get(&store, "k").as_deref(), get(&store, "l").as_deref()), (Some("v"), Some("w")));
}

/// The store remembers where it found entries.
#[test]
fn what_was_found_before_may_be_another_entry_by_now() {
    let (_dir, path) = place();
    let store = open(&path, "");
    let other = Connection::open(&path).expect("opens");
    set(&store, "a", "1");
    assert_eq!(get(&store, "a").as_deref(), Some("1"));
    set(&store, "a", "2");
    assert_eq!(get(&store, "a").as_deref(), Some("2"));
    // Rows that are gone leave their numbers to others.
    assert!(store.remove(b"a").expect("a write"));
    set(&store, "b", "3");
    let number = |key: &str| {
        let find = "SELECT id FROM memo_entries WHERE key = CAST(?1 AS BLOB)";
        other.query_row(find, [key], |row| row.get::<_, i64>(0)).expect("is there")
    };
    assert_eq!((number("b"), get(&store, "a"), get(&store, "b").as_deref()), (1, None, Some("3")));
    // Others give an entry another number, and its own to another entry.
    other.execute_batch("UPDATE memo_entries SET id = 7").expect("a write");
    other.execute_batch("INSERT INTO memo_entries (id, key, bytes) VALUES (1, x'61', x'34')").expect("a write");
    for _ in 0..2 {
        assert_eq!((get(&store, "a").as_deref(), get(&store, "b").as_deref()), (Some("4"), Some("3")));
    }
    other.execute_batch("DELETE FROM memo_entries").expect("a write");
    assert_eq!((get(&store, "a"), get(&store, "b")), (None, None));
}

#[test]
fn what_a_bounded_store_writes_anew_is_found_again() {
    let (_dir, path) = place();
    let store = open(&path, "max_entries=2&readers=1");
    for value in ["1", "2", "3"] {
        for key in ["a", "b"] {
            set(&store, key, value);
            assert_eq!((get(&store, key).as_deref(), get(&store, key).as_deref()), (Some(value), Some(value)));
        }
    }
}

#[test]
fn tables_are_stores_of_their_own() {
    let (_dir, path) = place();
    let (one, other, keyword) = (open(&path, "table=one"), open(&path, "table=other"), open(&path, "table=select"));
    for store in [&one, &other, &keyword] {
        store.set(b"k", Item::new(b"v").tags(&["t"])).expect("a write");
    }
    assert_eq!(one.remove_tagged(b"", &["t"]).expect("a write"), 1);
    assert_eq!(other.remove_prefix(b"").expect("a write"), 1);
    assert_eq!(get(&keyword, "k").as_deref(), Some("v"));
    for table in ["memo_schema", "sqlite_master", "one_tags", "a_Totals"] {
        let error = try_open(&path, &format!("table={table}")).expect_err(table);
        assert!(error.is_config() && error.to_string().contains(table), "{error}");
    }
}

#[test]
fn large_stores_are_scanned_and_cleared_in_steps() {
    let (_dir, path) = place();
    let store = open(&path, "");
    let keys: Vec<_> = (0..10_000).map(|n| format!("k|{n:05}").into_bytes()).collect();
    let items: Vec<_> = keys.iter().map(|key| (&**key, Item::new(key).expires(1000).tags(&["t", "u"]))).collect();
    store.set_many(&items).expect("a write");
    store.set(b"other|1", Item::new(&vec![7; 3 << 20]).tags(&["t"])).expect("a write");
    let mut seen = Vec::new();
    let mut visit = |key: &[u8], _: &[u8]| {
        seen.push(key.to_vec());
        std::ops::ControlFlow::Continue(())
    };
    store.scan(b"k|", &mut visit).expect("a scan");
    assert!(seen == keys, "all keys, in their order");
    assert_eq!(store.remove_tagged(b"k|", &["t", "u"]).expect("a write"), 10_000);
    assert_eq!(store.count(b"").expect("a read"), 1);
    store.set_many(&items).expect("a write");
    assert_eq!(store.remove_prefix(b"k|").expect("a write"), 10_000);
    store.set_many(&items).expect("a write");
    assert_eq!(store.purge(1000).expect("a purge"), 10_000, "a purge counts");
    assert_eq!(store.remove_tagged(b"", &["t"]).expect("a write"), 1, "the tags of the others went with them");
}

#[test]
fn the_bound_of_entries_holds() {
    let (_dir, path) = place();
    let store = open(&path, "max_entries=3");
    for key in ["a", "b", "c"] {
        set(&store, key, key);
    }
    set(&store, "a", "again");
    set(&store, "d", "d");
    assert_eq!(keys(&store), ["a", "c", "d"], "what was written longest ago goes first");
    store.set(b"e", Item::new(b"e").expires(1000)).expect("a write");
    assert_eq!(keys(&store), ["a", "c", "d"], "what has expired goes first, even if it has just come");
    let many: Vec<_> = ["f", "g", "h", "i", "j"].map(str::as_bytes).map(|key| (key, Item::new(key))).into();
    store.set_many(&many).expect("a write");
    assert_eq!(keys(&store), ["h", "i", "j"]);
    store.remove(b"i").expect("a write");
    set(&store, "k", "k");
    assert_eq!(keys(&store), ["h", "j", "k"], "what was removed makes room");
    // A process that does not know the bound counts as well.
    let unbounded = open(&path, "");
    for key in ["x", "y", "z"] {
        set(&unbounded, key, key);
    }
    assert_eq!(keys(&unbounded).len(), 6);
    set(&store, "l", "l");
    assert_eq!(keys(&store), ["l", "y", "z"]);
}

#[test]
fn wrong_totals_do_not_keep_a_store_empty() {
    let (_dir, path) = place();
    let store = open(&path, "max_entries=3");
    set(&store, "a", "a");
    let raw = Connection::open(&path).expect("opens");
    raw.execute_batch("UPDATE memo_entries_totals SET entries = 1000").expect("somebody meddles");
    for key in ["b", "c", "d"] {
        set(&store, key, key);
    }
    assert_eq!(keys(&store), ["c", "d"], "it begins anew once");
}

#[test]
fn what_has_expired_makes_room_first() {
    let (_dir, path) = place();
    let store = open(&path, "max_entries=3");
    set(&store, "oldest", "x");
    for key in ["b", "c"] {
        store.set(key.as_bytes(), Item::new(b"x").expires(1000)).expect("a write");
    }
    set(&store, "new", "x");
    assert_eq!(keys(&store), ["new", "oldest"]);
}

#[test]
fn the_bound_of_bytes_holds() {
    let (_dir, path) = place();
    set(&open(&path, ""), "before", &"x".repeat(94));
    let store = open(&path, "max_bytes=250");
    set(&store, "b", &"x".repeat(99));
    assert_eq!(keys(&store), ["b", "before"], "entries from before the bound are counted");
    set(&store, "c", &"x".repeat(50));
    assert_eq!(keys(&store), ["b", "c"]);
    set(&store, "c", &"x".repeat(149));
    assert_eq!(keys(&store), ["b", "c"], "250 bytes are 250 bytes");
    set(&store, "c", &"x".repeat(150));
    assert_eq!(keys(&store), ["c"]);
    set(&store, "c", &"x".repeat(250));
    assert_eq!(get(&store, "c"), None, "what is too large alone is not kept, and what it replaces is gone");
    let change = memo::backend::Change::set(vec![0; 200]);
    for key in ["u", "v"] {
        store.update(key.as_bytes(), &mut |_| change.clone()).expect("a write");
    }
    assert_eq!(keys(&store), ["v"], "updates are bounded, too");
}

#[test]
fn every_operation_is_safe_on_a_store_that_is_not_there_yet() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a/b/cache.db");
    conformance::check(&open(&path, ""));
    let empty = dir.path().join("empty.db");
    fs::write(&empty, b"").expect("a file");
    conformance::check(&open(&empty, ""));
}

#[cfg(unix)]
#[test]
fn files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("new/cache.db");
    let store = open(&path, "");
    set(&store, "k", "v");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().expect("a directory")), 0o700);
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&dir.path().join(format!("new/cache.db{suffix}"))), 0o600, "cache.db{suffix}");
    }
}

#[test]
fn a_flush_puts_everything_into_the_file() {
    let (dir, path) = place();
    let store = open(&path, "");
    set(&store, "k", "v");
    let mode: String = Connection::open(&path)
        .and_then(|raw| raw.query_row("PRAGMA journal_mode", [], |row| row.get(0)))
        .expect("a database");
    assert_eq!(mode, "wal");
    store.flush().expect("a flush");
    let copy = dir.path().join("copy.db");
    fs::copy(&path, &copy).expect("a copy");
    assert_eq!(get(&open(&copy, ""), "k").as_deref(), Some("v"), "the file alone has it");
}

#[test]
fn a_purge_keeps_the_database_in_shape() {
    let (_dir, path) = place();
    let raw = Connection::open(&path).expect("opens");
    raw.execute_batch("PRAGMA auto_vacuum = incremental; CREATE TABLE mine (x)").expect("a database of somebody");
    let store = open(&path, "");
    for number in 0..500_u32 {
        store.set(&number.to_be_bytes(), Item::new(&[1; 1000]).expires(1000)).expect("a write");
    }
    store.flush().expect("a flush");
    let before = fs::metadata(&path).expect("it is there").len();
    assert_eq!(store.purge(999).expect("a purge"), 0);
    let statistics = "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'memo_entries'";
    let planned: i64 = raw.query_row(statistics, [], |row| row.get(0)).expect("it was optimized");
    assert!(planned > 0, "a purge optimizes");
    assert_eq!(store.purge(1000).expect("a purge"), 500);
    store.flush().expect("a flush");
    let after = fs::metadata(&path).expect("it is there").len();
    assert!(after < before / 4, "free pages are given back: {before} bytes before, {after} after");
    assert_eq!(store.purge(u64::MAX).expect("a purge"), 0);
}
