//! Rows 37, 62; promise 8: in every kind of place, hits restart the time to live of an entry that slides.

use std::{path::Path, time::Duration};

use memo::{Cache, SetOptions, aio, clock::TestClock};
use tempfile::{TempDir, tempdir};

type Users = Cache<String, u64>;

/// What a sixteenth of is ten seconds.
const WINDOW: u64 = 160;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Kinds of places, as the URLs of their tiers in a directory; `name` tells apart what is in memory.
type Tiers = fn(dir: &Path, name: &str) -> Vec<String>;

fn users(tiers: Tiers, dir: &Path, name: &str) -> Users {
    let urls = tiers(dir, name);
    Users::builder("users").backends(urls).ttl(WINDOW).sliding().build().expect("valid URLs")
}

/// The same tests for every kind of place, for threads and for tasks.
macro_rules! everywhere {
    ($($place:ident: $tiers:expr;)*) => {$(
        mod $place {
            use super::*;

            const TIERS: Tiers = $tiers;

            fn place() -> (TempDir, Tiers) {
                (tempdir().expect("a directory"), TIERS)
            }

            #[test]
            fn a_hot_entry_outlives_its_ttl_and_a_cold_one_leaves() {
                let (dir, tiers) = place();
                let clock = TestClock::install();
                let users = users(tiers, dir.path(), concat!(stringify!($place), "-hot"));
                hot_and_cold(&clock, &users);
            }

            #[tokio::test]
            async fn in_tasks_too() {
                let (dir, tiers) = place();
                let clock = TestClock::install();
                let users = users(tiers, dir.path(), concat!(stringify!($place), "-tasks"));
                hot_and_cold_in_tasks(&clock, &users.into()).await;
            }

            #[test]
            fn looking_does_not_restart() {
                let (dir, tiers) = place();
                let clock = TestClock::install();
                looked_at(&clock, &users(tiers, dir.path(), concat!(stringify!($place), "-looks")));
            }

            #[test]
            fn an_end_that_is_given_by_hand_stays() {
                let (dir, tiers) = place();
                let clock = TestClock::install();
                ended_by_hand(&clock, &users(tiers, dir.path(), concat!(stringify!($place), "-hand")));
            }

            #[test]
            fn what_is_set_anew_begins_anew() {
                let (dir, tiers) = place();
                let clock = TestClock::install();
                set_anew(&clock, &users(tiers, dir.path(), concat!(stringify!($place), "-anew")));
            }
        }
    )*};
}

everywhere! {
    typed_memory: |_, _| Vec::new();
    byte_memory: |_, name| vec![format!("memory://slides-{name}")];
    sqlite: |dir, _| vec![format!("sqlite://{}/cache.db", dir.display())];
    file: |dir, _| vec![format!("file://{}", dir.display())];
    plain_file: |dir, _| vec![format!("file://{}?format=plain&codec=json", dir.display())];
    lmdb: |dir, _| vec![format!("lmdb://{}", dir.display())];
    memory_before_sqlite: |dir, _| vec!["memory".to_owned(), format!("sqlite://{}/cache.db", dir.display())];
    three_tiers: |dir, name| vec![
        "memory".to_owned(),
        format!("memory://slides-front-{name}?codec=json"),
        format!("lmdb://{}", dir.display()),
    ];
}

fn set(users: &Users, name: &str, value: u64) {
    users.set(name.to_owned(), value).expect("sets");
}

fn get(users: &Users, name: &str) -> Option<u64> {
    users.get(name).expect("reads")
}

fn hot_and_cold(clock: &TestClock, users: &Users) {
    set(users, "cold", 1);
    set(users, "hot", 2);
    set(users, "one of many", 3);
    set(users, "computed", 4);
    users.set_with("short".to_owned(), 5, SetOptions::new().ttl(16)).expect("sets");
    users.set_with("for ever".to_owned(), 6, SetOptions::new().ttl(None::<u64>)).expect("sets");
    for _ in 0..30 {
        clock.advance(seconds(14));
        assert_eq!(get(users, "hot"), Some(2));
        assert_eq!(get(users, "short"), Some(5), "a value may have a time to live of its own");
        assert_eq!(users.get_many(["one of many", "none"]).expect("reads"), [Some(3), None]);
        assert_eq!(users.get_or_compute("computed", || 99).expect("reads"), 4);
    }
    assert_eq!((get(users, "cold"), get(users, "for ever")), (None, Some(6)));
    let left = users.entry("hot").expect("reads").and_then(|entry| entry.remaining()).expect("it ends");
    assert!((seconds(150)..=seconds(160)).contains(&left), "{left:?}");
    clock.advance(seconds(149));
    assert_eq!((get(users, "short"), users.contains("hot").expect("reads")), (None, true));
    clock.advance(seconds(11));
    assert_eq!((get(users, "hot"), get(users, "for ever")), (None, Some(6)));
    assert_eq!(users.get_many(["one of many"]).expect("reads"), [None]);
}

async fn hot_and_cold_in_tasks(clock: &TestClock, users: &aio::Cache<String, u64>) {
    for (value, name) in ["cold", "hot", "one of many", "computed"].into_iter().enumerate() {
        users.set(name.to_owned(), value as u64).await.expect("sets");
    }
    for _ in 0..5 {
        clock.advance(seconds(100));
        assert_eq!(users.get("hot").await.expect("reads"), Some(1));
        assert_eq!(users.get_many(["one of many"]).await.expect("reads"), [Some(2)]);
        assert_eq!(users.get_or_compute("computed", async { 99 }).await.expect("reads"), 3);
    }
    assert_eq!(users.get("cold").await.expect("reads"), None);
    clock.advance(seconds(WINDOW));
    assert_eq!(users.get("hot").await.expect("reads"), None);
}

fn looked_at(clock: &TestClock, users: &Users) {
    set(users, "ada", 1);
    clock.advance(seconds(100));
    assert!(users.contains("ada").expect("reads"));
    let entry = users.entry("ada").expect("reads").expect("it is there");
    assert_eq!((entry.age(), entry.remaining()), (seconds(100), Some(seconds(60))));
    assert_eq!(users.iter().expect("enumerates").count(), 1);
    clock.advance(seconds(60));
    assert_eq!(get(users, "ada"), None);
}

fn ended_by_hand(clock: &TestClock, users: &Users) {
    set(users, "soon", 1);
    set(users, "late", 2);
    set(users, "never", 3);
    assert_eq!(get(users, "soon"), Some(1));
    assert!(users.expire_in("soon", 50).expect("there"));
    assert!(users.expire_in("late", 1000).expect("there"));
    assert!(users.persist("never").expect("there"));
    clock.advance(seconds(40));
    assert_eq!((get(users, "soon"), get(users, "late"), get(users, "never")), (Some(1), Some(2), Some(3)));
    clock.advance(seconds(10));
    assert_eq!(get(users, "soon"), None, "the hit did not put it off");
    clock.advance(seconds(900));
    assert_eq!(get(users, "late"), Some(2), "nor did it bring it forward");
    clock.advance(seconds(50));
    assert_eq!(get(users, "late"), None);
    clock.advance(seconds(1_000_000));
    assert_eq!(get(users, "never"), Some(3));
}

fn set_anew(clock: &TestClock, users: &Users) {
    set(users, "ada", 1);
    assert!(users.expire_in("ada", 50).expect("there"));
    clock.advance(seconds(40));
    set(users, "ada", 2);
    for _ in 0..3 {
        clock.advance(seconds(100));
        assert_eq!(get(users, "ada"), Some(2), "what is set slides again");
    }
    assert!(!users.set_with("ada".to_owned(), 3, SetOptions::new().if_absent()).expect("reads"));
    clock.advance(seconds(WINDOW - 20));
    assert_eq!(get(users, "ada"), Some(2));
}

#[test]
fn a_restart_survives_reopening() {
    let open: [Tiers; 4] = [
        |dir, _| vec![format!("sqlite://{}/cache.db", dir.display())],
        |dir, _| vec![format!("file://{}/files", dir.display())],
        |dir, _| vec![format!("lmdb://{}/lmdb", dir.display())],
        |dir, _| vec!["memory".to_owned(), format!("sqlite://{}/behind.db", dir.display())],
    ];
    let dir = tempdir().expect("a directory");
    let clock = TestClock::install();
    for tiers in open {
        let first = users(tiers, dir.path(), "");
        set(&first, "ada", 1);
        clock.advance(seconds(100));
        assert_eq!(get(&first, "ada"), Some(1));
        first.close().expect("closes");
        clock.advance(seconds(100));
        // An object that does not slide itself: the entry does.
        let second = Users::builder("users").backends(tiers(dir.path(), "")).build().expect("valid URLs");
        assert_eq!(get(&second, "ada"), Some(1));
        clock.advance(seconds(100));
        assert_eq!(get(&second, "ada"), Some(1));
        clock.advance(seconds(WINDOW));
        assert_eq!(get(&second, "ada"), None);
    }
}

#[test]
fn a_snapshot_keeps_the_time_to_live_that_hits_restart() {
    let dir = tempdir().expect("a directory");
    let path = dir.path().join("users.snapshot");
    let clock = TestClock::install();
    let cache = || Users::builder("users").ttl(WINDOW).sliding().build().expect("memory needs nothing");
    let first = cache();
    set(&first, "ada", 1);
    clock.advance(seconds(100));
    assert_eq!(get(&first, "ada"), Some(1));
    first.save_to(&path).expect("saves");
    let second = cache();
    second.restore_from(&path).expect("restores");
    assert_eq!(get(&second, "ada"), Some(1));
    clock.advance(seconds(WINDOW - 1));
    assert_eq!(get(&second, "ada"), Some(1));
    clock.advance(seconds(WINDOW));
    assert_eq!(get(&second, "ada"), None, "its window is no longer than it was");
}
