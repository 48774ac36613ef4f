//! Rows 29, 30, 38, 39, 42; promise 6: stores in LMDB, on disk and in shared memory, for many processes.

use std::{
    collections::BTreeSet,
    fs,
    ops::ControlFlow,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use memo::backend::{Backend, Change, Item, Lmdb, Url, conformance};
use memo_tests::{
    children::{Player, part, say, wait_for_line},
    lmdb::{new_dir, open, raw},
};

fn open_in(dir: &Path, query: &str) -> Lmdb {
    open(&format!("lmdb://{}{query}", dir.display()))
}

fn fails(url: &str) -> memo::Error {
    Lmdb::open(&Url::parse(url).expect(url)).err().unwrap_or_else(|| panic!("{url} opens"))
}

fn get(store: &impl Backend, key: &[u8]) -> Option<Vec<u8>> {
    store.get(key).expect("an entry can be read")
}

/// A store in shared memory that no other test uses, gone at the end.
struct Shm(String);

impl Shm {
    fn new(name: &str) -> Self {
        Self(format!("memo-test-{name}-{}", std::process::id()))
    }

    fn url(&self) -> String {
        format!("shm://{}", self.0)
    }

    fn dir(&self) -> std::path::PathBuf {
        let of_user = fs::read_dir("/dev/shm").expect("it is there").filter_map(Result::ok);
        let mut dirs = of_user.map(|entry| entry.path().join(&self.0)).filter(|dir| dir.exists());
        dirs.next().expect("the store was opened")
    }
}

impl Drop for Shm {
    fn drop(&mut self) {
        fs::remove_dir_all(self.dir()).expect("it is ours");
    }
}

/// Plays the part that a test started this process for.
#[test]
fn another_process() {
    let Some((part, arguments)) = part() else { return };
    let store = open(&arguments[0]);
    match &*part {
        "adds" => {
            let add = |bytes: Option<&[u8]>| {
                let sum: u32 = bytes.map_or(0, |bytes| String::from_utf8_lossy(bytes).parse().expect("a number"));
                Change::set((sum + 1).to_string().into_bytes())
            };
            for _ in 0..500 {
                store.update(b"sum", &mut |bytes| add(bytes)).expect("it can be updated");
            }
        }
        "reads on" => {
            // Until the parent has written all; what is there is always whole.
            let mut newest = 0;
            while newest < 399 {
                for number in 0..400_u32 {
                    let Some(bytes) = get(&store, &number.to_be_bytes()) else { continue };
                    assert_eq!(bytes, large(number));
                    newest = newest.max(number);
                }
                say(&newest.to_string());
            }
        }
        "reads" => {
            say(&format!("{:?}", get(&store, b"key")));
            wait_for_line();
            say(&format!("{:?}", get(&store, b"key")));
        }
        other => panic!("no part: {other}"),
    }
}

fn large(number: u32) -> Vec<u8> {
    number.to_be_bytes().repeat(5000)
}

#[test]
fn both_conform() {
    let dir = new_dir();
    for query in ["", "?map_size=64KiB"] {
        conformance::check(&open_in(&dir.path().join("durable"), query));
    }
    conformance::check(&open_in(&dir.path().join("meta"), "?sync=meta"));
    conformance::check(&open_in(&dir.path().join("fast"), "?sync=off&map_size=64KiB"));
    let shm = Shm::new("conforms");
    conformance::check(&open(&shm.url()));
}

#[test]
fn they_are_opened_by_their_urls() {
    let dir = new_dir();
    let store = memo::backend(&format!("lmdb://{}", dir.path().display())).expect("opens");
    assert_eq!(store.name(), "lmdb");
    let shm = Shm::new("by-url");
    assert_eq!(memo::backend(&shm.url()).expect("opens").name(), "shm");
}

#[test]
fn entries_outlive_the_store() {
    let dir = new_dir();
    let store = open_in(dir.path(), "");
    store.set(b"key", Item::new(b"bytes").tags(&["tag"])).expect("it can be set");
    drop(store);
    let store = open_in(dir.path(), "?max_map_size=4MiB");
    assert_eq!(get(&store, b"key").as_deref(), Some(&b"bytes"[..]));
    assert_eq!(store.remove_tagged(b"", &["tag"]).expect("it can be removed"), 1);
}

#[test]
fn one_directory_is_opened_once_whatever_it_is_called() {
    let dir = new_dir();
    let real = dir.path().join("real");
    let store = open_in(&real, "");
    std::os::unix::fs::symlink(&real, dir.path().join("link")).expect("it can be made");
    let others = [real.join("."), dir.path().join("link"), real.join("..").join("real")];
    for path in others {
        store.set(b"key", Item::new(path.to_string_lossy().as_bytes())).expect("it can be set");
        let same = open_in(&path, "?map_size=4MiB&codec=json");
        assert_eq!(get(&same, b"key"), get(&store, b"key"), "{}", path.display());
    }
    let error = fails(&format!("lmdb://{}?sync=off", dir.path().join("link").display()));
    assert!(error.is_config() && error.to_string().contains("another `sync`"), "{error}");
    drop(store);
    drop(open_in(&real, "?sync=off"));
}

#[test]
fn threads_open_and_close_one_directory() {
    let dir = new_dir();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let store = open_in(dir.path(), "?sync=off");
                    store.set(b"key", Item::new(b"bytes")).expect("it can be set");
                }
            });
        }
    });
}

#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let dir = new_dir();
    let shm = Shm::new("owner");
    let (on_disk, in_memory) = (open_in(&dir.path().join("a/b"), ""), open(&shm.url()));
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    for store in [dir.path().join("a/b"), shm.dir()] {
        assert_eq!((mode(&store), mode(store.parent().expect("it has one"))), (0o700, 0o700));
        let files = fs::read_dir(&store).expect("it can be read").map(|file| file.expect("it is there").path());
        let files: BTreeSet<_> = files.collect();
        assert_eq!(files, ["data.mdb", "lock.mdb"].map(|name| store.join(name)).into());
        assert!(files.iter().all(|file| mode(file) == 0o600));
    }
    drop((on_disk, in_memory));
}

#[test]
fn keys_of_any_length() {
    let dir = new_dir();
    let store = open_in(dir.path(), "?sync=off");
    // Around every length at which something could change, each with neighbours that differ at the end only.
    let lengths = (0..40).chain(440..540).chain([1000, 10_000, 100_000]);
    let keys: Vec<Vec<u8>> = lengths
        .flat_map(|length| ["x", "y"].map(|end| format!("long|{}|{end}", "k".repeat(length)).into_bytes()))
        .chain([Vec::new(), vec![0], vec![0xff; 600]])
        .collect();
    for key in &keys {
        store.set(key, Item::new(key).expires(5).tags(&["tag", &"t".repeat(2000)])).expect("it can be set");
    }
    for key in &keys {
        assert_eq!(get(&store, key).as_ref(), Some(key), "a key of {} bytes", key.len());
    }
    let mut seen = BTreeSet::new();
    let mut visit = |key: &[u8], bytes: &[u8]| {
        assert_eq!(key, bytes);
        assert!(seen.insert(key.to_vec()), "each once");
        ControlFlow::Continue(())
    };
    store.scan(b"", &mut visit).expect("it can be read");
    assert!(seen.iter().eq(keys.iter().collect::<BTreeSet<_>>()), "a scan shows whole keys");
    assert_eq!(store.count(b"").expect("it can count"), keys.len() as u64);
    assert_eq!(store.count(b"long|").expect("it can count"), keys.len() as u64 - 3);

    // A prefix that ends where keys are cut, or behind: it names two keys.
    for length in [470, 471, 472, 473, 474, 475, 500, 539, 10_000] {
        let prefix = format!("long|{}|", "k".repeat(length)).into_bytes();
        assert_eq!(store.count(&prefix).expect("it can count"), 2, "{length}");
        let mut shown = 0;
        let mut visit = |key: &[u8], _: &[u8]| {
            assert!(key.starts_with(&prefix));
            shown += 1;
            ControlFlow::Continue(())
        };
        store.scan(&prefix, &mut visit).expect("it can be read");
        assert_eq!(shown, 2, "{length}");
        let removed = match length % 2 {
            0 => store.remove_prefix(&prefix),
            _ => store.remove_tagged(&prefix, &["tag", &"t".repeat(2000)]),
        };
        assert_eq!(removed.expect("it can be removed"), 2, "{length}");
        assert_eq!(get(&store, &[&prefix[..], b"x"].concat()), None);
    }
    let left = keys.len() as u64 - 18;
    assert_eq!(store.purge(5).expect("it can be cleaned"), left, "keys of any length expire");
    assert_eq!(store.count(b"").expect("it can count"), 0);
}

#[test]
fn many_entries_are_removed_in_batches() {
    let dir = new_dir();
    let store = open_in(dir.path(), "?sync=off");
    let keys: Vec<Vec<u8>> = (0..9000).map(|n| format!("a|{n}").into_bytes()).collect();
    let fill = || {
        let items: Vec<(&[u8], Item<'_>)> =
            keys.iter().map(|key| (&key[..], Item::new(b"x").expires(9).tags(&["t"]))).collect();
        store.set_many(&items).expect("they can be set");
        store.set(b"b|1", Item::new(b"x").tags(&["t"])).expect("it can be set");
        assert_eq!(store.count(b"").expect("it can count"), 9001);
    };
    fill();
    assert_eq!(store.remove_prefix(b"a|").expect("it can be removed"), 9000);
    fill();
    assert_eq!(store.remove_tagged(b"a|", &["t"]).expect("it can be removed"), 9000);
    fill();
    assert_eq!(store.purge(8).expect("it can be cleaned"), 0);
    assert_eq!(store.purge(9).expect("it can be cleaned"), 9000);
    fill();
    assert_eq!(store.remove_prefix(b"").expect("it can be emptied"), 9001);
    // Nothing of them is left behind in the indexes.
    assert_eq!(store.remove_tagged(b"", &["t"]).expect("it can be asked"), 0);
    assert_eq!(store.purge(u64::MAX).expect("it can be cleaned"), 0);
}

/// All keys of the tree, as other users of LMDB see them.
fn keys_of_the_tree(dir: &Path) -> Vec<Vec<u8>> {
    raw(dir, |database, txn| database.iter(txn)?.map(|pair| Ok(pair?.0.to_vec())).collect())
}

#[test]
fn nothing_is_left_of_entries_that_are_gone() {
    let dir = new_dir();
    let store = open_in(dir.path(), "?sync=off");
    let item = Item::new(b"x").expires(1000).tags(&["one", "two"]);
    let keys: Vec<_> = (0..6_u8).map(|number| vec![b'k', b'|', number]).collect();
    store.set_many(&keys.iter().map(|key| (&key[..], item)).collect::<Vec<_>>()).expect("they can be set");
    store.set(&keys[0], Item::new(b"y")).expect("it can be set");
    assert!(store.remove(&keys[0]).expect("it can be removed") && store.remove(&keys[1]).expect("it can be removed"));
    store.remove_many(&[&keys[2]]).expect("it can be removed");
    store.update(&keys[3], &mut |_| Change::Remove).expect("it can be removed");
    assert_eq!(store.remove_tagged(b"k|", &["two"]).expect("they can be removed"), 2);
    store.set(&keys[0], item).expect("it can be set");
    assert_eq!(store.purge(1000).expect("it can be purged"), 1);
    drop(store);
    assert_eq!(keys_of_the_tree(dir.path()), [b"mlayout"]);
}

#[test]
fn a_batch_is_written_as_a_whole_or_not_at_all() {
    let dir = new_dir();
    let store = open_in(dir.path(), "?sync=off&map_size=64KiB&max_map_size=256KiB");
    let huge = vec![7; 1 << 20];
    let error = store.set_many(&[(b"a", Item::new(b"x")), (b"b", Item::new(&huge))]).expect_err("it can't fit");
    assert!(error.is_unavailable(), "{error}");
    assert_eq!((get(&store, b"a"), get(&store, b"b")), (None, None));
}

#[test]
fn threads_that_share_commits_share_nothing_else() {
    let dir = new_dir();
    let store = open_in(dir.path(), "?map_size=64KiB&max_map_size=2MiB");
    let too_large = vec![1; 4 << 20];
    thread::scope(|scope| {
        for thread in 0..8_u8 {
            let (store, too_large) = (&store, &too_large);
            scope.spawn(move || {
                for round in 0..25_u8 {
                    let (key, bytes) = ([thread, round % 3], [thread, round]);
                    store.set(&key, Item::new(&bytes).tags(&["tag"])).expect("there is room");
                    assert_eq!(get(store, &key).as_deref(), Some(&bytes[..]), "it is there when `set` returns");
                    assert!(round % 2 > 0 || store.remove(&key).expect("it can be removed"));
                    assert!(!store.remove(&[thread, 7]).expect("it can be asked"));
                    if thread == 0 {
                        let error = store.set(b"too large", Item::new(too_large)).expect_err("it can't fit");
                        assert!(error.is_unavailable(), "{error}");
                    }
                }
            });
        }
    });
    let left = store.count(b"").expect("it can count");
    assert_eq!(store.remove_tagged(b"", &["tag"]).expect("it can be removed"), left);
}

#[test]
fn a_scan_shows_large_entries_while_the_store_is_used() {
    let dir = new_dir();
    let store = open_in(dir.path(), "?sync=off&map_size=64KiB");
    for number in 0..40_u32 {
        store.set(&number.to_be_bytes(), Item::new(&vec![1; 200_000])).expect("it can be set");
    }
    let mut shown = 0;
    let mut visit = |key: &[u8], bytes: &[u8]| {
        assert_eq!(bytes.len(), 200_000);
        // With a map that has to grow meanwhile.
        store.set(&[key, b"again"].concat(), Item::new(bytes)).expect("it can be set");
        shown += usize::from(key.len() == 4);
        ControlFlow::Continue(())
    };
    store.scan(b"", &mut visit).expect("it can be read");
    assert_eq!(shown, 40);
}

#[test]
fn processes_update_one_entry_together() {
    let dir = new_dir();
    let shm = Shm::new("together");
    let on_disk = format!("lmdb://{}?sync=off", dir.path().display());
    for url in [on_disk, shm.url()] {
        // All of them find a store that is not there yet.
        let players = [(); 3].map(|()| Player::start("adds", &[&url]));
        let store = open(&url);
        assert!(players.into_iter().all(Player::ends_well));
        assert_eq!(get(&store, b"sum").as_deref(), Some(&b"1500"[..]), "{url}");
    }
}

#[test]
fn another_process_sees_what_was_set() {
    let dir = new_dir();
    let store = open_in(dir.path(), "");
    let mut other = Player::start("reads", &[&format!("lmdb://{}", dir.path().display())]);
    assert_eq!(other.line().as_deref(), Some("None"));
    store.set(b"key", Item::new(b"1")).expect("it can be set");
    other.tell();
    assert_eq!(other.line().as_deref(), Some("Some([49])"));
}

#[test]
fn maps_grow_while_threads_and_other_processes_read() {
    let dir = new_dir();
    let url = format!("lmdb://{}?sync=off&map_size=64KiB", dir.path().display());
    let store = open(&url);
    let mut other = Player::start("reads on", &[&url]);
    other.line().expect("it has begun to read");
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    for number in 0..400_u32 {
                        let bytes = get(&store, &number.to_be_bytes());
                        assert!(bytes.is_none_or(|bytes| bytes == large(number)));
                    }
                }
            });
        }
        for number in 0..400_u32 {
            store.set(&number.to_be_bytes(), Item::new(&large(number))).expect("there is room");
        }
        ended.store(true, Ordering::Relaxed);
    });
    while other.line().is_some() {}
    assert!(other.ends_well(), "the other process has read all, without growing anything itself");
}
