//! Rows 11, 17; promise 6: a process that never called a function reaches the entries that another process stored, and stores entries
//! that others find, whatever the function's form.
#![allow(clippy::unused_self, reason = "forms that users write, in the tests that they belong to")]

use std::path::Path;

use memo::{cache_delete, cache_get, cache_set, memoize};
use memo_tests::children;

/// Not a part of any key.
struct Log;

#[memoize(backend = "file://entries", exclude(log))]
fn plain(log: &Log, n: u64) -> u64 {
    let _ = log;
    n + 1
}

#[memoize(backend = "file://entries")]
fn generic<T: Default + Send + Sync + 'static, const N: usize>(n: u64) -> u64 {
    n + (size_of::<T>() + N) as u64
}

#[memoize(backend = "file://entries")]
async fn later(n: u64) -> u64 {
    n + 2
}

struct Repo<T>(T);

struct Pair<T>(T, T);

impl<T: Send + Sync + 'static> Repo<T> {
    #[memoize(backend = "file://entries", exclude(self, log))]
    fn get<U: Send + Sync + 'static>(&self, log: &Log, n: u64) -> u64 {
        let _ = (&self.0, log);
        n + size_of::<(T, U)>() as u64
    }
}

trait Load<A> {
    fn load(n: u64) -> u64;
    fn all(&self, n: u64) -> u64;
}

#[memoize]
impl<T: Send + Sync + 'static> Load<u8> for Repo<T> {
    #[memoize(backend = "file://entries")]
    fn load(n: u64) -> u64 {
        n + 10 + size_of::<T>() as u64
    }

    #[memoize(backend = "file://entries")]
    fn all(&self, n: u64) -> u64 {
        n + 20
    }
}

#[memoize]
impl<T: Send + Sync + 'static> Load<u16> for Pair<T> {
    #[memoize(backend = "file://entries")]
    fn load(n: u64) -> u64 {
        n + 30 + size_of::<T>() as u64
    }

    #[memoize(backend = "file://entries")]
    fn all(&self, n: u64) -> u64 {
        n + 40
    }
}

/// What `$act` gives for a call of each form.
macro_rules! each {
    ($act:ident) => {
        [
            $act!(plain(&Log, 1)),
            $act!(generic::<u8, 3>(1)),
            $act!(generic::<u32, 3>(1)),
            $act!(generic::<u32, 4>(1)),
            $act!(Repo::<u8>::get::<u16>(&Repo(0), &Log, 1)),
            $act!(Repo::<u64>::get::<u16>(&Repo(0), &Log, 1)),
            $act!(<Repo<u8> as Load<u8>>::load(1)),
            $act!(<Repo<u64> as Load<u8>>::load(1)),
            $act!(<Pair<u64> as Load<u16>>::load(1)),
            $act!(<Repo<u8> as Load<u8>>::all(&Repo(0), 1)),
            $act!(<Pair<u8> as Load<u16>>::all(&Pair(0, 0), 1)),
        ]
    };
}

macro_rules! call {
    ($($call:tt)*) => { $($call)* };
}

macro_rules! set {
    ($($call:tt)*) => { cache_set!($($call)*, 99).is_ok() };
}

macro_rules! delete {
    ($($call:tt)*) => { cache_delete!($($call)*).expect("the store is reachable") };
}

/// Does what it is told if it is another process; as a test it does nothing.
#[test]
fn another_process() {
    let Some((part, _)) = children::part() else { return };
    let done = match &*part {
        "call" => format!("{:?} {}", each!(call), smol::block_on(later(1))),
        "get" => format!("{:?} {:?}", each!(cache_get), smol::block_on(cache_get!(later(1)))),
        "set" => format!("{:?} {}", each!(set), smol::block_on(cache_set!(later(1), 99)).is_ok()),
        "delete" => format!("{:?} {}", each!(delete), smol::block_on(cache_delete!(later(1))).expect("reachable")),
        // An address comes first, and the call after it is of the same instance.
        "get and call" => {
            let _ = (each!(cache_get), smol::block_on(cache_get!(later(1))));
            format!("{:?} {}", each!(call), smol::block_on(later(1)))
        }
        other => panic!("no part: {other}"),
    };
    children::say(&done);
}

/// Plays a part in a process of its own, whose store is in the folder.
fn play(folder: &Path, part: &str) -> String {
    let output = children::command(part, &[]).current_dir(folder).output().expect("a process can be started");
    let printed = String::from_utf8(output.stdout).expect("text");
    let said = printed.lines().find_map(|line| line.split_once("said ")).map(|(_, said)| said.to_owned());
    said.unwrap_or_else(|| panic!("`{part}` fails: {}", String::from_utf8_lossy(&output.stderr)))
}

fn of_all(value: impl std::fmt::Debug) -> String {
    format!("{:?} {value:?}", std::array::from_fn::<_, 11, _>(|_| &value))
}

const VALUES: &str = "[2, 5, 8, 9, 5, 17, 12, 19, 39, 21, 41] 3";

#[test]
fn an_address_finds_what_another_process_stored() {
    let folder = tempfile::tempdir().expect("a folder for the store");
    assert_eq!(play(folder.path(), "get"), of_all(None::<u64>), "nothing is there");
    assert_eq!(play(folder.path(), "call"), VALUES);
    let found = VALUES.replace(", ", "), Some(").replace('[', "[Some(").replace("] 3", ")] Some(3)");
    assert_eq!(play(folder.path(), "get"), found);
    assert_eq!(play(folder.path(), "delete"), of_all(true));
    assert_eq!(play(folder.path(), "delete"), of_all(false));
    assert_eq!(play(folder.path(), "get"), of_all(None::<u64>));
}

#[test]
fn calls_find_what_an_address_set() {
    let folder = tempfile::tempdir().expect("a folder for the store");
    assert_eq!(play(folder.path(), "set"), of_all(true));
    assert_eq!(play(folder.path(), "call"), of_all(99));
}

#[test]
fn calls_behind_an_address_store_where_others_look() {
    let folder = tempfile::tempdir().expect("a folder for the store");
    assert_eq!(play(folder.path(), "get and call"), VALUES);
    assert_eq!(play(folder.path(), "delete"), of_all(true));
}
