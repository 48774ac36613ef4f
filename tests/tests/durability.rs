//! Rows 27-29, 43; promise 7: what is on the disk when a write returns, by store and setting, as the system calls show it.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use memo::{Cache, backend::Item};
use memo_tests::children::{command, part, say};

/// Plays the part that a test started this process for: does something in a store, between two lines.
#[test]
fn another_process() {
    let Some((part, arguments)) = part() else { return };
    let [what, place] = &arguments[..] else { panic!("no arguments: {arguments:?}") };
    match &*part {
        "store" => {
            let store = memo::backend(place).expect("opens");
            store.set(b"space|f|0|1", Item::new(b"the store is made")).expect("sets");
            say("begin");
            match &**what {
                "set" => store.set(b"space|f|1|1", Item::new(b"new").tags(&["tag"])).expect("sets"),
                "replace" => store.set(b"space|f|0|1", Item::new(b"another")).expect("sets"),
                "remove" => assert!(store.remove(b"space|f|0|1").expect("removes")),
                "flush" => store.flush().expect("flushes"),
                other => panic!("not known: {other}"),
            }
            say("end");
        }
        "snapshot" => {
            let users = Cache::<u64, String>::builder("users").build().expect("builds");
            users.set(7, "Ada".to_owned()).expect("sets");
            say("begin");
            users.save_to(place).expect("saves");
            say("end");
        }
        other => panic!("no part: {other}"),
    }
}

/// What the disk hears of, with the name of the file (not its directory) that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    /// The file's contents are on the disk.
    Synced(PathBuf),
    /// All of the file system is.
    AllSynced,
    /// A file takes a name.
    Renamed,
}

/// What the system was asked between the two lines; `None` if that can't be seen here.
fn heard(part: &str, what: &str, place: &str, dir: &Path) -> Option<Vec<Heard>> {
    let trace = dir.join("trace");
    let player = command(part, &[what, place]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "4096", "-e", "trace=write,fsync,fdatasync,msync,syncfs,/^rename", "-o"]);
    strace.arg(&trace).arg(player.get_program()).args(player.get_args());
    for (name, value) in player.get_envs() {
        strace.env(name, value.expect("it is set"));
    }
    let Ok(ended) = strace.stdin(Stdio::null()).output() else {
        println!("not shown: there is no `strace` here to see what the disk hears of");
        return None;
    };
    let said = String::from_utf8_lossy(&ended.stderr);
    if said.contains("ptrace") && said.contains("not permitted") {
        println!("not shown: no process can be watched here: {said}");
        return None;
    }
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stdout));
    let text = fs::read_to_string(trace).expect("it has written");
    let (_, after) = text.split_once("said begin").expect("it has begun");
    let (between, _) = after.split_once("said end").expect("it has ended");
    Some(between.lines().filter_map(call).collect())
}

/// What a line of the trace says: `1234 fsync(5</path>) = 0`.
fn call(line: &str) -> Option<Heard> {
    let (_, call) = line.split_once(' ')?;
    let (name, rest) = call.trim_start().split_once('(')?;
    match name {
        "fsync" | "fdatasync" => {
            let (_, path) = rest.split_once('<')?;
            let (path, result) = path.split_once('>')?;
            assert!(result.ends_with("= 0"), "it failed: {line}");
            Some(Heard::Synced(path.into()))
        }
        "msync" => Some(Heard::Synced("a map".into())),
        "syncfs" => Some(Heard::AllSynced),
        // A failed exchange is followed by a rename.
        _ if name.starts_with("rename") && rest.ends_with("= 0") => Some(Heard::Renamed),
        _ => None,
    }
}

/// What the disk hears of an action in a new store.
fn in_store(url: impl Fn(&str) -> String, what: &str) -> Option<Vec<Heard>> {
    let dir = tempfile::tempdir().expect("a directory");
    let url = url(dir.path().join("store").to_str().expect("a text"));
    heard("store", what, &url, dir.path())
}

/// The names of the files that are synchronised.
fn synced(heard: &[Heard]) -> Vec<&str> {
    let paths = heard.iter().filter_map(|heard| if let Heard::Synced(path) = heard { Some(path) } else { None });
    paths.filter_map(|path| path.file_name()?.to_str()).collect()
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == extension)
}

#[test]
fn sqlite() {
    for (synchronous, waits) in [("off", false), ("normal", false), ("full", true), ("extra", true)] {
        for what in ["set", "replace", "remove"] {
            let url = |path: &str| format!("sqlite://{path}?synchronous={synchronous}");
            let Some(heard) = in_store(url, what) else { return };
            let expected: &[&str] = if waits { &["store-wal"] } else { &[] };
            assert_eq!(synced(&heard), expected, "{what} with synchronous={synchronous}");
        }
    }
    let Some(heard) = in_store(|path| format!("sqlite://{path}"), "flush") else { return };
    assert_eq!(synced(&heard), ["store-wal", "store"], "the log, then the database");
}

#[test]
fn lmdb() {
    for (sync, waits) in [("off", false), ("meta", true), ("full", true)] {
        for what in ["set", "replace", "remove"] {
            let Some(heard) = in_store(|path| format!("lmdb://{path}?sync={sync}"), what) else { return };
            // With `full`, the page that makes them count is written through to the disk, without a call of its own.
            let expected: &[&str] = if waits { &["data.mdb"] } else { &[] };
            assert_eq!(synced(&heard), expected, "{what} with sync={sync}");
        }
        let Some(heard) = in_store(|path| format!("lmdb://{path}?sync={sync}"), "flush") else { return };
        assert_eq!(synced(&heard), ["data.mdb"], "flush with sync={sync}");
    }
}

#[test]
fn files_are_on_the_disk_before_they_have_their_names() {
    for format in ["frame", "plain"] {
        let url = |path: &str| format!("file://{path}?sync=true&format={format}");
        let Some(heard) = in_store(url, "replace") else { return };
        let renamed = heard.iter().position(|heard| *heard == Heard::Renamed).expect("it is replaced at once");
        let (before, after) = (synced(&heard[..renamed]), synced(&heard[renamed..]));
        assert!(before.last().is_some_and(|name| has_extension(name, "tmp")), "{heard:?}");
        assert_eq!(before.len(), if format == "plain" { 2 } else { 1 }, "the bare value, too: {heard:?}");
        assert!(after.last().is_some_and(|name| name.len() == 2), "then the directory of its shard: {heard:?}");
    }
}

#[test]
fn files_and_their_directories() {
    let Some(heard) = in_store(|path| format!("file://{path}?sync=true"), "set") else { return };
    let names = synced(&heard);
    let at = |wanted: &dyn Fn(&str) -> bool| names.iter().position(|name| wanted(name));
    let marker = at(&|name| name.starts_with("space-")).expect("the directory of the tag's marker");
    let entry = at(&|name| has_extension(name, "memo")).expect("the entry");
    let shard = names.iter().rposition(|name| name.len() == 2).expect("its directory");
    assert!(marker < entry && entry < shard, "{names:?}");
    let dirs = names.iter().filter(|name| ["store", "tags"].contains(name)).count();
    assert!(dirs >= 2, "directories that are new stand in those above: {names:?}");

    let Some(heard) = in_store(|path| format!("file://{path}?sync=true"), "remove") else { return };
    assert!(synced(&heard).iter().any(|name| name.len() == 2), "{heard:?}");
    for what in ["set", "replace", "remove"] {
        let Some(heard) = in_store(|path| format!("file://{path}"), what) else { return };
        assert_eq!(synced(&heard), [""; 0], "{what} waits for nothing unless it is asked to");
    }
    let Some(heard) = in_store(|path| format!("file://{path}"), "flush") else { return };
    assert_eq!(heard, [Heard::AllSynced]);
}

#[test]
fn a_snapshot_is_on_the_disk_before_it_has_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join("users.snapshot");
    let Some(heard) = heard("snapshot", "save", place.to_str().expect("a text"), dir.path()) else { return };
    let [Heard::Synced(temporary), Heard::Renamed, Heard::Synced(parent)] = &heard[..] else { panic!("{heard:?}") };
    assert!(temporary.extension().is_some_and(|extension| extension == "tmp"), "{temporary:?}");
    assert_eq!(parent, &dir.path().canonicalize().expect("is there"));
}
