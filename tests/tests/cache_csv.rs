//! Row 47; promise 7.7: contents as a table that people and spreadsheets read, and that comes back whole or not at all.

use std::{
    error::Error as _,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use memo::{
    Cache, Entry, Error, SetOptions, Tier,
    backend::{Backend, Memory},
    clock::TestClock,
};
use memo_tests::files::files;
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

type Texts = Cache<String, String>;

const COLUMNS: [&str; 2] = ["key", "value"];

fn texts() -> Texts {
    Texts::builder("texts").build().expect("memory needs nothing")
}

fn a_file() -> (TempDir, PathBuf) {
    let dir = tempdir().expect("a directory");
    let path = dir.path().join("texts.csv");
    (dir, path)
}

#[expect(clippy::ptr_arg, reason = "a hook gets the key as it is")]
fn row(key: &String, entry: &Entry<String>) -> [String; 2] {
    [key.clone(), entry.value().clone()]
}

fn load(cache: &Texts, path: &Path) -> Result<u64, Error> {
    cache.load_csv(path, COLUMNS, |[key, value]| Ok((key.to_owned(), value.to_owned(), SetOptions::new())))
}

fn sorted(cache: &Texts) -> Vec<(String, String)> {
    let mut all: Vec<_> = cache.iter().expect("memory enumerates").collect();
    all.sort();
    all
}

#[test]
fn texts_are_quoted_and_rows_are_sorted() {
    let (dir, path) = a_file();
    let cache = texts();
    for (key, value) in [("d", "two\nlines"), ("a", "x,y"), ("c", "say \"hi\""), ("b", " plain "), ("é", "")] {
        cache.set(key.to_owned(), value.to_owned()).expect("sets");
    }
    assert_eq!(cache.save_csv(&path, COLUMNS, row).expect("saves"), 5);
    let table = fs::read_to_string(&path).expect("is there");
    assert_eq!(table, "key,value\na,\"x,y\"\nb, plain \nc,\"say \"\"hi\"\"\"\nd,\"two\nlines\"\né,\n");
    assert_eq!(files(dir.path()), [path]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn all_texts_come_back(entries: std::collections::HashMap<String, String>) {
        let (_dir, path) = a_file();
        let (saved, restored) = (texts(), texts());
        saved.set_many(entries).expect("sets");
        saved.save_csv(&path, COLUMNS, row).expect("saves");
        prop_assert_eq!(load(&restored, &path).expect("loads"), saved.len().expect("memory"));
        prop_assert_eq!(sorted(&restored), sorted(&saved));
    }
}

#[test]
fn times_and_tags_are_there_for_the_hooks() {
    let clock = TestClock::install();
    let (_dir, path) = a_file();
    let cache = texts();
    cache.set_with("a".to_owned(), "1".to_owned(), SetOptions::new().ttl(100).tag("eu")).expect("sets");
    cache.set_with("b".to_owned(), "2".to_owned(), SetOptions::new().ttl(5)).expect("sets");
    clock.advance(Duration::from_secs(10));
    let columns = ["key", "value", "left", "tags"];
    let count = cache.save_csv(&path, columns, |key, entry| {
        let left = entry.remaining().map_or(0, |left| left.as_secs());
        [key.clone(), entry.value().clone(), left.to_string(), entry.tags().collect::<Vec<_>>().join(" ")]
    });
    assert_eq!(count.expect("saves"), 1, "one has expired");
    assert_eq!(fs::read_to_string(&path).expect("is there"), "key,value,left,tags\na,1,90,eu\n");

    let restored = texts();
    let loaded = restored.load_csv(&path, columns, |[key, value, left, tags]| {
        let options = SetOptions::new().ttl(left.parse::<u64>()?).tags(tags.split_whitespace());
        Ok((key.to_owned(), value.to_owned(), options))
    });
    assert_eq!(loaded.expect("loads"), 1);
    let entry = restored.entry("a").expect("memory").expect("came");
    assert_eq!(entry.remaining(), Some(Duration::from_secs(90)));
    assert_eq!(entry.tags().collect::<Vec<_>>(), ["eu"]);
}

/// A store that counts how often it is asked for one entry.
#[derive(Default)]
struct Counted(Memory, AtomicU32);

impl Backend for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    memo_tests::as_inside!(self.0: set remove remove_prefix scan);

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.get(key)
    }
}

#[test]
fn a_store_is_asked_once_for_all_entries() {
    let clock = TestClock::install();
    let (_dir, path) = a_file();
    let store = Arc::new(Counted::default());
    let cache = Texts::builder("texts").tier(Tier::of(store.clone())).build().expect("builds");
    cache.set_with("a".to_owned(), "1".to_owned(), SetOptions::new().ttl(100).tag("eu")).expect("sets");
    cache.set_with("b".to_owned(), "2".to_owned(), SetOptions::new().ttl(5)).expect("sets");
    cache.set("c".to_owned(), "3".to_owned()).expect("sets");
    clock.advance(Duration::from_secs(10));
    let count = cache.save_csv(&path, ["key", "value", "age", "left", "tags"], |key, entry| {
        let left = entry.remaining().map_or(0, |left| left.as_secs());
        let [age, left] = [entry.age().as_secs(), left].map(|seconds| seconds.to_string());
        [key.clone(), entry.value().clone(), age, left, entry.tags().collect::<Vec<_>>().join(" ")]
    });
    assert_eq!(count.expect("saves"), 2, "one has expired");
    assert_eq!(
        fs::read_to_string(&path).expect("is there"),
        "key,value,age,left,tags\na,1,10,90,eu\nc,3,10,0,\n",
        "times and tags come with them"
    );
    assert_eq!(store.1.load(Ordering::Relaxed), 0, "of them no one is asked for on its own");
}

#[test]
fn what_spreadsheets_make_of_it_is_read() {
    let (_dir, path) = a_file();
    // A byte order mark, other ends of lines, another order, one more column.
    fs::write(&path, "\u{feff}value,note,\"key\"\r\n1,seen,a\r\n\"2\",,b\r\n").expect("writes");
    let cache = texts();
    assert_eq!(load(&cache, &path).expect("loads"), 2);
    assert_eq!(sorted(&cache), [("a", "1"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn a_table_that_cannot_be_read_changes_nothing() {
    let (_dir, path) = a_file();
    let cache = texts();
    cache.set("a".to_owned(), "mine".to_owned()).expect("sets");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("writes");
        let error = load(&cache, &path).expect_err("it can't be read");
        assert!(error.is_corrupt(), "{error}");
        assert_eq!(sorted(&cache), [("a".to_owned(), "mine".to_owned())]);
        error.to_string()
    };
    assert!(refused(b"").contains("no column `key`"));
    assert!(refused(b"key,worth\na,1\n").contains("no column `value`"));
    assert!(refused(b"key,value,key\na,1,b\n").contains("two columns `key`"));
    assert!(refused(b"key,value\na,1\nb\n").contains("texts.csv"), "a row is too short");
    assert!(refused(b"key,value\na,1\nb,2,3\n").contains('3'), "a row is too long");
    assert!(refused(b"key,value\na,1\nb,\xff\n").contains("UTF-8"));
}

#[test]
fn an_error_of_the_hook_names_the_line_and_changes_nothing() {
    let (_dir, path) = a_file();
    fs::write(&path, "id\n1\n2\nthree\n").expect("writes");
    let cache = Cache::<u64, ()>::builder("numbers").build().expect("memory");
    let loaded = cache.load_csv(&path, ["id"], |[id]| Ok((id.parse()?, (), SetOptions::new())));
    let error = loaded.expect_err("`three` is no number");
    assert!(error.is_corrupt() && error.to_string().contains("line 4"), "{error}");
    assert!(error.source().is_some_and(<dyn std::error::Error>::is::<std::num::ParseIntError>));
    assert!(cache.is_empty().expect("memory"));
}

#[test]
fn a_missing_file_is_an_empty_table_and_wrong_columns_are_errors() {
    let (dir, path) = a_file();
    let cache = texts();
    assert_eq!(load(&cache, &path).expect("there is nothing yet"), 0);
    assert_eq!(cache.save_csv(&path, COLUMNS, row).expect("saves"), 0);
    assert_eq!(fs::read_to_string(&path).expect("is there"), "key,value\n");
    assert_eq!(load(&cache, &path).expect("loads"), 0);
    let twice = cache.save_csv(&path, ["key", "key"], row);
    assert!(twice.is_err_and(|error| error.is_config()));
    let none = cache.save_csv(&path, [], |_, _| []);
    assert!(none.is_err_and(|error| error.is_config()));
    assert!(load(&cache, dir.path()).is_err_and(|error| error.is_unavailable()), "it is a directory");
}

#[test]
fn a_cache_with_a_store_can_be_looked_at_too() {
    let (_dir, path) = a_file();
    let cache = Texts::open("texts", "memory://csv").expect("memory needs nothing");
    cache.set("a".to_owned(), "1".to_owned()).expect("sets");
    assert_eq!(cache.save_csv(&path, COLUMNS, row).expect("saves"), 1);
    cache.clear().expect("clears");
    assert_eq!(load(&cache, &path).expect("loads"), 1);
    assert_eq!(cache.get("a").expect("a hit").as_deref(), Some("1"));
}
