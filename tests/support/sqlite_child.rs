//! A process that uses an SQLite store beside the tests: `sqlite_child <what> <url>`. A broken promise is a panic.

use std::io::{Write, stdin, stdout};

use memo::backend::{Backend, Change, Item, Sqlite, Url, conformance};

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(what), Some(url)) = (args.next(), args.next()) else { panic!("sqlite_child <what> <url>") };
    let url = Url::parse(&url).expect("a URL");
    match &*what {
        "conform" => conformance::check(&open(&url)),
        "count" => count(&open(&url), 300),
        "write" => write(&open(&url)),
        "hold" => hold(&open(&url)),
        "fill" => fill(&open(&url)),
        "read_only" => read_only(&open(&url)),
        "refused" => refused(&url),
        _ => panic!("no such thing: {what}"),
    }
}

fn open(url: &Url) -> Sqlite {
    Sqlite::open(url).expect("the store opens")
}

/// Adds one to a number, many times, and reads meanwhile.
fn count(store: &dyn Backend, times: u32) {
    for time in 0..times {
        let mut add_one = |bytes: Option<&[u8]>| {
            let sum: u32 = bytes.map_or(0, |bytes| String::from_utf8_lossy(bytes).parse().expect("a number"));
            Change::Set {
                bytes: (sum + 1).to_string().into_bytes(),
                expires: None,
                tags: vec!["sum".to_owned()],
                since: None,
                is_news: true,
            }
        };
        store.update(b"sum", &mut add_one).expect("nobody is in the way for long");
        assert!(store.get(b"sum").expect("a read never waits").is_some(), "what is there is found, time {time}");
    }
}

/// Writes for ever, and says what has been acknowledged: a key and a number that grows. `batch|…` are written together.
fn write(store: &dyn Backend) {
    let mut said = stdout().lock();
    let start = store.get(b"last").expect("a read").map_or(0, |bytes| number_of(&bytes));
    for number in start + 1.. {
        let bytes = filled(number);
        let one = format!("one|{}", number % 50);
        store.set(one.as_bytes(), Item::new(&bytes).tags(&["one"])).expect("a write");
        writeln!(said, "{one} {number}").expect("the parent listens");
        let item = Item::new(&bytes).expires(4_000_000_000_000);
        store.set_many(&[(b"batch|1", item), (b"batch|2", item), (b"batch|3", item)]).expect("a write");
        writeln!(said, "batch|1 {number}").expect("the parent listens");
        store.set(b"last", Item::new(&bytes)).expect("a write");
        said.flush().expect("the parent listens");
    }
}

/// Bytes that tell their number and whether they are whole.
fn filled(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(1 + usize::try_from(number % 400).expect("small"))
}

fn number_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Writes, says so, and writes again when it is told to.
fn hold(store: &dyn Backend) {
    for number in 0..100 {
        store.set(format!("old|{number}").as_bytes(), Item::new(&filled(number))).expect("a write");
    }
    println!("ready");
    stdin().read_line(&mut String::new()).expect("the parent speaks");
    store.set(b"held", Item::new(b"x")).expect("a write");
    assert_eq!(store.count(b"old|").expect("a read"), 0, "the new database is used");
}

/// Writes until the disk is full: an error that says so, and what was there is still there.
fn fill(store: &dyn Backend) {
    let mut number: u64 = 0;
    let error = loop {
        number += 1;
        assert!(number < 10_000, "the disk is small, but never full");
        if let Err(error) = store.set(&number.to_be_bytes(), Item::new(&filled(number))) {
            break error;
        }
    };
    assert!(error.is_unavailable() && error.to_string().contains("no room is left"), "{error}");
    for number in 1..number {
        let read = store.get(&number.to_be_bytes()).expect("reads go on");
        assert!(read == Some(filled(number)), "entry {number} is as it was acknowledged");
    }
    assert_eq!(store.get(&number.to_be_bytes()).expect("reads go on"), None, "what was refused is not there");
}

/// What can't be written is read, and writing is an error.
fn read_only(store: &dyn Backend) {
    assert_eq!(store.get(b"k").expect("reads work").as_deref(), Some(&b"v"[..]));
    let error = store.set(b"k", Item::new(b"w")).expect_err("writes don't");
    assert!(error.is_unavailable() && error.to_string().contains("write access"), "{error}");
    assert_eq!(store.get(b"k").expect("reads work").as_deref(), Some(&b"v"[..]));
}

/// Where nothing can be created, opening is an error that names the place.
fn refused(url: &Url) {
    let error = Sqlite::open(url).expect_err("nothing can be created here");
    let place = std::path::Path::new(url.location()).parent().expect("a directory").to_string_lossy();
    assert!(error.is_unavailable() && error.to_string().contains(&*place), "{error}");
}
