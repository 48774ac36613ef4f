//! Row 41; promise: no fault of a file, a disk or a process gives a panic or bytes that were not stored.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use memo::{
    Error,
    backend::{Backend, Sqlite},
    clock::TestClock,
};
use memo_tests::sqlite::{self, beside, get, place, remove_all, set};
use rusqlite::Connection;

const CHILD: &str = env!("CARGO_BIN_EXE_sqlite_child");

fn open(path: &Path) -> Result<Sqlite, Error> {
    sqlite::open(path, "")
}

fn number_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes and more"))
}

/// Is it what `sqlite_child write` stores?
fn is_whole(bytes: &[u8]) -> bool {
    let number = number_of(bytes);
    bytes == number.to_le_bytes().repeat(1 + usize::try_from(number % 400).expect("small"))
}

/// Kills a writer that has said so many lines more; gives what it acknowledged.
fn kill_a_writer(path: &Path, after: usize) -> HashMap<String, u64> {
    let url = format!("sqlite://{}", path.display());
    let mut child = Command::new(CHILD).args(["write", &url]).stdout(Stdio::piped()).spawn().expect("a process");
    let mut said = BufReader::new(child.stdout.take().expect("a pipe"));
    let (mut line, mut before) = (String::new(), Vec::new());
    said.read_line(&mut line).expect("it writes");
    for _ in 0..after {
        before.push(std::mem::take(&mut line));
        said.read_line(&mut line).expect("it writes");
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("it ends");
    let mut acknowledged = HashMap::new();
    let mut note = |line: &str| {
        let (key, number) = line.trim_end().split_once(' ').expect("key and number");
        acknowledged.insert(key.to_owned(), number.parse().expect("a number"));
    };
    for line in &before {
        note(line);
    }
    // A line that was cut off counts as not said.
    while line.ends_with('\n') {
        note(&line);
        line.clear();
        said.read_line(&mut line).expect("it wrote");
    }
    acknowledged
}

#[test]
fn a_killed_writer_loses_nothing_and_leaves_nothing_half() {
    const ROUNDS: u32 = 200;
    let (_dir, path) = place();
    let held = open(&path).expect("opens");
    let (mut entries, mut acknowledged_in_all) = (0, 0);
    for round in 0..ROUNDS {
        // Any moment will do: where it is then, the scheduler decides.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let acknowledged = kill_a_writer(&path, now.subsec_nanos() as usize / 100 % 40);
        // Every other time by a process's first look, which has to recover.
        let fresh = (round % 2 == 0).then(|| open(&path).expect("opens after a kill"));
        let store = fresh.as_ref().unwrap_or(&held);
        for (key, number) in &acknowledged {
            let stored = number_of(&get(store, key).unwrap_or_else(|| panic!("{key} was acknowledged, and is lost")));
            assert!(stored >= *number, "{key}: {number} was acknowledged, {stored} is there");
        }
        let mut visit = |key: &[u8], bytes: &[u8]| {
            assert!(is_whole(bytes), "{} is not whole", String::from_utf8_lossy(key));
            entries += 1;
            ControlFlow::Continue(())
        };
        store.scan(b"", &mut visit).expect("a scan");
        let batch = ["batch|1", "batch|2", "batch|3"].map(|key| get(store, key));
        assert!(batch[0] == batch[1] && batch[1] == batch[2], "a batch is there as a whole");
        acknowledged_in_all += acknowledged.len();
    }
    let ones = held.count(b"one|").expect("a read");
    assert_eq!(held.remove_tagged(b"", &["one"]).expect("a write"), ones, "no tag has lost its entry");
    assert_eq!(held.count(b"one|").expect("a read"), 0, "every entry has its tag");
    println!("{ROUNDS} kills, {acknowledged_in_all} keys acknowledged, {entries} entries whole");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let (_dir, path) = place();
    let text = "dear diary, ".repeat(1000);
    fs::write(&path, &text).expect("a file");
    let error = open(&path).expect_err("it is a text");
    assert!(error.is_corrupt() && error.to_string().contains("no SQLite database"), "{error}");
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "SQLite's own error stands behind it");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
    fs::remove_file(&path).expect("it can be removed");
    let directory = open(path.parent().expect("a directory")).expect_err("a directory is no file");
    assert!(directory.is_unavailable(), "{directory}");
    let below = open(&PathBuf::from("/dev/null/cache.db")).expect_err("a file has nothing below it");
    assert!(below.is_unavailable(), "{below}");
}

#[test]
fn a_database_that_was_deleted_is_made_anew() {
    let (_dir, path) = place();
    let (store, other) = (open(&path).expect("opens"), open(&path).expect("opens"));
    for files in [&["", "-wal", "-shm"][..], &[""]] {
        set(&store, "old", "x");
        assert!(get(&store, "old").is_some() && get(&other, "old").is_some());
        for suffix in files {
            fs::remove_file(beside(&path, suffix)).expect("it is there");
        }
        set(&store, "new", "y");
        assert_eq!((get(&store, "old"), get(&store, "new")), (None, Some(b"y".to_vec())), "{files:?}");
        set(&other, "newer", "z");
        assert!(get(&other, "new").is_some() && get(&store, "newer").is_some(), "both use the same file again");
        let third = open(&path).expect("opens");
        assert_eq!(third.count(b"").expect("a read"), 2, "which is the one that everybody else sees");
    }
}

#[test]
fn a_database_that_was_deleted_under_another_process_is_made_anew() {
    let (_dir, path) = place();
    let url = format!("sqlite://{}", path.display());
    let mut child = Command::new(CHILD);
    child.args(["hold", &url]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().expect("a process");
    let mut said = BufReader::new(child.stdout.take().expect("a pipe"));
    said.read_line(&mut String::new()).expect("it is ready");
    // Its log stays behind, and the index of that in shared memory, which the child has open.
    fs::remove_file(&path).expect("it is there");
    let store = open(&path).expect("opens");
    set(&store, "new", "y");
    let seen = |store: &Sqlite| (store.count(b"").expect("a read"), get(store, "new"), get(store, "old|7"));
    assert_eq!(seen(&store), (1, Some(b"y".to_vec()), None));
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
    assert_eq!(seen(&store), (2, Some(b"y".to_vec()), None));
    drop(store);
    assert_eq!(seen(&open(&path).expect("opens")), (2, Some(b"y".to_vec()), None));
}

#[test]
fn reads_notice_that_the_database_was_deleted() {
    let clock = TestClock::install();
    let (_dir, path) = place();
    let store = open(&path).expect("opens");
    set(&store, "old", "x");
    assert!(get(&store, "old").is_some());
    remove_all(&path);
    clock.advance(Duration::from_secs(1));
    assert_eq!(get(&store, "old"), None, "a read looks once in a second");
    assert!(path.exists(), "the database is made anew");
}

#[test]
fn a_database_that_was_replaced_is_used_instead() {
    let (dir, path) = place();
    let store = open(&path).expect("opens");
    set(&store, "old", "x");
    let new = dir.path().join("new.db");
    let replacement = open(&new).expect("opens");
    set(&replacement, "restored", "y");
    replacement.flush().expect("a flush");
    drop(replacement);
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(beside(&path, suffix)).expect("it is there");
    }
    fs::rename(&new, &path).expect("renames");
    assert!(store.remove(b"restored").expect("a write"), "a write goes to the new file");
    assert_eq!(get(&store, "old"), None);
}

#[test]
fn a_store_heals_when_its_damaged_file_is_taken_away() {
    let (_dir, path) = place();
    let store = open(&path).expect("opens");
    set(&store, "k", "v");
    store.flush().expect("a flush");
    fs::write(&path, vec![0xA5; 20_000]).expect("somebody writes into it");
    // The first read: nothing is in memory yet.
    let error = store.get(b"k").expect_err("it is no database any more");
    assert!(error.is_corrupt(), "{error}");
    remove_all(&path);
    set(&store, "l", "w");
    assert_eq!((get(&store, "k"), get(&store, "l")), (None, Some(b"w".to_vec())));
}

#[test]
fn tables_that_somebody_dropped_are_an_error() {
    let (_dir, path) = place();
    let store = open(&path).expect("opens");
    set(&store, "k", "v");
    Connection::open(&path).and_then(|raw| raw.execute_batch("DROP TABLE memo_entries")).expect("dropped");
    for _ in 0..2 {
        let error = store.get(b"k").expect_err("there is nothing to read");
        assert!(error.is_corrupt() && error.to_string().contains("not as they were made"), "{error}");
    }
}

/// Runs a command of the shell in which mounts are its own; `false`, with the reason, where that is not possible.
#[cfg(target_os = "linux")]
fn mounted(script: &str, dir: &Path) -> bool {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", script, CHILD]).arg(dir);
        command.output().map_err(|error| error.to_string())
    };
    match unshare("mount -t tmpfs none \"$1\"") {
        Ok(probe) if probe.status.success() => {}
        other => {
            println!("not shown here: mounting in a namespace of one's own is not possible: {other:?}");
            return false;
        }
    }
    let output = unshare(script).expect("it was possible");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_nothing_is_lost() {
    let dir = tempfile::tempdir().expect("a directory");
    mounted("mount -t tmpfs -o size=1m none \"$1\"; \"$0\" fill \"sqlite://$1/cache.db\"", dir.path());
}

#[cfg(target_os = "linux")]
#[test]
fn what_can_not_be_written_is_read_or_refused() {
    let (dir, path) = place();
    set(&open(&path).expect("opens"), "k", "v");
    mounted(
        "mount --bind \"$1/cache.db\" \"$1/cache.db\"; mount -o remount,ro,bind \"$1/cache.db\"
         \"$0\" read_only \"sqlite://$1/cache.db\"",
        dir.path(),
    );
    mounted(
        "mount --bind \"$1\" \"$1\"; mount -o remount,ro,bind \"$1\"
         \"$0\" read_only \"sqlite://$1/cache.db\"; \"$0\" refused \"sqlite://$1/new/cache.db\"",
        dir.path(),
    );
}
