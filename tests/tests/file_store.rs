//! Rows 28, 38, 39; promises 6, 8, 10: one file per entry: layout, formats, purges, bounds, marks.

use std::{
    collections::BTreeSet,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use memo::backend::{Backend, Capabilities, Change, Files, Item, cachedir_tag, conformance};
use memo_tests::files::{files, get, open, set, url, with_extension};
use tempfile::TempDir;

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

const LOCKINGS: [&str; 4] = ["auto", "flock", "mkdir", "none"];

#[test]
fn every_locking_and_format_conforms() {
    for locking in LOCKINGS {
        for format in ["frame", "plain"] {
            let dir = dir();
            let store = open(dir.path(), &format!("locking={locking}&format={format}"));
            conformance::check(&store);
            let atomic_update = locking != "none";
            let all =
                Capabilities { count: true, enumerate: true, tags: true, persistent: true, ..store.capabilities() };
            assert_eq!(store.capabilities(), Capabilities { atomic_update, shared: true, ..all }, "{locking}");
            assert_eq!(with_extension(dir.path(), "tmp"), Vec::<PathBuf>::new(), "{locking}, {format}");
        }
    }
    let dir = dir();
    conformance::check(&open(dir.path(), "sync=true"));
    conformance::check(&open(dir.path(), "sync=true&format=plain&max_bytes=1GB"));
}

#[test]
fn what_one_store_wrote_another_reads_and_removes_whatever_the_format() {
    let dir = dir();
    let (frame, plain) = (open(dir.path(), "format=frame"), open(dir.path(), "format=plain"));
    for (writer, other) in [(&frame, &plain), (&plain, &frame)] {
        set(writer, "a|b|c|1", b"first");
        assert_eq!(get(other, "a|b|c|1").as_deref(), Some(&b"first"[..]));
        set(other, "a|b|c|1", b"second");
        assert_eq!(get(writer, "a|b|c|1").as_deref(), Some(&b"second"[..]));
        assert!(writer.remove(b"a|b|c|1").expect("removes"));
    }
    frame.purge(0).expect("purges");
    assert_eq!(files(&dir.path().join("entries")), Vec::<PathBuf>::new());
}

#[test]
fn a_plain_value_is_a_file_that_people_find() {
    let dir = dir();
    let store = open(dir.path(), "format=plain");
    set(&store, "shop::users::find|f64|user 7|v1", br#"{"id":7}"#);
    set(&store, "shop::users::find|f64|user 7|v1", br#"{"id":8}"#);
    let values = with_extension(dir.path(), "data");
    assert_eq!(values.len(), 1, "the old value is gone: {values:?}");
    assert_eq!(fs::read(&values[0]).expect("reads"), br#"{"id":8}"#);
    let shown = values[0].to_string_lossy();
    assert!(shown.contains("shop--users--find") && shown.contains("/user-7-"), "{shown}");
    // Edited by hand, it is not what was set.
    fs::write(&values[0], br#"{"id":9}"#).expect("writes");
    assert_eq!(get(&store, "shop::users::find|f64|user 7|v1"), None);
}

#[test]
fn nothing_is_written_before_the_first_entry() {
    let dir = dir();
    let root = dir.path().join("not/there/yet");
    let store = open(&root, "max_bytes=1MB");
    assert_eq!(get(&store, "a|b"), None);
    assert!(!store.remove(b"a|b").expect("removes"));
    assert_eq!(store.remove_prefix(b"").expect("removes"), 0);
    assert_eq!(store.remove_tagged(b"", &["t"]).expect("removes"), 0);
    assert_eq!(store.count(b"").expect("counts"), 0);
    assert_eq!(store.purge(u64::MAX).expect("purges"), 0);
    store.scan(b"", &mut |_, _| panic!("nothing is there")).expect("scans");
    store.flush().expect("flushes");
    assert!(!root.exists() && !dir.path().join("not").exists());
    set(&store, "a|b", b"x");
    assert_eq!(get(&store, "a|b").as_deref(), Some(&b"x"[..]));
}

#[test]
fn a_directory_that_is_deleted_is_made_again() {
    for locking in LOCKINGS {
        let dir = dir();
        let root = dir.path().join("store");
        let store = open(&root, &format!("locking={locking}"));
        set(&store, "a|b", b"x");
        fs::remove_dir_all(&root).expect("deletes");
        assert_eq!(get(&store, "a|b"), None, "{locking}");
        assert!(!store.remove(b"a|b").expect("removes"), "{locking}");
        assert_eq!(store.purge(0).expect("purges"), 0, "{locking}");
        set(&store, "a|b", b"y");
        assert_eq!(get(&store, "a|b").as_deref(), Some(&b"y"[..]), "{locking}");
        assert!(root.join("memo-store").exists(), "it is a store again");
        // Only what is in it.
        fs::remove_dir_all(root.join("entries")).expect("deletes");
        fs::remove_dir_all(root.join("locks")).ok();
        set(&store, "a|b", b"z");
        assert_eq!(get(&store, "a|b").as_deref(), Some(&b"z"[..]), "{locking}");
    }
}

#[test]
fn deleting_the_directory_while_others_write_loses_nothing_but_what_was_in_it() {
    let dir = dir();
    let root = dir.path().join("store");
    let store = &open(&root, "");
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                for round in 0..200 {
                    let key = format!("a|{thread}|{round}");
                    // While it is deleted, a write may fail, but only so.
                    if let Err(error) = store.set(key.as_bytes(), Item::new(b"x").tags(&["t"])) {
                        assert!(error.is_unavailable(), "{error}");
                    }
                }
            });
        }
        for _ in 0..40 {
            fs::remove_dir_all(&root).ok();
        }
    });
    set(store, "a|b", b"x");
    assert_eq!(get(store, "a|b").as_deref(), Some(&b"x"[..]));
}

#[test]
fn all_versions_of_an_entry_are_in_one_shard() {
    let dir = dir();
    let store = open(dir.path(), "");
    for id in 0..40 {
        for version in 0..3 {
            set(&store, &format!("space|inst|{id}|{version}"), b"x");
        }
    }
    let shards: BTreeSet<_> =
        with_extension(dir.path(), "memo").iter().map(|path| path.parent().map(Path::to_owned)).collect();
    assert!(shards.len() > 10, "entries are spread over shards: {}", shards.len());
    // What stands in the way everywhere else is not looked at.
    let own = |id: u32| {
        let before = files(dir.path());
        set(&store, &format!("space|inst|{id}|probe"), b"x");
        let new = files(dir.path()).into_iter().find(|path| !before.contains(path)).expect("written");
        new.parent().map(Path::to_owned).expect("in a shard")
    };
    let shard = own(7);
    let parent = shard.parent().expect("in a directory").to_owned();
    for other in shards.into_iter().flatten().filter(|other| *other != shard) {
        fs::rename(&other, parent.join(format!("hidden-{}", other.file_name().expect("a name").display())))
            .expect("moves");
    }
    assert_eq!(store.count(b"space|inst|7|").expect("counts"), 4);
    assert_eq!(store.remove_prefix(b"space|inst|7|").expect("removes"), 4);
    assert_eq!(store.remove_prefix(b"space|inst|7|").expect("removes"), 0);
}

#[test]
fn clearing_a_tag_reads_only_what_carries_it() {
    let dir = dir();
    let store = open(dir.path(), "");
    let tagged = |key: &str, tags: &[&str]| store.set(key.as_bytes(), Item::new(b"x").tags(tags)).expect("sets");
    for id in 0..30 {
        tagged(&format!("f|i|{id}|1"), &["all"]);
    }
    tagged("g|i|1|1", &["one", "all"]);
    // Nothing else can be read now, and it does not matter.
    let f = fs::read_dir(dir.path().join("entries")).expect("lists").map(|entry| entry.expect("listed").path());
    let f = f.into_iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("f-")));
    let f = f.expect("the directory of `f`");
    fs::rename(&f, dir.path().join("aside")).expect("moves");
    assert_eq!(store.remove_tagged(b"", &["one", "all"]).expect("removes"), 1);
    fs::rename(dir.path().join("aside"), &f).expect("moves");
    assert_eq!(store.remove_tagged(b"f|", &["all"]).expect("removes"), 30);
    assert_eq!(store.count(b"").expect("counts"), 0);
    assert_eq!(files(&dir.path().join("tags")), Vec::<PathBuf>::new(), "the markers went with their entries");
}

#[test]
fn a_purge_removes_what_expired_and_what_was_left_behind() {
    for locking in LOCKINGS {
        let dir = dir();
        let store = open(dir.path(), &format!("format=plain&locking={locking}"));
        store.set(b"f|i|past|1", Item::new(b"x").expires(1_000).tags(&["t"])).expect("sets");
        store.set(b"f|i|future|1", Item::new(b"x").expires(4_000_000_000_000).tags(&["u"])).expect("sets");
        store.set(b"f|i|future|1", Item::new(b"y").expires(4_000_000_000_000).tags(&["v"])).expect("sets");
        let shard = with_extension(dir.path(), "memo")[0].parent().expect("in a shard").to_owned();
        let long_ago = SystemTime::now() - Duration::from_hours(2);
        let left = [
            shard.join("0123456789abcdef0123456789abcdef.tmp"),
            shard.join("x-0123456789abcdef0123456789abcdef.0123456789abcdef.data"),
            dir.path().join("0123456789abcdef0123456789abcdef.tmp"),
        ];
        for path in &left {
            fs::write(path, b"half").expect("writes");
        }
        let recent = shard.join("1123456789abcdef0123456789abcdef.tmp");
        fs::write(&recent, b"at work").expect("writes");
        for path in &left {
            fs::File::options()
                .write(true)
                .open(path)
                .and_then(|file| file.set_modified(long_ago))
                .expect("dated back");
        }
        assert_eq!(store.purge(1_000).expect("purges"), 1, "{locking}");
        assert!(left.iter().all(|path| !path.exists()), "{locking}: {:?}", files(dir.path()));
        assert!(recent.exists(), "{locking}: a temporary file of now is somebody's");
        assert_eq!(get(&store, "f|i|future|1").as_deref(), Some(&b"y"[..]));
        assert_eq!(files(&dir.path().join("tags")).len(), 1, "{locking}: the marker of the entry's present tag stays");
        assert_eq!(store.remove_tagged(b"", &["u"]).expect("removes"), 0);
        assert_eq!(store.remove_tagged(b"", &["v"]).expect("removes"), 1);
        fs::remove_file(&recent).expect("removes");
        store.purge(0).expect("purges");
        let empty = |name| fs::read_dir(dir.path().join(name)).expect("lists").next().is_none();
        assert!(empty("entries") && empty("tags"), "{locking}: empty directories are removed");
    }
}

#[test]
fn max_bytes_holds_and_the_oldest_go_first() {
    for format in ["frame", "plain"] {
        let dir = dir();
        let store = open(dir.path(), &format!("max_bytes=100kB&format={format}"));
        let size = || -> u64 {
            let entries = files(&dir.path().join("entries"));
            entries.iter().map(|path| path.metadata().expect("is there").len()).sum()
        };
        for id in 0..200 {
            set(&store, &format!("f|i|{id}|1"), &[0; 2000]);
            // The times of files may be as coarse as a tick; here each is a second later than the one before.
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + id);
            let newest = with_extension(dir.path(), "memo")
                .into_iter()
                .max_by_key(|path| path.metadata().and_then(|found| found.modified()).expect("is there"));
            let file = fs::File::options().write(true).open(newest.expect("one")).expect("opens");
            file.set_modified(at).expect("dated");
            assert!(size() <= 100_000, "{format}: {} bytes after {id}", size());
        }
        let there: Vec<u64> = (0..200).filter(|id| get(&store, &format!("f|i|{id}|1")).is_some()).collect();
        assert!(there.len() > 35, "{format}: most of the room is used: {there:?}");
        assert_eq!(there, (200 - there.len() as u64..200).collect::<Vec<_>>(), "{format}: the oldest went first");
        // What can't fit is not kept, nor what it would have replaced.
        set(&store, "f|i|199|1", &vec![0; 200_000]);
        assert_eq!(get(&store, "f|i|199|1"), None);
        assert!(get(&store, "f|i|198|1").is_some(), "and nothing makes room for it");
        // Replacing in place needs no room.
        for _ in 0..500 {
            set(&store, "f|i|198|1", &[1; 2000]);
        }
        assert!(get(&store, "f|i|197|1").is_some(), "{format}");
    }
}

#[test]
fn an_entry_that_takes_nearly_all_of_max_bytes_is_kept() {
    for format in ["frame", "plain"] {
        let dir = dir();
        let store = open(dir.path(), &format!("max_bytes=100kB&format={format}"));
        for id in 0..40 {
            set(&store, &format!("small|i|{id}|1"), &[0; 2000]);
        }
        for len in [91_000, 95_000, 99_000] {
            set(&store, "large|i|1|1", &vec![1; len]);
            assert_eq!(get(&store, "large|i|1|1").map(|bytes| bytes.len()), Some(len), "{format}: it fits");
            let others = store.count(b"small|").expect("counts");
            assert!(len > 95_000 || others > 0, "{format}: who has room beside {len} bytes stays");
            let size: u64 =
                files(&dir.path().join("entries")).iter().map(|path| path.metadata().expect("is there").len()).sum();
            assert!(size <= 100_000, "{format}: the bound holds: {size} bytes");
        }
        // With what a file says beside the bytes, it is too large: it takes nobody's room.
        store.remove(b"large|i|1|1").expect("removes");
        set(&store, "small|i|1|1", &[0; 2000]);
        for (key, tag_len) in [("large|i|1|1", 1), ("large|i|2|1", 60_000)] {
            let (bytes, tag) = (vec![1; 100_000 - tag_len], "t".repeat(tag_len));
            store.set(key.as_bytes(), Item::new(&bytes).tags(&[&tag])).expect("there is nothing wrong with it");
            assert_eq!(get(&store, key), None, "{format}: it does not fit");
            assert!(get(&store, "small|i|1|1").is_some(), "{format}: and nothing makes room for it");
        }
    }
}

#[test]
fn cachedir_tags_are_written_once_and_never_over_another_file() {
    let dir = dir();
    let tag = dir.path().join("CACHEDIR.TAG");
    cachedir_tag(dir.path()).expect("writes");
    let first = fs::read(&tag).expect("reads");
    assert!(first.starts_with(b"Signature: 8a477f597d28d172789f06886806bc55\n"));
    fs::write(&tag, [&first[..], b"# a comment of mine\n"].concat()).expect("writes");
    cachedir_tag(dir.path()).expect("is one already");
    assert!(fs::read(&tag).expect("reads").ends_with(b"of mine\n"));
    fs::write(&tag, b"something else").expect("writes");
    let error = cachedir_tag(dir.path()).expect_err("foreign");
    assert!(error.is_unavailable() && error.to_string().contains("left alone"), "{error}");
    assert_eq!(fs::read(&tag).expect("reads"), b"something else");
    assert!(cachedir_tag(dir.path().join("absent")).is_err());
}

#[test]
fn a_store_marks_its_directory() {
    let dir = dir();
    set(&open(dir.path(), ""), "a|b", b"x");
    let tag = fs::read_to_string(dir.path().join("CACHEDIR.TAG")).expect("reads");
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"), "{tag}");
    assert_eq!(fs::read_to_string(dir.path().join("memo-store")).expect("reads"), "memo file store, version 1\n");
}

#[test]
fn a_newer_store_is_refused_and_stays_as_it_is() {
    let dir = dir();
    let root = dir.path().join("store");
    let early = open(&root, "");
    set(&open(&root, ""), "a|b|c|d", b"x");
    fs::write(root.join("memo-store"), "memo file store, version 2\n").expect("writes");
    // An entry in a form of its own.
    fs::write(&with_extension(&root, "memo")[0], b"memofile\x02\0...").expect("writes");
    let all = || files(&root).into_iter().map(|path| (path.clone(), fs::read(path).ok())).collect::<Vec<_>>();
    let before = all();
    let url = url(&root, "");
    let error = Files::open(&url).expect_err("newer");
    assert!(error.is_config() && error.to_string().contains("version 2"), "{error}");
    // Opened before the newer one was made.
    for refused in [
        early.set(b"a|b|c|d", Item::new(b"y")).is_err(),
        early.remove(b"a|b|c|d").is_err(),
        early.remove_prefix(b"").is_err(),
        early.remove_tagged(b"", &["t"]).is_err(),
        early.update(b"a|b|c|d", &mut |_| Change::Remove).is_err(),
        early.purge(u64::MAX).is_err(),
    ] {
        assert!(refused);
    }
    assert_eq!(all(), before);
    // Without its marker, it is still emptied.
    let unmarked = dir.path().join("unmarked");
    set(&open(&unmarked, ""), "a|b", b"x");
    fs::remove_file(unmarked.join("memo-store")).expect("removes");
    let store = open(&unmarked, "");
    assert!(store.remove(b"a|b").expect("removes") && get(&store, "a|b").is_none());
    for damaged in ["", "memo file store, version 0\n", "\0\u{1}", "memo file store, version x"] {
        fs::write(root.join("memo-store"), damaged).expect("writes");
        assert!(Files::open(&url).expect_err(damaged).is_corrupt(), "{damaged}");
    }
}

#[test]
fn names_that_are_opened_by_url_are_one_store() {
    let dir = dir();
    let url = format!("file://{}?locking=flock", dir.path().display());
    let one = memo::backend(&url).expect("opens");
    let same = memo::backend(&format!("{url}&codec=json")).expect("opens");
    assert_eq!(one.name(), "file");
    one.set(b"a|b", Item::new(b"x")).expect("sets");
    assert_eq!(same.get(b"a|b").expect("reads").as_deref(), Some(&b"x"[..]));
    for (param, said) in [("locking=fcntl", "`mkdir`"), ("wait=soon", "a duration"), ("format=json", "`plain`")] {
        let error = memo::backend(&format!("file:///x?{param}")).err().expect("refused");
        assert!(error.is_config() && error.to_string().contains(said), "{error}");
    }
}
#[test]
fn a_scan_sees_what_stays_while_others_write() {
    let dir = dir();
    let store = &open(dir.path(), "");
    for id in 0..100 {
        set(store, &format!("f|i|{id}|1"), b"0");
    }
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for round in 0..5 {
                (0..100).for_each(|id| set(store, &format!("f|i|{id}|1"), &[round]));
            }
        });
        while !writer.is_finished() {
            let mut seen = BTreeSet::new();
            let mut visit = |key: &[u8], _: &[u8]| {
                assert!(seen.insert(key.to_vec()), "each once");
                ControlFlow::Continue(())
            };
            store.scan(b"f|", &mut visit).expect("scans");
            assert_eq!(seen.len(), 100);
        }
    });
}
