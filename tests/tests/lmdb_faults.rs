//! Rows 29, 30, 41; promises 7, 8: killed processes, full maps, full disks under stores in LMDB.

use std::{
    fs,
    ops::ControlFlow,
    path::Path,
    process::Command,
    sync::{Barrier, mpsc},
    thread,
    time::Duration,
};

use heed::EnvOpenOptions;
use memo::{
    backend::{Backend, Item, Lmdb},
    clock::TestClock,
};
use memo_tests::{
    children::{Player, command, part, say, wait_for_line},
    lmdb::{bytes_of, data, is_whole, new_dir, open, url},
};

/// Plays the part that a test started this process for.
#[test]
fn another_process() {
    let Some((part, arguments)) = part() else { return };
    match &*part {
        "writes" => writes(&open(&arguments[0]), arguments[1].parse().expect("a number")),
        "creates" => {
            for number in 0.. {
                let store = open(&url(&Path::new(&arguments[0]).join(number.to_string()), "?sync=off"));
                store.set(b"key", Item::new(b"x")).expect("it can be set");
                drop(store);
                say(&number.to_string());
            }
        }
        "reads in many threads" => reads_in_many_threads(&arguments[0]),
        "holds a snapshot" => holds_a_snapshot(Path::new(&arguments[0])),
        "fills" => fills(&arguments[0]),
        "grows" => {
            let store = open(&arguments[0]);
            let error = (0..4000_u64).find_map(|n| store.set(&n.to_be_bytes(), Item::new(&vec![1; 1 << 18])).err());
            assert!(error.expect("it can't grow on").is_unavailable());
            // The map that was is gone; one of a size that is to be had takes its place.
            assert_eq!(store.get(b"k").expect("it is opened again"), None);
            assert!(store.get(&0_u64.to_be_bytes()).expect("it is opened again").is_some());
        }
        "sees" => say(&format!("{:?}", seen(&open(&arguments[0])))),
        "stays" => {
            let store = open(&arguments[0]);
            store.set(b"old", Item::new(b"x")).expect("it can be set");
            say("there");
            wait_for_line();
            store.set(b"theirs", Item::new(b"x")).expect("it can be set");
            assert_eq!(store.count(b"").expect("it can be read"), 2, "what others have made anew");
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
        spin(round);
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

#[test]
fn a_store_whose_creator_was_killed_can_be_used() {
    for round in 0..60_u64 {
        let dir = new_dir();
        let mut creator = Player::start("creates", &[&dir.path().to_string_lossy()]);
        let mut created = 0;
        for _ in 0..=round % 3 {
            created = creator.line().expect("it creates on").parse().expect("a number");
        }
        spin(round);
        creator.kill();
        while let Some(line) = creator.line() {
            created = line.parse().expect("a number");
        }
        let store_of = |number: u64| open(&url(&dir.path().join(number.to_string()), "?sync=off"));
        let read = store_of(created).get(b"key").expect("it can be read");
        assert_eq!(read.as_deref(), Some(&b"x"[..]), "it was acknowledged");
        // The one that it was creating, in whatever state it is.
        store_of(created + 1).set(b"key", Item::new(b"y")).expect("it can be used");
    }
}

/// Takes some time, another one in each round.
fn spin(round: u64) {
    (0..round * 7919 % 200 * 100).for_each(|n| {
        std::hint::black_box(n);
    });
}

/// Reads as other users of LMDB do, until it is killed.
fn holds_a_snapshot(dir: &Path) {
    let mut options = EnvOpenOptions::new();
    options.map_size(1 << 30);
    #[expect(unsafe_code, reason = "heed asks for it; the directory is the test's own")]
    // SAFETY: nobody changes the file but through LMDB.
    let env = unsafe { options.open(dir) }.expect("it can be opened");
    let _txn = env.read_txn().expect("it can be read");
    say("holds it");
    wait_for_line();
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
fn a_full_store_says_so_and_can_be_emptied() {
    let dir = new_dir();
    let store = open(&url(dir.path(), "?sync=off&map_size=64KiB&max_map_size=1MiB"));
    let bytes = vec![1; 3000];
    let fill = |expires: Option<u64>| {
        (0..).map(|n: u32| store.set(&n.to_be_bytes(), Item::new(&bytes).expires(expires))).find_map(Result::err)
    };
    let error = fill(None).expect("it is full at some time");
    assert!(error.is_unavailable() && error.to_string().contains("max_map_size"), "{error}");
    assert_eq!(
        store.get(&0_u32.to_be_bytes()).expect("it can be read").as_ref(),
        Some(&bytes),
        "what is there stays there"
    );
    let error = store.set(b"new", Item::new(&bytes)).expect_err("it is still full");
    assert!(error.is_unavailable(), "{error}");
    // Though removing takes pages, too.
    assert!(store.remove(&0_u32.to_be_bytes()).expect("it can be removed"));
    assert!(store.remove_prefix(&1_u32.to_be_bytes()).expect("it can be removed") == 1);
    assert!(store.remove_prefix(b"").expect("it can be emptied") > 200);
    let held = |store: &Lmdb| store.count(b"").expect("it can count");
    for round in 0..5 {
        fill(None).expect("it is full again");
        let count = held(&store);
        assert!(count > 200, "only {count} entries fit in round {round}");
        store.remove_prefix(b"").expect("it can be emptied");
    }
    let size = fs::metadata(dir.path().join("data.mdb")).expect("it is there").len();
    assert!(size < 1_400_000, "a file of {size} bytes");
}

#[test]
fn a_full_store_forgets_what_has_expired() {
    let dir = new_dir();
    let store = open(&url(dir.path(), "?sync=off&map_size=64KiB&max_map_size=1MiB"));
    let bytes = vec![1; 3000];
    for number in 0..2000_u32 {
        store.set(&number.to_be_bytes(), Item::new(&bytes).expires(1000)).expect("expired entries make room");
    }
    assert!(store.get(&1999_u32.to_be_bytes()).expect("it can be read").is_some());
}

/// What there is under two keys.
fn seen(store: &Lmdb) -> [bool; 2] {
    [&b"old"[..], b"new"].map(|key| store.get(key).expect("it can be read").is_some())
}

#[test]
fn a_store_that_was_deleted_is_made_anew() {
    for gone in [&[][..], &["data.mdb"], &["lock.mdb"], &["data.mdb", "lock.mdb"]] {
        let dir = new_dir();
        let root = dir.path().join("store");
        let url = url(&root, "?sync=off");
        let (store, second) = (open(&url), open(&url));
        store.set(b"old", Item::new(b"x").tags(&["t"])).expect("it can be set");
        if gone.is_empty() {
            fs::remove_dir_all(&root).expect("it is there");
        }
        for name in gone {
            fs::remove_file(root.join(name)).expect("it is there");
        }
        store.set(b"new", Item::new(b"y").tags(&["t"])).expect("it is made anew");
        // A lock file alone holds nothing.
        let expected = [gone == ["lock.mdb"], true];
        assert_eq!((seen(&store), seen(&second), seen(&open(&url))), (expected, expected, expected), "{gone:?}");
        let mut other = Player::start("sees", &[&url]);
        assert_eq!(other.line(), Some(format!("{expected:?}")), "other processes see the same, {gone:?}");
        assert_eq!(store.remove_tagged(b"", &["t"]).expect("it can be cleared"), 1 + u64::from(expected[0]));
    }
}

#[test]
fn reads_notice_that_the_store_was_deleted() {
    let clock = TestClock::install();
    let dir = new_dir();
    let root = dir.path().join("store");
    let store = open(&url(&root, "?sync=off"));
    store.set(b"old", Item::new(b"x")).expect("it can be set");
    fs::remove_dir_all(&root).expect("it is there");
    clock.advance(Duration::from_secs(1));
    assert_eq!(seen(&store), [false, false], "a read looks once in a second");
    assert!(data(&root).exists(), "it is made anew");
    assert_eq!(store.remove_prefix(b"").expect("it can be cleared"), 0);
}

#[test]
fn a_store_that_was_replaced_is_used_instead() {
    for together in [true, false] {
        let dir = new_dir();
        let (root, other) = (dir.path().join("store"), dir.path().join("other"));
        let store = open(&url(&root, ""));
        for number in 0..9_u8 {
            store.set(&[number], Item::new(b"x")).expect("it can be set");
        }
        let replacement = open(&url(&other, ""));
        replacement.set(b"restored", Item::new(b"y")).expect("it can be set");
        drop(replacement);
        fs::rename(data(&other), data(&root)).expect("it can be moved");
        if together {
            fs::rename(other.join("lock.mdb"), root.join("lock.mdb")).expect("it can be moved");
        }
        assert!(store.remove(b"restored").expect("it can be removed"), "a write goes to the new file");
        assert_eq!(store.count(b"").expect("it can be read"), 0);
    }
}

#[test]
fn opening_notices_that_the_store_was_deleted() {
    let clock = TestClock::install();
    let dir = new_dir();
    let root = dir.path().join("store");
    let store = open(&url(&root, "?sync=off"));
    store.set(b"old", Item::new(b"x")).expect("it can be set");
    fs::remove_dir_all(&root).expect("it is there");
    let again = open(&url(&root, "?sync=off"));
    assert!(data(&root).exists() && seen(&again) == [false, false] && seen(&store) == [false, false]);
    drop(clock);
}

#[test]
fn a_store_that_was_deleted_under_another_process_is_made_anew() {
    let dir = new_dir();
    let root = dir.path().join("store");
    let url = url(&root, "?sync=off");
    let mut other = Player::start("stays", &[&url]);
    assert_eq!(other.line().as_deref(), Some("there"));
    fs::remove_dir_all(&root).expect("it is there");
    let store = open(&url);
    store.set(b"new", Item::new(b"y")).expect("it can be set");
    other.tell();
    assert!(other.ends_well(), "its next write goes to the new files");
    assert_eq!(store.count(b"").expect("it can be read"), 2);
}

#[test]
fn a_store_in_shared_memory_is_made_anew_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let name = format!("memo-test-anew-{}", std::process::id());
    let store = open(&format!("shm://{name}"));
    store.set(b"old", Item::new(b"x")).expect("it can be set");
    let of_users = fs::read_dir("/dev/shm").expect("it is there").map(|entry| entry.expect("it is there").path());
    let root = of_users.map(|of_user| of_user.join(&name)).find(|root| root.exists()).expect("it was opened");
    fs::remove_dir_all(&root).expect("it is there");
    store.set(b"new", Item::new(b"y")).expect("it is made anew");
    assert_eq!(seen(&store), [false, true]);
    assert_eq!(fs::metadata(&root).expect("it is there").permissions().mode() & 0o777, 0o700);
    fs::remove_dir_all(&root).expect("it is there");
}

#[test]
fn threads_go_on_while_the_store_is_deleted() {
    let dir = new_dir();
    let root = dir.path().join("store");
    let store = open(&url(&root, "?sync=off"));
    thread::scope(|scope| {
        for thread in 0..2_u8 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..200_u32 {
                    let key = [&[thread][..], &round.to_be_bytes()].concat();
                    // While it is deleted, anything may fail, but only so.
                    if let Err(error) = store.set(&key, Item::new(&key)).and_then(|()| store.get(&key)) {
                        assert!(error.is_unavailable(), "{error:?}");
                    }
                }
            });
        }
        for _ in 0..40 {
            fs::remove_dir_all(&root).ok();
        }
    });
    store.set(b"new", Item::new(b"y")).expect("it can be used");
    assert_eq!(seen(&store), [false, true]);
}

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
