//! Rows 28, 41, 42; promises 6, 7: what happens to files from outside: killed writers, full disks, flipped and cut bytes,
//! files of others, links.

use std::{
    collections::HashMap,
    fs,
    hash::{BuildHasher, RandomState},
    io::{self, BufRead, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use memo::backend::{Backend, Files, Item, Url};
use tempfile::TempDir;

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

fn url(dir: &Path, params: &str) -> Url {
    Url::parse(&format!("file://{}?{params}", dir.display())).expect("a valid URL")
}

fn open(dir: &Path, params: &str) -> Files {
    Files::open(&url(dir, params)).expect("opens")
}

fn set(store: &Files, key: &str, bytes: &[u8]) {
    store.set(key.as_bytes(), Item::new(bytes)).expect("sets");
}

fn get(store: &Files, key: &str) -> Option<Vec<u8>> {
    store.get(key.as_bytes()).expect("reads")
}

/// All files below a directory; links are not followed.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.expect("can be listed").path();
        if path.symlink_metadata().expect("is there").is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The files of entries; those of markers have the same names, elsewhere.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found = files(&dir.join("entries"));
    found.retain(|path| path.extension().is_some_and(|own| own == "memo"));
    found
}

fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

// Processes. Each is this program, told by its environment what to do instead of testing.

const TASK: &str = "MEMO_FILE_FAULTS_TASK";

fn program(command: &mut Command, task: &str) {
    command.args(["--exact", "another_process", "--nocapture"]).env(TASK, task).stdout(Stdio::piped());
}

/// Does what it is told if it is another process; as a test it does nothing.
#[test]
fn another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let parts: Vec<&str> = task.split_whitespace().collect();
    let store = open(Path::new(parts[1]), parts[2]);
    match parts[0] {
        "write" => write_until_killed(&store, parts[3].parse().expect("a number")),
        "fill" => fill(&store, Path::new(parts[1])),
        other => panic!("no task: {other}"),
    }
}

const KEYS: u64 = 8;

fn key_of(sequence: u64) -> String {
    format!("space|f|{}|1", sequence % KEYS)
}

/// Bytes that tell which they are, and whether they are whole.
fn value_of(sequence: u64) -> Vec<u8> {
    let len = usize::try_from(sequence * 7919 % 20_000).expect("short");
    let mut bytes = sequence.to_le_bytes().to_vec();
    bytes.extend((0..len).map(|at| sequence.wrapping_mul(31).wrapping_add(at as u64).to_le_bytes()[0]));
    bytes
}

fn sequence_of(bytes: &[u8]) -> u64 {
    let sequence = bytes.first_chunk().map(|first| u64::from_le_bytes(*first)).expect("has a number");
    assert!(bytes == value_of(sequence), "a value is one that was set, whole");
    sequence
}

fn write_until_killed(store: &Files, from: u64) {
    let mut out = io::stdout();
    for sequence in from.. {
        let tag = format!("t{}", sequence % 3);
        let bytes = value_of(sequence);
        store.set(key_of(sequence).as_bytes(), Item::new(&bytes).tags(&["all", &tag])).expect("sets");
        writeln!(out, "\nset {sequence}").expect("says so");
    }
}

#[test]
fn killed_writers_leave_whole_values_and_lose_nothing_that_was_acknowledged() {
    const KILLS: u64 = 200;
    let methods: Vec<(&str, &str)> =
        ["flock", "mkdir", "none"].iter().flat_map(|locking| [(*locking, "frame"), (*locking, "plain")]).collect();
    let mut told = 0;
    for (locking, format) in &methods {
        let dir = dir();
        let params = format!("locking={locking}&format={format}");
        let store = open(dir.path(), &params);
        let mut acknowledged: HashMap<String, u64> = HashMap::new();
        let mut next = 1;
        for _ in 0..=KILLS / methods.len() as u64 {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            program(&mut command, &format!("write {} {params} {next}", dir.path().display()));
            let mut child = command.spawn().expect("starts");
            let mut lines = io::BufReader::new(child.stdout.take().expect("piped")).lines();
            let set = lines.by_ref().map(|line| line.expect("reads")).find(|line| line.starts_with("set "));
            // Reads while it writes, for as long as chance has it, then kills it.
            for _ in 0..random(400) {
                if let Some(bytes) = get(&store, &key_of(random(KEYS))) {
                    sequence_of(&bytes);
                }
            }
            child.kill().expect("killed");
            child.wait().expect("ended");
            // The last line may be cut off.
            let said: Vec<u64> = set
                .into_iter()
                .chain(lines.map_while(Result::ok))
                .filter_map(|line| line.strip_prefix("set ")?.parse().ok())
                .collect();
            told += said.len();
            acknowledged.extend(said.iter().map(|sequence| (key_of(*sequence), *sequence)));
            for (key, at_least) in &acknowledged {
                let bytes = get(&store, key).unwrap_or_else(|| panic!("{params}: {key} was set, and is gone"));
                let found = sequence_of(&bytes);
                assert!(found >= *at_least, "{params}: {key} was set to {at_least}, and is {found}");
                next = next.max(found + 1);
            }
        }
        let there = store.count(b"").expect("counts");
        assert!(there >= acknowledged.len() as u64);
        let removed: u64 = (0..3).map(|n| store.remove_tagged(b"", &["all", &format!("t{n}")]).expect("removes")).sum();
        assert!(removed >= acknowledged.len() as u64, "{params}: every entry is found by its tags");
        store.purge(0).expect("purges");
        assert_eq!(store.count(b"").expect("counts"), 0, "{params}");
    }
    println!("{} kills, {told} acknowledged writes", (KILLS / methods.len() as u64 + 1) * methods.len() as u64);
}

/// What a store holds, as others see it.
const KNOWN: [(&str, &[u8]); 3] = [("space|f|1|1", b"one"), ("space|f|2|1", b""), ("other|key", b"another value")];

fn known_store(dir: &Path, format: &str) -> Files {
    let store = open(dir, &format!("format={format}"));
    for (key, bytes) in KNOWN {
        store.set(key.as_bytes(), Item::new(bytes).expires(4_000_000_000_000).tags(&["tag"])).expect("sets");
    }
    store
}

/// Whatever happened to the files: what is read was set.
fn assert_truthful(dir: &Path, damage: &str) {
    let store = match Files::open(&url(dir, "")) {
        Ok(store) => store,
        Err(error) => return assert!(error.is_corrupt() || error.is_config(), "{damage}: {error}"),
    };
    for (key, bytes) in KNOWN {
        let found = get(&store, key);
        assert!(found.is_none() || found.as_deref() == Some(bytes), "{damage}: `{key}` is {found:?}");
    }
    let mut visit = |key: &[u8], bytes: &[u8]| {
        assert!(KNOWN.contains(&(&String::from_utf8_lossy(key), bytes)), "{damage}: a scan shows {key:?}, {bytes:?}");
        ControlFlow::Continue(())
    };
    store.scan(b"", &mut visit).expect("scans");
    store.count(b"space|f|1|").expect("counts");
}

#[test]
fn a_flipped_byte_is_a_miss() {
    for format in ["frame", "plain"] {
        let dir = dir();
        known_store(dir.path(), format);
        let (mut flipped, mut missed) = (0, 0);
        for path in files(dir.path()) {
            let whole = fs::read(&path).expect("reads");
            for at in 0..whole.len() {
                for mask in [0xff, 1] {
                    let mut damaged = whole.clone();
                    damaged[at] ^= mask;
                    fs::write(&path, &damaged).expect("writes");
                    assert_truthful(dir.path(), &format!("{format}, {} byte {at}", path.display()));
                    flipped += 1;
                    if path.to_string_lossy().contains("/entries/") {
                        let store = open(dir.path(), "");
                        missed += 1;
                        let found = KNOWN.iter().filter(|(key, _)| get(&store, key).is_some()).count();
                        assert_eq!(found, KNOWN.len() - 1, "{}: byte {at} is covered", path.display());
                    }
                }
            }
            fs::write(&path, whole).expect("writes");
        }
        println!("{format}: {flipped} flips, {missed} of them in entries");
        assert!(missed > 400);
    }
}

#[test]
fn a_file_that_was_cut_off_or_grew_is_a_miss_and_is_replaced() {
    for format in ["frame", "plain"] {
        let dir = dir();
        let store = known_store(dir.path(), format);
        for path in files(&dir.path().join("entries")) {
            let whole = fs::read(&path).expect("reads");
            for len in 0..whole.len() {
                fs::write(&path, &whole[..len]).expect("writes");
                assert_truthful(dir.path(), &format!("{format}, {} cut to {len}", path.display()));
            }
            fs::write(&path, [&whole[..], b"x"].concat()).expect("writes");
            assert_truthful(dir.path(), "one byte more");
        }
        for (key, bytes) in KNOWN {
            assert_eq!(get(&store, key), None, "all have grown");
            store.set(key.as_bytes(), Item::new(bytes)).expect("sets");
            assert_eq!(get(&store, key).as_deref(), Some(bytes));
        }
    }
}

#[test]
fn large_entries_and_long_headers_are_read_whole() {
    for format in ["frame", "plain"] {
        let dir = dir();
        let store = open(dir.path(), &format!("format={format}"));
        let tags: Vec<String> = (0..500).map(|n| format!("a rather long tag {n}")).collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        for len in [0, 1, 3900, 4000, 4096, 4097, 100_000] {
            for key in ["short|key", &format!("long|{}", "k".repeat(5000))] {
                let bytes: Vec<u8> = (0..len).map(|at: u32| at.to_le_bytes()[0]).collect();
                let tags = if len == 1 { &tags[..] } else { &[] };
                store.set(key.as_bytes(), Item::new(&bytes).tags(tags)).expect("sets");
                assert!(get(&store, key).as_deref() == Some(&bytes[..]), "{format}: {len} bytes under {}", key.len());
                for path in entries(dir.path()) {
                    let whole = fs::read(&path).expect("reads");
                    fs::write(&path, &whole[..whole.len() - 1]).expect("writes");
                    assert_eq!(get(&store, key), None, "{format}: {len} bytes, the last one lost");
                    fs::write(&path, whole).expect("writes");
                }
                assert!(store.remove(key.as_bytes()).expect("removes"));
            }
        }
    }
}

#[test]
fn torn_files_leave_with_a_purge() {
    let dir = dir();
    let store = known_store(dir.path(), "frame");
    fs::write(&entries(dir.path())[0], b"").expect("writes");
    assert_eq!(store.count(b"").expect("counts"), 3, "a count of everything counts files");
    assert_eq!(store.purge(0).expect("purges"), 0, "it was no entry");
    assert_eq!(store.count(b"").expect("counts"), 2);
    fs::write(&entries(dir.path())[0], b"memofile").expect("writes");
    assert_eq!(store.remove_prefix(b"").expect("removes"), 1);
    assert_eq!(entries(dir.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_file_of_another_key_is_a_miss() {
    let dir = dir();
    let store = open(dir.path(), "");
    set(&store, "a|1", b"first");
    let first = entries(dir.path());
    set(&store, "a|2", b"second");
    let second = entries(dir.path()).into_iter().find(|path| !first.contains(path)).expect("written");
    // As if the hashes were the same.
    fs::copy(&first[0], &second).expect("copies");
    assert_eq!(get(&store, "a|2"), None);
    assert!(!store.remove(b"a|2").expect("removes"), "another's entry is not removed");
    assert_eq!(store.remove_prefix(b"a|2|").expect("removes"), 0);
    assert!(second.exists());
}

#[test]
fn foreign_files_are_never_touched() {
    for locking in ["flock", "mkdir", "none"] {
        let dir = dir();
        let root = dir.path();
        fs::write(root.join("thesis.txt"), "before the store").expect("writes");
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
        let read = || foreign.iter().map(|path| fs::read(path).ok()).collect::<Vec<_>>();
        let before = read();
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
        assert_eq!(read(), before, "{locking}");
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
fn links_are_not_followed() {
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
            assert!(!store.remove(b"a|b|c|1").expect("removes nothing"));
            assert_eq!(store.remove_prefix(b"").expect("removes nothing"), 0);
            assert_eq!(store.remove_prefix(b"a|b|c|").expect("removes nothing"), 0);
            store.remove_tagged(b"", &["t"]).expect("removes nothing");
            store.purge(u64::MAX).expect("removes nothing");
            assert_eq!(files(&outside), before, "level {level}, {format}");
        }
    }
    // In the place of an entry, the link goes, and what it leads to stays.
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
    fs::set_permissions(&shard, fs::Permissions::from_mode(0)).expect("changes");
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

/// In a process whose directory has room for a few entries only.
fn fill(store: &Files, dir: &Path) {
    let value = |id: usize| vec![id.to_le_bytes()[0]; 10_000];
    let key = |id: usize| format!("f|i|{id}|1");
    let mut id = 0;
    let error = loop {
        match store.set(key(id).as_bytes(), Item::new(&value(id)).tags(&["t"])) {
            Ok(()) => id += 1,
            Err(error) => break error,
        }
        assert!(id < 1000, "the disk was never full");
    };
    assert!(error.is_unavailable(), "{error}");
    assert_eq!(get(store, &key(id)), None, "what was not stored is absent");
    // Replacing needs room for a moment.
    let error = store.set(key(0).as_bytes(), Item::new(&value(77))).expect_err("still full");
    assert!(error.is_unavailable(), "{error}");
    for id in 0..id {
        assert_eq!(get(store, &key(id)), Some(value(id)), "what was acknowledged is there");
    }
    let left: Vec<_> = files(dir).into_iter().filter(|path| path.extension().is_some_and(|own| own == "tmp")).collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "nothing is left of what failed");
    assert!(store.remove(key(1).as_bytes()).expect("a full disk can be emptied"));
    assert!(store.remove(key(2).as_bytes()).expect("a full disk can be emptied"));
    set(store, &key(0), &value(77));
    assert_eq!(get(store, &key(0)), Some(value(77)));
    assert_eq!(store.remove_tagged(b"", &["t"]).expect("removes"), id as u64 - 3);
    println!("\nfilled with {id}");
}

#[test]
fn a_full_disk_fails_the_write_and_nothing_else() {
    for params in ["locking=flock", "locking=mkdir", "format=plain"] {
        let dir = dir();
        let mut command = Command::new("unshare");
        let script = r#"mount -t tmpfs -o size=256k,nr_inodes=500 none "$0" && echo mounted && exec "$@""#;
        command.args(["-rm", "sh", "-c", script]).arg(dir.path()).arg(std::env::current_exe().expect("this program"));
        program(&mut command, &format!("fill {} {params}", dir.path().display()));
        let Ok(ended) = command.stderr(Stdio::piped()).output() else {
            return println!("not shown: there is no `unshare` here to mount a small disk with");
        };
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        if !out.contains("mounted") {
            return println!("not shown: no small disk can be mounted here: {err}");
        }
        assert!(ended.status.success() && out.contains("filled with"), "{params}:\n{out}{err}");
    }
}
