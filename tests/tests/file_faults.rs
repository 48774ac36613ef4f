//! Rows 28, 41; promise 7: killed writers, full disks, flipped and cut bytes.

use std::{
    collections::HashMap,
    fs,
    hash::{BuildHasher, RandomState},
    io::{self, BufRead, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use memo::backend::{Backend, Files, Item};
use memo_tests::files::{entries, files, get, my_task, open, set, task, url};
use tempfile::TempDir;

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}
/// Does what it is told if it is another process; as a test it does nothing.
#[test]
fn another_process() {
    let Some(words) = my_task() else { return };
    let store = open(Path::new(&words[1]), &words[2]);
    match &*words[0] {
        "write" => write_until_killed(&store, words[3].parse().expect("a number")),
        "fill" => fill(&store, Path::new(&words[1])),
        other => panic!("no task: {other}"),
    }
}

const KEYS: u64 = 8;

fn key_of(sequence: u64) -> String {
    format!("space|f|{}|1", sequence % KEYS)
}

/// Bytes that tell which they are, and whether they are whole.
fn value_of(sequence: u64) -> Vec<u8> {
    let len = usize::try_from(sequence * 7919 % 9_000).expect("short");
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
            task(&mut command, &format!("write {} {params} {next}", dir.path().display()));
            let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
            let mut lines = io::BufReader::new(child.stdout.take().expect("piped")).lines();
            let set = lines.by_ref().map(|line| line.expect("reads")).find(|line| line.starts_with("set "));
            // Reads while it writes, for as long as chance has it, then kills it.
            for _ in 0..random(150) {
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
        task(&mut command, &format!("fill {} {params}", dir.path().display()));
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
