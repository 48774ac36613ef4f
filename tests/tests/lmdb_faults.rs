//! Rows 29, 30, 41, 42; promises 5, 7: killed processes, damaged and foreign files, full disks under stores in LMDB.

use std::{
    collections::BTreeMap,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
    sync::{Barrier, mpsc},
    thread,
};

use children::{Player, command, part, say, wait_for_line};
use heed::{CommitOrAbort, Database, EnvOpenOptions, types::Bytes};
use memo::{
    Error,
    backend::{Backend, Item, Lmdb, Url},
};

mod children;

fn try_open(url: &str) -> Result<Lmdb, Error> {
    Lmdb::open(&Url::parse(url).expect(url))
}

fn open(url: &str) -> Lmdb {
    try_open(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn url(dir: &Path, query: &str) -> String {
    format!("lmdb://{}{query}", dir.display())
}

fn new_dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory can be created")
}

fn data(dir: &Path) -> PathBuf {
    dir.join("data.mdb")
}

/// What is stored under a number: one can tell whether it is whole. Some fill pages of their own.
fn bytes_of(number: u64) -> Vec<u8> {
    number.to_be_bytes().repeat(if number.is_multiple_of(16) { 1000 } else { 3 + number as usize % 20 })
}

fn is_whole(number: u64, bytes: Option<&[u8]>) -> bool {
    bytes == Some(&bytes_of(number))
}

/// Plays the part that a test started this process for.
#[test]
fn another_process() {
    let Some((part, arguments)) = part() else { return };
    match &*part {
        "writes" => writes(&open(&arguments[0]), arguments[1].parse().expect("a number")),
        "reads in many threads" => reads_in_many_threads(&arguments[0]),
        "holds a snapshot" => {
            in_environment(Path::new(&arguments[0]), |env, _| {
                let _txn = env.read_txn().expect("it can be read");
                say("holds it");
                wait_for_line();
            });
        }
        "damages" => damages(&arguments),
        "fills" => fills(&arguments[0]),
        "grows" => {
            let store = open(&arguments[0]);
            let error = (0..4000_u64).find_map(|n| store.set(&n.to_be_bytes(), Item::new(&vec![1; 1 << 18])).err());
            assert!(error.expect("it can't grow on").is_unavailable());
            assert!(store.get(b"k").is_err_and(|error| error.is_unavailable()));
        }
        other => panic!("no part: {other}"),
    }
}

/// Writes entries from a number on, two of each number in one batch, and says which are acknowledged.
fn writes(store: &Lmdb, first: u64) {
    for number in first.. {
        let (one, two) = (number.to_be_bytes(), [&number.to_be_bytes()[..], b"|twin"].concat());
        let bytes = bytes_of(number);
        let item = Item::new(&bytes).expires(number).tags(&["tag"]);
        store.set_many(&[(&one, item), (&two, item)]).expect("they can be set");
        store.set(b"last", Item::new(&one)).expect("it can be set");
        say(&number.to_string());
        if number.is_multiple_of(10) {
            store.remove(&(number - 5).to_be_bytes()).expect("it can be removed");
        }
    }
}

/// Kills a writer again and again; everything that it has acknowledged must be there, and nothing be locked.
fn killed_writers(url: &str, rounds: u64) {
    let mut store = Some(open(url));
    let mut next: u64 = 0;
    for round in 0..rounds {
        let mut writer = Player::start("writes", &[url, &next.to_string()]);
        let mut acknowledged: u64 = next;
        // Moments that are spread over what a writer does.
        for _ in 0..=round * 7 % 13 {
            acknowledged = writer.line().expect("it writes on").parse().expect("a number");
        }
        (0..round * 7919 % 200 * 100).for_each(|n| {
            std::hint::black_box(n);
        });
        writer.kill();
        while let Some(line) = writer.line() {
            acknowledged = line.parse().expect("a number");
        }
        if round.is_multiple_of(4) {
            // Nobody else has it open then: locks are set up anew.
            store = None;
        }
        let store = &*store.get_or_insert_with(|| open(url));
        for number in next..=acknowledged + 1 {
            let one = store.get(&number.to_be_bytes()).expect("it can be read");
            let two = store.get(&[&number.to_be_bytes()[..], b"|twin"].concat()).expect("it can be read");
            let removed = number % 10 == 5 && number < acknowledged;
            assert!(is_whole(number, two.as_deref()) || number > acknowledged, "{number} was acknowledged");
            assert!(one == two || (one.is_none() && (removed || number % 10 == 5)), "{number} and its twin");
        }
        store.set(b"here", Item::new(b"x")).expect("nothing is locked");
        next = acknowledged + 2;
    }
    let store = &*store.get_or_insert_with(|| open(url));
    let mut shown = 0;
    let mut visit = |key: &[u8], bytes: &[u8]| {
        if let Some(number) = key.first_chunk().filter(|_| key.len() >= 8) {
            assert!(is_whole(u64::from_be_bytes(*number), Some(bytes)));
            shown += 1;
        }
        ControlFlow::Continue(())
    };
    store.scan(b"", &mut visit).expect("it can be read");
    assert_eq!(store.remove_tagged(b"", &["tag"]).expect("indexes are in step"), shown);
}

#[test]
fn killed_writers_lose_nothing_and_lock_nothing() {
    let dir = new_dir();
    killed_writers(&url(dir.path(), "?sync=off&map_size=64KiB"), 200);
}

#[test]
fn killed_writers_that_wait_for_the_disk_lose_nothing() {
    let dir = new_dir();
    killed_writers(&url(dir.path(), ""), 10);
}

/// Lets a test act on an environment as other users of LMDB do.
fn in_environment(dir: &Path, act: impl FnOnce(&heed::Env, Database<'static, Bytes, Bytes>)) {
    let mut options = EnvOpenOptions::new();
    options.map_size(1 << 30);
    #[expect(unsafe_code, reason = "heed asks for it; the directory is the test's own")]
    // SAFETY: nobody changes the file but through LMDB.
    let env = unsafe { options.open(dir) }.expect("it can be opened");
    let txn = env.read_txn().expect("it can be read");
    let database = env.open_databases_and_commit(txn, |opener, txn| {
        opener.open_database::<Bytes, Bytes>(txn, None).map(CommitOrAbort::<_, ()>::Commit)
    });
    let database: Result<_, heed::Error> = database;
    act(&env, database.expect("it can be read").unwrap_commit().expect("it has a main database"));
}

fn put(dir: &Path, key: &[u8], value: &[u8]) {
    in_environment(dir, |env, database| {
        let mut txn = env.write_txn().expect("it can be written");
        database.put(&mut txn, key, value).expect("it can be written");
        txn.commit().expect("it can be written");
    });
}

#[test]
fn killed_readers_do_not_make_the_file_grow() {
    let dir = new_dir();
    let store = open(&url(dir.path(), "?sync=off"));
    let overwrite = |times: u32| {
        for n in 0..times {
            store.set(b"key", Item::new(&n.to_be_bytes())).expect("it can be set");
        }
    };
    overwrite(10);
    for _ in 0..3 {
        let mut reader = Player::start("holds a snapshot", &[&dir.path().to_string_lossy()]);
        reader.line().expect("it holds it");
        overwrite(10);
        reader.kill();
        overwrite(3000);
    }
    // Each of them makes three or four pages anew: together more than 100 MiB if none were used again.
    let length = fs::metadata(data(dir.path())).expect("it is there").len();
    assert!(length < 8 << 20, "a file of {length} bytes");
}

/// Reads in as many threads as there are slots, which keep them.
fn reads_in_many_threads(url: &str) {
    let store = open(url);
    let (done, has_read) = mpsc::channel();
    for _ in 0..500 {
        let (store, done) = (store.clone(), done.clone());
        thread::spawn(move || {
            done.send(store.get(b"key").err()).expect("somebody waits");
            loop {
                thread::park();
            }
        });
        if let Some(error) = has_read.recv().expect("it has read") {
            assert!(error.is_unavailable() && error.to_string().contains("max_readers"), "{error}");
            say("full");
            wait_for_line();
        }
    }
}

#[test]
fn slots_of_killed_readers_are_used_again() {
    let dir = new_dir();
    let url = url(dir.path(), "?sync=off&max_readers=8");
    let store = open(&url);
    for _ in 0..2 {
        let mut readers = Player::start("reads in many threads", &[&url]);
        assert_eq!(readers.line().as_deref(), Some("full"));
        let in_new_thread = || thread::scope(|scope| scope.spawn(|| store.get(b"key")).join().expect("no panic"));
        let error = in_new_thread().expect_err("there is no slot");
        assert!(error.is_unavailable() && error.to_string().contains("max_readers"), "{error}");
        store.set(b"key", Item::new(b"x")).expect("writers need none");
        readers.kill();
        in_new_thread().expect("the slots are free");
    }
}

#[test]
fn a_newer_layout_is_refused_and_stays_as_it_is() {
    let dir = new_dir();
    drop(open(&url(dir.path(), "")));
    put(dir.path(), b"mlayout", &2_u32.to_le_bytes());
    refused(dir.path(), Error::is_config, "layout 2");
    put(dir.path(), b"mlayout", b"what?");
    refused(dir.path(), Error::is_config, "none of memo's");
}

#[test]
fn an_environment_of_something_else_is_refused_and_stays_as_it_is() {
    let dir = new_dir();
    put(dir.path(), b"theirs", b"value");
    refused(dir.path(), Error::is_config, "none of memo's");
}

#[test]
fn files_that_are_none_of_lmdb_are_refused_and_stay_as_they_are() {
    for content in [&b"x"[..], b"a database of another kind\n", &[0; 4096], &[0; 100_000], &[0xff; 8192]] {
        let dir = new_dir();
        fs::write(data(dir.path()), content).expect("it can be written");
        refused(dir.path(), Error::is_corrupt, "data.mdb");
    }
    let dir = new_dir();
    fs::create_dir(data(dir.path())).expect("it can be created");
    let error = try_open(&url(dir.path(), "")).expect_err("it is no file");
    assert!(error.is_unavailable(), "{error}");
    let file = dir.path().join("file");
    fs::write(&file, b"no directory").expect("it can be written");
    let error = try_open(&url(&file, "")).expect_err("it is no directory");
    assert!(error.is_unavailable(), "{error}");
    // What is empty can lose nothing.
    let dir = new_dir();
    fs::write(data(dir.path()), b"").expect("it can be written");
    open(&url(dir.path(), "")).set(b"key", Item::new(b"x")).expect("it is a new store");
}

fn refused(dir: &Path, kind: impl Fn(&Error) -> bool, said: &str) {
    let before = fs::read(data(dir)).expect("it can be read");
    let error = try_open(&url(dir, "")).expect_err("it is not ours");
    assert!(kind(&error) && error.to_string().contains(said), "{error:?}");
    assert!(fs::read(data(dir)).expect("it can be read") == before, "the file is as it was");
}

/// A small store with everything in it: entries in pages of their own, indexes, a branch, free pages.
fn small_store(dir: &Path) {
    let store = open(&url(dir, "?sync=off"));
    let bytes: Vec<_> = NUMBERS.map(bytes_of).collect();
    let keys: Vec<_> = NUMBERS.map(u64::to_be_bytes).collect();
    let item = |at: usize| Item::new(&bytes[at]).expires(at as u64).tags(&["tag"]);
    let items: Vec<(&[u8], Item<'_>)> = keys.iter().enumerate().map(|(at, key)| (&key[..], item(at))).collect();
    store.set_many(&items).expect("they can be set");
    store.set(&[b'k'; 600], Item::new(b"x")).expect("it can be set");
    store.remove(&keys[2]).expect("it can be removed");
}

const NUMBERS: std::ops::Range<u64> = 15..40;

/// Damages copies of a store, opens them and does all that can be done. Arguments: the store, a directory to work in,
/// how (`cut`, `flip`), at which bytes (first, step, end). Says where it is, so that its parent knows if it dies, and
/// what came of it.
fn damages(arguments: &[String]) {
    let [from, work, how, range @ ..] = arguments else { panic!("arguments: {arguments:?}") };
    let [first, step, end] = [0, 1, 2].map(|at: usize| range[at].parse::<usize>().expect("a number"));
    let whole = fs::read(data(Path::new(from))).expect("it can be read");
    let work = Path::new(work);
    for at in (first..end).step_by(step) {
        say(&format!("at {at}"));
        let mut bytes = whole.clone();
        match &**how {
            "cut" => bytes.truncate(at),
            _ => bytes[at] ^= 1 << (at % 8),
        }
        fs::create_dir_all(work).expect("it can be created");
        fs::write(data(work), bytes).expect("it can be written");
        say(&use_all(work));
        fs::remove_dir_all(work).expect("it can be removed");
    }
}

/// Uses everything that a damaged store has, and says how that went.
fn use_all(dir: &Path) -> String {
    let store = match try_open(&url(dir, "?sync=off")) {
        Err(error) if error.is_corrupt() => return "refused".to_owned(),
        // The version of the layout is hit, or its key.
        Err(error) if error.is_config() => return "refused".to_owned(),
        Err(error) => return format!("refused, but: {error:?}"),
        Ok(store) => store,
    };
    let mut wrong = 0;
    for number in NUMBERS {
        if let Ok(Some(bytes)) = store.get(&number.to_be_bytes()) {
            wrong += usize::from(!is_whole(number, Some(&bytes)));
        }
    }
    let results = [
        store.scan(b"", &mut |_, _| ControlFlow::Continue(())),
        store.count(b"").map(drop),
        store.set(&25_u64.to_be_bytes(), Item::new(&[1; 5000]).tags(&["tag"])),
        store.remove(&26_u64.to_be_bytes()).map(drop),
        store.remove_tagged(&[0, 0], &["tag"]).map(drop),
        store.purge(20).map(drop),
        store.set(b"new", Item::new(b"x")),
        store.remove_prefix(b"").map(drop),
        store.set(b"new", Item::new(b"y")),
    ];
    match results.into_iter().find_map(Result::err) {
        Some(error) if !error.is_corrupt() => format!("fails, but: {error:?}"),
        Some(_) => "fails".to_owned(),
        None if wrong > 0 => "changed values".to_owned(),
        None => "works".to_owned(),
    }
}

/// What came of damages, by their number; fails if a process died of one.
fn outcomes(from: &Path, how: &str, (first, step, end): (usize, usize, usize)) -> BTreeMap<String, usize> {
    let (mut outcomes, mut deaths) = (BTreeMap::new(), Vec::new());
    // Not on a disk, which would take most of the time.
    let work = tempfile::tempdir_in("/dev/shm").expect("a directory can be created");
    let mut at = first;
    while at < end {
        let arguments = [at, step, end].map(|number| number.to_string());
        let (from, work) = (from.to_string_lossy(), work.path().join("work"));
        let work = work.to_string_lossy();
        let mut child = Player::start("damages", &[&from, &work, how, &arguments[0], &arguments[1], &arguments[2]]);
        let mut last = None;
        while let Some(line) = child.line() {
            match line.strip_prefix("at ") {
                Some(number) => last = number.parse().ok(),
                None => {
                    *outcomes.entry(line).or_default() += 1;
                    at = last.expect("it said where") + step;
                }
            }
        }
        if !child.ends_well() {
            deaths.push(last);
            at = last.unwrap_or(at) + step;
        }
    }
    assert!(deaths.is_empty(), "{how}: {} processes died, at {:?}; {outcomes:?}", deaths.len(), deaths);
    println!("{how}: {outcomes:?}");
    outcomes
}

#[test]
fn cut_files_end_no_process() {
    let dir = new_dir();
    small_store(dir.path());
    let length = fs::metadata(data(dir.path())).expect("it is there").len() as usize;
    let outcomes = outcomes(dir.path(), "cut", (0, 61, length));
    assert!(outcomes["refused"] > 100, "what is missing is noticed: {outcomes:?}");
    assert!(!outcomes.keys().any(|outcome| outcome.contains("but")), "{outcomes:?}");
}

#[test]
fn changed_bits_end_no_process() {
    let dir = new_dir();
    small_store(dir.path());
    let length = fs::metadata(data(dir.path())).expect("it is there").len() as usize;
    let outcomes = outcomes(dir.path(), "flip", (0, STEP, length));
    assert!(outcomes["refused"] > 10 && outcomes["works"] > 10, "{outcomes:?}");
    assert!(!outcomes.keys().any(|outcome| outcome.contains("but")), "{outcomes:?}");
}

/// Of so many bytes one is hit, each time another bit: all would take a minute.
const STEP: usize = 7;

/// Fills the store until something refuses.
fn fills(url: &str) {
    let store = open(url);
    let bytes = vec![1; 10_000];
    let error = (0..100_000_u64).find_map(|number| store.set(&number.to_be_bytes(), Item::new(&bytes)).err());
    let error = error.expect("it is full at some time");
    assert!(error.is_unavailable(), "{error:?}");
    assert_eq!(store.get(&0_u64.to_be_bytes()).expect("it can be read"), Some(bytes.clone()), "what is there stays");
    // Slots of readers are memory, too: there must be some for new threads.
    let all = Barrier::new(200);
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| {
                let read = store.get(&1_u64.to_be_bytes());
                all.wait();
                assert!(read.expect("it can be read").as_ref() == Some(&bytes));
            });
        }
    });
    let count = store.count(b"").expect("it can be read");
    assert!(count > 50, "only {count} fitted in");
    assert!(store.remove(&0_u64.to_be_bytes()).expect("it can be removed"));
    store.set(&0_u64.to_be_bytes(), Item::new(b"small")).expect("there is room again");
    assert_eq!(store.remove_prefix(b"").expect("it can be emptied"), count);
    for number in 0..count / 2 {
        store.set(&number.to_be_bytes(), Item::new(&bytes)).expect("there is room again");
    }
    drop(store);
    assert_eq!(open(url).count(b"").expect("it can be read"), count / 2);
}

/// Runs a part where `mount` has been done, in namespaces of its own; `None` where that is not allowed.
fn mounted(mount: &str, part: &str, arguments: &[&str]) -> Option<Player> {
    let allowed = Command::new("unshare").args(["-rm", "sh", "-c", mount]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("not run: a file system can't be mounted in a namespace of its own here");
        return None;
    }
    let inner = command(part, arguments);
    let mut outer = Command::new("unshare");
    outer.args(["-rm", "sh", "-c", &format!("{mount} && exec \"$@\""), "sh"]);
    outer.arg(inner.get_program()).args(inner.get_args());
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(Player::of(outer))
}

#[test]
fn full_shared_memory_is_an_error() {
    for query in ["", "?max_map_size=1GiB"] {
        let mount = "mount -t tmpfs -o size=2M tmpfs /dev/shm";
        let Some(player) = mounted(mount, "fills", &[&format!("shm://full{query}")]) else { return };
        assert!(player.ends_well(), "{query}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let dir = new_dir();
    let mount = format!("mount -t tmpfs -o size=2M tmpfs {}", dir.path().display());
    let Some(player) = mounted(&mount, "fills", &[&url(&dir.path().join("store"), "")]) else { return };
    assert!(player.ends_well());
}

#[test]
fn too_little_address_space_is_an_error() {
    // In KiB: enough for the program, and for maps of up to 256 MiB.
    let limited = |part: &str, url: &str| {
        let inner = command(part, &[url]);
        let mut outer = Command::new("sh");
        outer.args(["-c", "ulimit -v 600000 && exec \"$@\"", "sh"]).arg(inner.get_program()).args(inner.get_args());
        outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Player::of(outer)
    };
    let dir = tempfile::tempdir_in("/dev/shm").expect("a directory can be created");
    // A map of 1 GiB, the default, is not to be had; the store opens with a smaller one.
    assert!(limited("grows", &url(dir.path(), "?sync=off")).ends_well());
    // All that was acknowledged is there.
    let store = open(&url(dir.path(), "?sync=off"));
    assert!(store.count(b"").expect("it can be read") > 500);
}
