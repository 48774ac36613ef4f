//! Rows 28, 42; promises 6, 7: files of others, links, pipes, permissions, and keys that would lead elsewhere.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
};

use memo::backend::{Backend, Change, Item};
use memo_tests::files::{entries, files, get, open, set};
use tempfile::TempDir;

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

#[test]
fn foreign_files_are_never_touched() {
    for locking in ["flock", "mkdir", "none"] {
        let dir = dir();
        let root = dir.path();
        fs::write(root.join("thesis.txt"), "foreign").expect("writes");
        let store = open(root, &format!("locking={locking}&format=plain&max_bytes=10kB"));
        let fill = || {
            for id in 0..20 {
                let key = format!("space|f|{id}|1");
                store.set(key.as_bytes(), Item::new(&[1; 1000]).expires(1_000).tags(&["t"])).expect("sets");
            }
        };
        fill();
        assert!(!root.join("CACHEDIR.TAG").exists(), "backups go on with the files that were there");
        assert!(root.join("entries/CACHEDIR.TAG").exists());
        let mut dirs = vec![root.to_owned(), root.join("entries"), root.join("tags")];
        for path in files(root) {
            dirs.extend(path.ancestors().skip(1).take_while(|dir| dir.starts_with(root)).map(Path::to_owned));
        }
        // The directories that are locks come and go under names of their own.
        dirs.retain(|dir| dir.extension().is_none());
        dirs.sort();
        dirs.dedup();
        let names = [
            "notes.json",
            "x.data",
            "x.memo",
            "x.tmp",
            "x.lock",
            ".hidden",
            "0.memo",
            "owner.txt",
            "name-0123456789abcdef0123456789abcdef.DATA",
            "0123456789ABCDEF0123456789ABCDEF.tmp",
        ];
        let mut foreign = vec![root.join("thesis.txt")];
        for dir in dirs {
            for name in names {
                fs::write(dir.join(name), "foreign").expect("writes");
                foreign.push(dir.join(name));
            }
            fs::create_dir_all(dir.join("foreign/00/deep")).expect("makes");
            fs::write(dir.join("foreign/00/deep/x.memo"), "foreign").expect("writes");
            foreign.push(dir.join("foreign/00/deep/x.memo"));
        }
        let touched = || {
            let is_touched = |path: &&PathBuf| fs::read(path).ok().as_deref() != Some(b"foreign");
            foreign.iter().filter(is_touched).cloned().collect::<Vec<_>>()
        };
        store
            .scan(b"", &mut |key, _| {
                assert!(key.starts_with(b"space|"), "{key:?}");
                ControlFlow::Continue(())
            })
            .expect("scans");
        store.remove_tagged(b"", &["t"]).expect("removes");
        fill();
        store.remove_prefix(b"space|").expect("removes");
        fill();
        store.purge(u64::MAX).expect("purges");
        fill();
        store.remove_prefix(b"").expect("removes");
        store.purge(u64::MAX).expect("purges");
        assert_eq!(store.count(b"").expect("counts"), 0, "{locking}");
        assert_eq!(touched(), Vec::<PathBuf>::new(), "{locking}");
    }
}

#[test]
fn keys_do_not_lead_out_of_the_directory() {
    let dir = dir();
    let root = dir.path().join("store");
    for format in ["frame", "plain"] {
        let store = open(&root, &format!("format={format}"));
        for key in
            ["../../up", "/etc/passwd", "..|..|..|..", "a/../../b|/|\\|..", "nul\0byte|\0", "|||", "~/x|$HOME|1|1"]
        {
            store.set(key.as_bytes(), Item::new(key.as_bytes()).tags(&["../../tag", "/tag", "\0"])).expect("sets");
            assert_eq!(get(&store, key).as_deref(), Some(key.as_bytes()));
        }
        store.purge(0).expect("purges");
    }
    let outside: Vec<_> = files(dir.path()).into_iter().filter(|path| !path.starts_with(&root)).collect();
    assert_eq!(outside, Vec::<PathBuf>::new());
}

#[cfg(unix)]
#[test]
fn links_in_the_place_of_directories_are_errors() {
    use std::os::unix::fs::symlink;
    for level in 1..=3 {
        for format in ["frame", "plain"] {
            let dir = dir();
            let (root, outside) = (dir.path().join("store"), dir.path().join("outside"));
            let store = open(&root, &format!("format={format}"));
            store.set(b"a|b|c|1", Item::new(b"x").expires(1_000).tags(&["t"])).expect("sets");
            // One of the directories of the entry is elsewhere now, with the entry in it.
            let shard = entries(&root)[0].parent().expect("a shard").to_owned();
            let moved = shard.ancestors().nth(3 - level).expect("above").to_owned();
            fs::rename(&moved, &outside).expect("moves");
            symlink(&outside, &moved).expect("links");
            let before = files(&outside);
            let error = store.set(b"a|b|c|1", Item::new(b"y")).expect_err("it would lead out");
            assert!(error.is_unavailable() && error.to_string().contains("link"), "{error}");
            // Nobody may believe that it is gone as long as it can be read.
            assert_eq!(get(&store, "a|b|c|1").as_deref(), Some(&b"x"[..]));
            for (what, refused) in [
                ("remove", store.remove(b"a|b|c|1").map(drop)),
                ("remove_many", store.remove_many(&[b"a|b|c|1"]).map(drop)),
                ("update", store.update(b"a|b|c|1", &mut |_| Change::Remove)),
                ("remove_prefix of all", store.remove_prefix(b"").map(drop)),
                ("remove_prefix of a function", store.remove_prefix(b"a|").map(drop)),
                ("remove_prefix of a group", store.remove_prefix(b"a|b|c|").map(drop)),
                ("remove_tagged", store.remove_tagged(b"", &["t"]).map(drop)),
                ("purge", store.purge(u64::MAX).map(drop)),
                ("count", store.count(b"").map(drop)),
                ("scan", store.scan(b"", &mut |_, _| ControlFlow::Continue(()))),
            ] {
                let error = refused.expect_err(what);
                assert!(error.is_unavailable() && error.to_string().contains("link"), "{what}: {error}");
            }
            assert_eq!(files(&outside), before, "level {level}, {format}");
        }
    }
}

#[cfg(unix)]
#[test]
fn tags_behind_links_are_not_cleared_in_silence() {
    use std::os::unix::fs::symlink;
    for level in 1..=3 {
        let dir = dir();
        let (root, outside) = (dir.path().join("store"), dir.path().join("outside"));
        let store = open(&root, "");
        store.set(b"a|b|c|1", Item::new(b"x").tags(&["t"])).expect("sets");
        let marker = files(&root.join("tags")).remove(0);
        let moved = marker.ancestors().nth(4 - level).expect("above").to_owned();
        fs::rename(&moved, &outside).expect("moves");
        symlink(&outside, &moved).expect("links");
        let error = store.remove_tagged(b"", &["t"]).expect_err("the entry is still there");
        assert!(error.is_unavailable() && error.to_string().contains("link"), "level {level}: {error}");
        assert_eq!(get(&store, "a|b|c|1").as_deref(), Some(&b"x"[..]));
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_an_entry_is_not_followed() {
    use std::os::unix::fs::symlink;
    // The link goes, and what it leads to stays.
    let dir = dir();
    let (root, victim) = (dir.path().join("store"), dir.path().join("victim"));
    let store = open(&root, "");
    set(&store, "a|b", b"x");
    let path = &entries(&root)[0];
    fs::rename(path, &victim).expect("moves");
    symlink(&victim, path).expect("links");
    let before = fs::read(&victim).expect("reads");
    assert_eq!(get(&store, "a|b"), None);
    set(&store, "a|b", b"y");
    assert_eq!(get(&store, "a|b").as_deref(), Some(&b"y"[..]));
    assert_eq!(fs::read(&victim).expect("reads"), before);
    assert!(!path.symlink_metadata().expect("is there").is_symlink());
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_an_entry_blocks_nobody() {
    let dir = dir();
    let store = open(dir.path(), "");
    set(&store, "a|b", b"x");
    let path = entries(dir.path()).remove(0);
    fs::remove_file(&path).expect("removes");
    let made = Command::new("mkfifo").arg(&path).status();
    if !made.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return println!("not shown: there is no `mkfifo` here: {made:?}");
    }
    assert_eq!(get(&store, "a|b"), None);
    set(&store, "a|b", b"y");
    assert_eq!(get(&store, "a|b").as_deref(), Some(&b"y"[..]));
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    for locking in ["flock", "mkdir"] {
        let dir = dir();
        let root = dir.path().join("above/store");
        let store = open(&root, &format!("format=plain&locking={locking}"));
        store.set(b"a|b|c|d", Item::new(b"x").tags(&["t"])).expect("sets");
        set(&store, "a|b|c|d", b"y");
        let mode = |path: &Path| path.symlink_metadata().expect("is there").permissions().mode() & 0o777;
        let all = files(&dir.path().join("above"));
        assert!(all.len() >= 5, "{all:?}");
        for path in all {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            for above in path.ancestors().skip(1).take_while(|above| *above != dir.path()) {
                assert_eq!(mode(above), 0o700, "{}", above.display());
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_may_not_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let dir = dir();
    let store = open(dir.path(), "");
    set(&store, "a|b", b"x");
    let shard = entries(dir.path())[0].parent().expect("a shard").to_owned();
    fs::set_permissions(&shard, fs::Permissions::from_mode(0o000)).expect("changes");
    let binds = fs::read_dir(&shard).is_err();
    if binds {
        assert!(store.get(b"a|b").expect_err("may not be read").is_unavailable());
        assert!(store.set(b"a|b", Item::new(b"y")).expect_err("may not be written").is_unavailable());
        assert!(store.remove_prefix(b"").expect_err("may not be listed").is_unavailable());
    } else {
        println!("not shown: permissions don't bind this user");
    }
    fs::set_permissions(&shard, fs::Permissions::from_mode(0o700)).expect("changes");
    assert_eq!(get(&store, "a|b").as_deref(), Some(&b"x"[..]));
}
