//! Row 28; promise 10: processes that share a directory of files: updates, locks, and whose locks are broken.

use std::{
    fs,
    io::{self, BufRead},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::SystemTime,
};

use memo::backend::{Backend, Change, Files, Item};
use memo_tests::files::{self, files, get, my_task, open, set, with_extension};
use tempfile::TempDir;

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

/// Starts this program as another process. See `another_process`.
fn spawn(task: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    files::task(&mut command, task);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts")
}

/// Does what it is told if it is another process; as a test it does nothing.
#[test]
fn another_process() {
    let Some(task) = my_task() else { return };
    let store = open(Path::new(&task[1]), &task[2]);
    match &*task[0] {
        "add" => (0..ADDITIONS).for_each(|_| add_one(&store)),
        "hold" => {
            let hold = |_: Option<&[u8]>| {
                println!("holding");
                // Until it is killed, or told to go on.
                io::stdin().read_line(&mut String::new()).expect("reads");
                Change::Keep
            };
            store.update(b"f|sum", &mut |bytes| hold(bytes)).expect("updates");
        }
        other => panic!("no task: {other}"),
    }
}

const ADDITIONS: u32 = 300;

fn add_one(store: &Files) {
    let mut next = |bytes: Option<&[u8]>| {
        let sum: u32 = bytes.map_or(0, |bytes| String::from_utf8_lossy(bytes).parse().expect("a number"));
        Change::set((sum + 1).to_string().into_bytes())
    };
    store.update(b"f|sum", &mut next).expect("updates");
}

#[test]
fn two_processes_lose_no_update() {
    for locking in ["flock", "mkdir", "auto"] {
        for format in ["frame", "plain"] {
            let dir = dir();
            let params = format!("locking={locking}&format={format}");
            let mut child = spawn(&format!("add {} {params}", dir.path().display()));
            let store = open(dir.path(), &params);
            for _ in 0..ADDITIONS {
                add_one(&store);
                // Readers see whole numbers at all times.
                let read = get(&store, "f|sum").expect("is there");
                String::from_utf8(read).expect("text").parse::<u32>().expect("a number");
            }
            assert!(child.wait().expect("ends").success());
            let sum = get(&store, "f|sum").expect("is there");
            assert_eq!(String::from_utf8_lossy(&sum), (2 * ADDITIONS).to_string(), "{params}");
        }
    }
}

/// A process that holds the lock of `f|sum`, from the moment at which this returns.
fn holder(dir: &Path, params: &str) -> Child {
    let mut child = spawn(&format!("hold {} {params}", dir.display()));
    let out = io::BufReader::new(child.stdout.take().expect("piped"));
    let said = out.lines().map(|line| line.expect("reads")).any(|line| line.contains("holding"));
    assert!(said, "the process ended without a lock");
    child
}

#[test]
fn a_killed_holder_leaves_nothing_locked() {
    for locking in ["flock", "mkdir"] {
        let dir = dir();
        let params = format!("locking={locking}&wait=10s");
        let mut child = holder(dir.path(), &params);
        child.kill().expect("killed");
        child.wait().expect("ended");
        let store = open(dir.path(), &params);
        set(&store, "f|sum", b"1");
        assert_eq!(get(&store, "f|sum").as_deref(), Some(&b"1"[..]), "{locking}");
    }
}

#[test]
fn a_lock_of_a_living_process_is_never_broken_and_the_error_names_it() {
    let dir = dir();
    let mut child = holder(dir.path(), "locking=mkdir");
    // However long ago it says it took it.
    let owner = with_name(dir.path(), "owner");
    let text = fs::read_to_string(&owner).expect("reads");
    let time = text.lines().find(|line| line.starts_with("time ")).expect("has a time");
    fs::write(&owner, text.replace(time, "time 1000")).expect("writes");
    let store = open(dir.path(), "locking=mkdir&wait=50ms&poll=5ms&stale_after=1s");
    let error = store.set(b"f|sum", Item::new(b"x")).expect_err("it is locked");
    assert!(error.is_unavailable(), "{error}");
    assert!(error.to_string().contains(&format!("process {}", child.id())), "{error}");
    assert_eq!(get(&store, "f|sum"), None, "readers wait for nobody");
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn a_lock_of_another_machine_is_broken_when_it_is_stale() {
    let dir = dir();
    let mut child = holder(dir.path(), "locking=mkdir");
    let owner = with_name(dir.path(), "owner");
    let text = fs::read_to_string(&owner).expect("reads");
    child.kill().expect("killed");
    child.wait().expect("ended");
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).expect("is there").to_owned();
    let elsewhere = text.replace(&line("machine "), "machine elsewhere").replace(&line("host "), "host far-away");
    fs::write(&owner, &elsewhere).expect("writes");
    let store = open(dir.path(), "locking=mkdir&wait=50ms&poll=5ms");
    let error = store.set(b"f|sum", Item::new(b"x")).expect_err("it was taken lately");
    assert!(error.to_string().contains("`far-away`"), "{error}");
    let long_ago = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis() - 301_000;
    fs::write(&owner, elsewhere.replace(&line("time "), &format!("time {long_ago}"))).expect("writes");
    set(&store, "f|sum", b"x");
    assert_eq!(get(&store, "f|sum").as_deref(), Some(&b"x"[..]));
    assert_eq!(with_extension(dir.path(), "lock"), Vec::<PathBuf>::new());
}

fn with_name(dir: &Path, name: &str) -> PathBuf {
    let found = files(dir).into_iter().find(|path| path.file_name().is_some_and(|own| own == name));
    found.unwrap_or_else(|| panic!("no `{name}` in {}", dir.display()))
}
