//! Row 64; promises 5, 10: probes: what each of them sees, and what two of them are together.

use std::{
    fs::{self, File},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use memo::{cache_info, memoize, probe};
use memo_tests::{
    children::{self, part, say},
    counts, fresh,
};
use tempfile::TempDir;

static DIR: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder can be made"));

fn path(name: &str) -> String {
    DIR.path().join(name).to_str().expect("it is a text").to_owned()
}

#[test]
fn a_file_that_was_changed_is_read_again_and_a_missing_one_is_a_state() {
    #[memoize(dependency = probe::file_mtime(path))]
    fn read(path: &str) -> String {
        fs::read_to_string(path).unwrap_or_else(|_| "missing".to_owned())
    }
    let path = path("mtime");
    assert_eq!([read(&path), read(&path)], ["missing", "missing"]);
    fs::write(&path, "one").expect("it can be written");
    assert_eq!([read(&path), read(&path)], ["one", "one"]);
    // Of the same length.
    fs::write(&path, "two").expect("it can be written");
    let later = SystemTime::now() + Duration::from_micros(1);
    File::options().append(true).open(&path).and_then(|file| file.set_modified(later)).expect("it can be set");
    assert_eq!([read(&path), read(&path)], ["two", "two"]);
    fs::remove_file(&path).expect("it can be removed");
    assert_eq!([read(&path), read(&path)], ["missing", "missing"]);
    assert_eq!(counts(read), (4, 4, 1));
}

#[test]
fn the_content_of_a_file_counts_and_not_when_it_was_written() {
    #[memoize(dependency = probe::file_hash(path))]
    fn read(path: &str) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }
    let path = path("content");
    let write = |text: &str| {
        fs::write(&path, text).expect("it can be written");
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        File::options().append(true).open(&path).and_then(|file| file.set_modified(then)).expect("it can be set");
    };
    assert_eq!(read(&path), "");
    write("");
    assert_eq!(read(&path), "");
    write("one");
    assert_eq!(read(&path), "one");
    write("one");
    assert_eq!(read(&path), "one");
    write("two");
    assert_eq!(read(&path), "two");
    assert_eq!(counts(read), (1, 4, 1), "an empty file is not a missing one");
}

#[test]
fn the_answer_of_a_query_counts() {
    fn latest(database: &str) -> probe::Probe {
        probe::sql_scalar(database, "SELECT version FROM settings")
    }
    #[memoize(dependency = latest(database))]
    fn settings(database: &str) -> u64 {
        fresh() + database.len() as u64
    }
    let path = path("settings.db");
    let first = settings(&path);
    assert_ne!(settings(&path), first, "without a database nobody knows");
    assert_eq!((cache_info(settings).errors, cache_info(settings).size), (2, 0));

    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection.execute_batch("CREATE TABLE settings (version)").expect("it is made");
    let first = settings(&path);
    assert_eq!(settings(&path), first, "no row is a state");
    let url = format!("sqlite://{path}?synchronous=normal");
    let by_url = settings(&url);
    let mut before = vec![first];
    for value in ["1", "1.0", "'1'", "x'31'", "NULL"] {
        connection
            .execute_batch(&format!("DELETE FROM settings; INSERT INTO settings VALUES ({value})"))
            .expect("it is set");
        let now = settings(&path);
        assert!(!before.contains(&now), "{value}");
        assert_eq!(settings(&path), now);
        before.push(now);
    }
    assert_ne!(settings(&url), by_url);
    connection.execute_batch("DROP TABLE settings").expect("it is dropped");
    settings(&path);
    assert_eq!(cache_info(settings).errors, 3);
}

#[test]
fn all_of_waits_for_all_and_any_of_for_one() {
    static STATES: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
    fn states() -> [probe::Probe; 2] {
        STATES.each_ref().map(|state| probe::value(state.load(Ordering::SeqCst)))
    }
    #[memoize(dependency = probe::all_of(states()))]
    fn all() -> u64 {
        fresh()
    }
    #[memoize(dependency = probe::any_of(states()))]
    fn any() -> u64 {
        fresh()
    }
    let before = [all(), any()];
    STATES[0].store(1, Ordering::SeqCst);
    assert_eq!(all(), before[0]);
    let then = any();
    assert_ne!(then, before[1]);
    STATES[1].store(1, Ordering::SeqCst);
    assert_ne!(all(), before[0]);
    assert_ne!(any(), then);
}

#[memoize(backend = "sqlite://probes.db", dependency = probe::env_var("MEMO_TEST_STATE"), dependency = probe::value(level))]
fn in_a_process(level: u32) -> String {
    format!("{}-{level}-{}", std::env::var("MEMO_TEST_STATE").unwrap_or_default(), std::process::id())
}

/// What another process has, which sees the variable as it is said.
fn asked(state: Option<&str>) -> String {
    let mut command = children::command("ask", &[]);
    command.current_dir(DIR.path());
    state.map(|state| command.env("MEMO_TEST_STATE", state));
    let output = command.output().expect("a process can be started");
    let said = String::from_utf8(output.stdout).expect("it is a text");
    said.lines().find_map(|line| line.split_once("said ")).expect("it says something").1.to_owned()
}

#[test]
fn another_process() {
    if part().is_some() {
        say(&in_a_process(1));
    }
}

#[test]
fn a_variable_of_the_environment_counts_also_in_a_later_process() {
    let unset = asked(None);
    assert_eq!(asked(None), unset, "not to be set is a state");
    let empty = asked(Some(""));
    assert_ne!(empty, unset);
    let one = asked(Some("1"));
    assert_eq!(asked(Some("1")), one);
    assert!(one.starts_with("1-"));
    assert_ne!(asked(Some("")), empty, "its entry made way");
}
