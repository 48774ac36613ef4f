//! Row 43; promise 7.7: a whole cache in memory is saved to one file and comes back, or nothing of it does.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use memo::{Cache, Error, SetOptions, aio, clock::TestClock, wire::Frame};
use memo_tests::{
    files::{files, my_task, task},
    within_20_s,
};
use tempfile::{TempDir, tempdir};

type Users = Cache<u64, String>;

fn users() -> Users {
    Users::builder("users").build().expect("memory needs nothing")
}

/// A cache of so many users.
fn users_to(count: u64) -> Users {
    let users = users();
    users.set_many((0..count).map(|id| (id, format!("user {id}")))).expect("sets");
    users
}

fn sorted(users: &Users) -> Vec<(u64, String)> {
    let mut all: Vec<_> = users.iter().expect("memory enumerates").collect();
    all.sort();
    all
}

fn a_file() -> (TempDir, PathBuf) {
    let dir = tempdir().expect("a directory");
    let path = dir.path().join("users.snapshot");
    (dir, path)
}

#[test]
fn all_entries_come_back() {
    let (dir, path) = a_file();
    let saved = users_to(5000);
    assert_eq!(saved.save_to(&path).expect("saves"), 5000);
    assert_eq!(files(dir.path()), std::slice::from_ref(&path), "no temporary file is left");
    let restored = users();
    assert_eq!(restored.restore_from(&path).expect("restores"), 5000);
    assert_eq!(sorted(&restored), sorted(&saved));
}

#[test]
fn times_and_tags_come_back() {
    let clock = TestClock::install();
    let (_dir, path) = a_file();
    let saved = users();
    saved.set_with(1, "ada".to_owned(), SetOptions::new().ttl(100).tag("eu").tag("staff")).expect("sets");
    saved.set_with(2, "bob".to_owned(), SetOptions::new().ttl(10)).expect("sets");
    saved.set(3, "cyd".to_owned()).expect("sets");
    clock.advance(Duration::from_secs(4));
    saved.save_to(&path).expect("saves");

    // A little more than the time that is left: the two clocks of a snapshot differ by milliseconds.
    clock.advance(Duration::from_secs(7));
    let restored = users();
    assert_eq!(restored.restore_from(&path).expect("restores"), 2, "one has expired in the file");
    assert_eq!(restored.get(&2).expect("memory"), None);
    let entry = restored.entry(&1).expect("memory").expect("came");
    let near = |time: Duration, wanted: u64| time.as_millis().abs_diff(u128::from(wanted) * 1000) < 500;
    assert!(near(entry.age(), 11), "{entry:?}");
    assert!(near(entry.remaining().expect("expires"), 89), "{entry:?}");
    assert_eq!(entry.tags().collect::<Vec<_>>(), ["eu", "staff"]);
    assert_eq!(restored.entry(&3).expect("memory").expect("came").expires_at(), None);
    assert_eq!(restored.clear_tag("eu").expect("memory"), 1);
    assert_eq!(sorted(&restored), [(3, "cyd".to_owned())]);
}

#[test]
fn what_is_restored_replaces_what_is_there() {
    let (_dir, path) = a_file();
    users_to(2).save_to(&path).expect("saves");
    let cache = users();
    cache.set_many([(1, "newer".to_owned()), (7, "other".to_owned())]).expect("sets");
    assert_eq!(cache.get(&1).expect("memory").as_deref(), Some("newer"));
    cache.restore_from(&path).expect("restores");
    let expected = [(0, "user 0"), (1, "user 1"), (7, "other")].map(|(id, name)| (id, name.to_owned()));
    assert_eq!(sorted(&cache), expected);
    assert_eq!(cache.get(&1).expect("memory").as_deref(), Some("user 1"), "no copy of before is used");
}

#[test]
fn the_builder_names_a_file_and_a_codec() {
    let (_dir, path) = a_file();
    let build = |codec: &str| Users::builder("users").snapshot(&path).codec(codec).build().expect("memory");
    let saved = build("json+zstd");
    assert_eq!(saved.restore().expect("there is no file yet"), 0);
    saved.set(1, "ada ".repeat(1000)).expect("sets");
    assert_eq!(saved.save().expect("saves"), 1);
    assert!(fs::metadata(&path).expect("is there").len() < 1000, "it is compressed");
    // What stands in the file tells how to read it.
    let restored = build("postcard");
    assert_eq!(restored.restore().expect("restores"), 1);
    assert_eq!(sorted(&restored), sorted(&saved));

    assert!(users().save().is_err_and(|error| error.is_config()), "no file is named");
    assert!(users().restore().is_err_and(|error| error.is_config()), "no file is named");
    assert!(build("nonsense").save().is_err_and(|error| error.is_config()));
}

#[test]
fn a_bound_holds() {
    let (_dir, path) = a_file();
    users_to(100).save_to(&path).expect("saves");
    let small = Users::builder("users").max_entries(10).build().expect("memory");
    assert_eq!(small.restore_from(&path).expect("restores"), 100);
    assert_eq!(small.len().expect("memory"), 10);
    let weighed = Users::builder("users").max_weight(20, |_, name| name.len() as u64).build().expect("memory");
    weighed.restore_from(&path).expect("restores");
    assert!(weighed.stats().weight <= 20 && weighed.len().expect("memory") > 0, "{:?}", weighed.stats());
}

#[test]
fn a_cache_with_a_store_has_no_snapshots() {
    let (dir, path) = a_file();
    let stored = Users::open("users", "memory://snapshots").expect("memory needs nothing");
    assert!(stored.save_to(&path).is_err_and(|error| error.is_unsupported()));
    assert!(stored.restore_from(&path).is_err_and(|error| error.is_unsupported()));
    for urls in [vec!["memory://snapshots"], vec!["memory", "memory://snapshots"]] {
        let error = Users::builder("users").backends(urls).snapshot(&path).build().expect_err("it would be ignored");
        assert!(error.is_unsupported() && error.to_string().contains("snapshot"), "{error}");
    }
    let error = Users::builder("users").backend("memory://snapshots").persistent(false).build();
    let error = error.expect_err("it would be written to all the same");
    assert!(error.is_unsupported() && error.to_string().contains("`persistent(false)`"), "{error}");
    Users::builder("users").backend("memory").snapshot(&path).build().expect("is in memory alone");
    assert!(files(dir.path()).is_empty());
}

#[test]
fn what_cannot_be_written_leaves_the_old_file() {
    let (dir, path) = a_file();
    let cache = Cache::<u64, Option<Option<u64>>>::builder("maybe").codec("json").build().expect("memory");
    cache.set(1, Some(Some(7))).expect("sets");
    cache.save_to(&path).expect("saves");
    let before = fs::read(&path).expect("is there");
    cache.set(2, Some(None)).expect("sets");
    assert!(cache.save_to(&path).is_err_and(|error| error.is_encoding()), "JSON can't say it");
    assert_eq!(fs::read(&path).expect("is there"), before);
    assert!(cache.delete(&2).expect("memory"));
    assert!(cache.save_to(dir.path().join("missing/file")).is_err_and(|error| error.is_unavailable()));
    assert!(cache.save_to("/").is_err_and(|error| error.is_config()));
    assert!(cache.restore_from(dir.path()).is_err_and(|error| error.is_unavailable()), "it is a directory");
    assert_eq!(files(dir.path()), [path]);
}

#[cfg(unix)]
#[test]
fn a_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, path) = a_file();
    for _ in 0..2 {
        users_to(1).save_to(&path).expect("saves");
        assert_eq!(fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o600);
    }
}

/// A cache with one entry, after it tried to restore these bytes.
fn refused(path: &Path, bytes: &[u8]) -> Error {
    fs::write(path, bytes).expect("writes");
    let cache = users();
    cache.set(1, "mine".to_owned()).expect("sets");
    let error = cache.restore_from(path).expect_err("it is damaged");
    assert_eq!(sorted(&cache), [(1, "mine".to_owned())], "all or nothing: {error}");
    error
}

#[test]
fn a_damaged_file_is_refused_as_a_whole() {
    let (_dir, path) = a_file();
    users_to(3).save_to(&path).expect("saves");
    let whole = fs::read(&path).expect("is there");
    for at in 0..whole.len() {
        let mut turned = whole.clone();
        turned[at] ^= 1 << (at % 8);
        assert!(refused(&path, &turned).is_corrupt(), "byte {at} is turned");
        assert!(refused(&path, &whole[..at]).is_corrupt(), "cut at {at}");
    }
    let longer = [&whole[..], b"!"].concat();
    assert!(refused(&path, &longer).is_corrupt());
    assert!(refused(&path, b"id,name\n1,ada\n").to_string().contains("users.snapshot"), "the error names the file");
}

/// The same bytes with a checksum that fits.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 8;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn hostile_bytes_with_a_good_checksum_are_refused() {
    let (_dir, path) = a_file();
    users_to(3).save_to(&path).expect("saves");
    let whole = fs::read(&path).expect("is there");
    let changed = |at: usize, value: u64| {
        let mut bytes = whole.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        with_checksum(bytes)
    };
    for value in [0, 2, 4, u64::MAX] {
        assert!(refused(&path, &changed(32, value)).is_corrupt(), "{value} entries");
        assert!(refused(&path, &changed(40, value)).is_corrupt(), "a frame of {value} bytes");
    }
    assert!(refused(&path, &changed(8, 0)).is_corrupt(), "there was no version 0");
    assert!(refused(&path, &changed(8, 2)).is_newer());
    for length in [20, 24, 30, 40, 47, 48] {
        assert!(refused(&path, &with_checksum(whole[..length].to_vec())).is_corrupt(), "{length} bytes");
    }
}

#[test]
fn other_types_are_refused() {
    let (_dir, path) = a_file();
    users_to(3).save_to(&path).expect("saves");
    let others = Cache::<u64, Vec<u8>>::builder("users").build().expect("memory");
    let error = others.restore_from(&path).expect_err("the values are texts");
    assert!(error.is_corrupt() && error.to_string().contains("other types"), "{error}");
    assert!(others.is_empty().expect("memory"));
}

/// `MEMO_GOLDEN=write cargo test` writes the file if it is missing.
#[test]
fn version_1_is_read_and_written_for_ever() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1-cache.snapshot");
    if !golden.exists() && std::env::var_os("MEMO_GOLDEN").is_some_and(|value| value == "write") {
        let cache = users();
        cache.set_with(7, "Ada".to_owned(), SetOptions::new().tag("eu")).expect("sets");
        cache.save_to(&golden).expect("saves");
    }
    let cache = users();
    assert_eq!(cache.restore_from(&golden).expect("it is whole"), 1);
    let entry = cache.entry(&7).expect("memory").expect("came");
    assert_eq!((entry.value().as_str(), entry.expires_at()), ("Ada", None));
    assert_eq!(entry.tags().collect::<Vec<_>>(), ["eu"]);

    let (_dir, path) = a_file();
    cache.save_to(&path).expect("saves");
    let (golden, saved) = (fs::read(golden).expect("is there"), fs::read(path).expect("is there"));
    assert_eq!(saved.len(), golden.len());
    assert_eq!((&saved[..16], &saved[24..48]), (&golden[..16], &golden[24..48]), "all but the time of saving");
    let frame = |bytes: &[u8]| {
        let frame = Frame::read(&bytes[48..bytes.len() - 8]).expect("a frame");
        let (key, data, value) = (frame.key.to_owned(), frame.key_data.map(<[u8]>::to_vec), frame.value.to_vec());
        (key, data, value, frame.codec.to_owned(), frame.expires)
    };
    assert_eq!(frame(&saved), frame(&golden));
}

#[test]
fn the_latest_save_wins() {
    within_20_s(|| {
        let (dir, path) = a_file();
        let cache = users();
        let (round, start) = (Arc::new(AtomicU64::new(0)), Arc::new(Barrier::new(4)));
        let savers: Vec<_> = (0..4)
            .map(|_| {
                let (cache, path, round, start) = (cache.clone(), path.clone(), round.clone(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    for _ in 0..50 {
                        let now = round.fetch_add(1, Ordering::SeqCst);
                        cache.set(now, "x".repeat(1000)).expect("sets");
                        cache.save_to(&path).expect("saves");
                        // What was there when the save began is in the file from now on.
                        let seen = users();
                        seen.restore_from(&path).expect("is whole");
                        assert!(seen.contains(&now).expect("memory"), "the save of {now} was lost");
                    }
                })
            })
            .collect();
        for saver in savers {
            saver.join().expect("no save is lost");
        }
        let last = users();
        assert_eq!(last.restore_from(&path).expect("is whole"), 200);
        assert_eq!(files(dir.path()), [path]);
    });
}

#[test]
fn a_killed_saver_leaves_a_whole_file() {
    let (_dir, path) = a_file();
    users_to(1).save_to(&path).expect("saves");
    for _ in 0..10 {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        task(&mut command, &path.display().to_string());
        let mut saver = command.stdout(Stdio::piped()).spawn().expect("starts");
        // Kept to the end: without a reader the saver would stop by itself.
        let mut lines = BufReader::new(saver.stdout.take().expect("is piped")).lines();
        let seen = lines.by_ref().map_while(Result::ok).filter(|line| line.ends_with("saved")).take(2).count();
        // Whoever reads meanwhile finds a whole file as well, so the moment of the kill does not matter.
        let is_whole = || [1000, 2000].contains(&users().restore_from(&path).expect("is whole"));
        assert!((0..20).all(|_| is_whole()));
        saver.kill().expect("can be killed");
        saver.wait().expect("has ended");
        assert_eq!(seen, 2, "it was saving");
        assert!(is_whole());
    }
}

/// Not a test by itself: saves without end where the environment says so.
#[test]
fn another_process() {
    let Some(words) = my_task() else { return };
    let [small, large] = [1000, 2000].map(users_to);
    loop {
        for cache in [&small, &large] {
            cache.save_to(&words[0]).expect("saves");
            println!("saved");
        }
    }
}

#[test]
fn tasks_save_and_restore_without_blocking_their_executor() {
    let (_dir, path) = a_file();
    smol::block_on(async {
        let saved: aio::Cache<u64, String> = Users::builder("users").snapshot(&path).build().expect("memory").into();
        saved.set(1, "ada".to_owned()).await.expect("sets");
        let mut saving = Box::pin(saved.save());
        // The work is elsewhere: the first poll only hands it over.
        let first = futures::poll!(&mut saving);
        let count = match first {
            std::task::Poll::Ready(count) => count,
            std::task::Poll::Pending => saving.await,
        };
        assert_eq!(count.expect("saves"), 1);
        let restored: aio::Cache<u64, String> = users().into();
        assert_eq!(restored.restore_from(&path).await.expect("restores"), 1);
        assert_eq!(restored.get(&1).await.expect("memory").as_deref(), Some("ada"));
        assert_eq!(saved.restore().await.expect("restores"), 1);
        assert_eq!(restored.save_to(&path).await.expect("saves"), 1);
    });
}
