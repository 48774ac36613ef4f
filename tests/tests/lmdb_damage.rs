//! Rows 29, 41, 42; promise 7: damaged and foreign files where a store in LMDB should be.

use std::{collections::BTreeMap, fs, ops::ControlFlow, path::Path};

use memo::{
    Error,
    backend::{Backend, Change, Item},
};
use memo_tests::{
    children::{Player, part, say},
    lmdb::{bytes_of, data, is_whole, new_dir, open, raw, try_open, url},
};
use xxhash_rust::xxh3::xxh3_128;

/// Plays the part that a test started this process for.
#[test]
fn another_process() {
    let Some((part, arguments)) = part() else { return };
    assert_eq!(part, "damages");
    damages(&arguments);
}

fn put(dir: &Path, key: &[u8], value: &[u8]) {
    raw(dir, |database, txn| database.put(txn, key, value));
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
    for content in [&b"x"[..], b"a database of another kind\n", &[0; 4096], &[0xff; 8192]] {
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

/// Keys that are too long for LMDB are cut and have a hash of the whole: should two have one place, each is itself.
#[test]
fn an_entry_of_another_long_key_is_a_miss() {
    let dir = new_dir();
    drop(open(&url(dir.path(), "")));
    let (key, other) = ([b'k'; 600], [b'o'; 600]);
    let place = [b"e", &key[..478], &xxh3_128(&key).to_be_bytes()].concat();
    let entry_of = |whole_key: &[u8]| {
        [&u64::MAX.to_le_bytes(), &0_u32.to_le_bytes()[..], &600_u32.to_le_bytes(), whole_key, b"bytes"].concat()
    };
    put(dir.path(), &place, &entry_of(&key));
    assert_eq!(open(&url(dir.path(), "")).get(&key).expect("it can be read").as_deref(), Some(&b"bytes"[..]));
    put(dir.path(), &place, &entry_of(&other));
    let store = open(&url(dir.path(), ""));
    assert_eq!(store.get(&key).expect("it can be read"), None);
    assert!(!store.remove(&key).expect("it can be read"), "it is not there");
}

#[test]
fn an_index_that_is_out_of_step_removes_nothing_that_lives() {
    let dir = new_dir();
    let store = open(&url(dir.path(), ""));
    store.set(b"a|lives", Item::new(b"x").expires(1_000_000)).expect("it can be set");
    store.set(b"a|for ever", Item::new(b"x")).expect("it can be set");
    store.set(b"a|expired", Item::new(b"x").expires(5)).expect("it can be set");
    drop(store);
    let index_key = |at: u64, key: &[u8]| [b"x", &at.to_be_bytes()[..], key].concat();
    for key in [&b"a|lives"[..], b"a|for ever", b"a|absent"] {
        put(dir.path(), &index_key(5, key), b"");
    }
    put(dir.path(), b"ea|unreadable", b"?");
    put(dir.path(), &index_key(6, b"a|unreadable"), b"");
    let store = open(&url(dir.path(), ""));
    assert_eq!(store.purge(10).expect("it can be cleaned"), 2, "what has expired, and what can't be read");
    for key in [&b"a|lives"[..], b"a|for ever"] {
        assert_eq!(store.get(key).expect("it can be read").as_deref(), Some(&b"x"[..]));
    }
    assert_eq!(store.count(b"a|").expect("it can count"), 2);
    drop(store);
    for key in [&b"a|lives"[..], b"a|for ever", b"a|absent"] {
        let left = raw(dir.path(), |database, txn| Ok(database.get(txn, &index_key(5, key))?.is_some()));
        assert!(!left, "what is out of step leaves the index");
    }
    let store = open(&url(dir.path(), ""));
    assert_eq!(store.purge(1_000_000).expect("it can be cleaned"), 1, "what is in step does not");
}

#[test]
fn an_entry_that_can_t_be_read_is_an_error_and_can_be_replaced() {
    let dir = new_dir();
    drop(open(&url(dir.path(), "")));
    put(dir.path(), b"ea|1", b"not an entry");
    put(dir.path(), b"ea|2", b"not one either");
    let store = open(&url(dir.path(), ""));
    let error = store.get(b"a|1").expect_err("it can't be read");
    assert!(error.is_corrupt(), "{error}");
    let change = Change::set(b"x".to_vec());
    let mut shown = Some(());
    let mut replace = |old: Option<&[u8]>| {
        shown = old.map(drop);
        change.clone()
    };
    store.update(b"a|1", &mut replace).expect("it can be replaced");
    assert_eq!(shown, None, "it is as good as none");
    assert_eq!(store.get(b"a|1").expect("it is whole").as_deref(), Some(&b"x"[..]));
    assert_eq!(store.remove_prefix(b"a|").expect("all can be removed"), 2);
    assert_eq!(store.get(b"a|2").expect("it is gone"), None);
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
            if let Some(number) = line.strip_prefix("at ") {
                last = number.parse().ok();
            } else {
                *outcomes.entry(line).or_default() += 1;
                at = last.expect("it said where") + step;
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
    let length = fs::read(data(dir.path())).expect("it can be read").len();
    let outcomes = outcomes(dir.path(), "cut", (0, 61, length));
    assert!(outcomes["refused"] > 100, "what is missing is noticed: {outcomes:?}");
    assert!(!outcomes.keys().any(|outcome| outcome.contains("but")), "{outcomes:?}");
}

#[test]
fn changed_bits_end_no_process() {
    let dir = new_dir();
    small_store(dir.path());
    let length = fs::read(data(dir.path())).expect("it can be read").len();
    let outcomes = outcomes(dir.path(), "flip", (0, STEP, length));
    assert!(outcomes["refused"] > 10 && outcomes["works"] > 10, "{outcomes:?}");
    assert!(!outcomes.keys().any(|outcome| outcome.contains("but")), "{outcomes:?}");
}

/// Of so many bytes one is hit, each time another bit: all would take a minute.
const STEP: usize = 7;

/// A page of LMDB's: where it begins in the file.
#[derive(Clone, Copy)]
struct Page(usize);

impl Page {
    const HEAD: usize = 16;

    /// Of a page; the first one says it, as that of the list of free pages.
    fn size(bytes: &[u8]) -> usize {
        Self::number(bytes, Self::HEAD + 24)
    }

    fn number(bytes: &[u8], at: usize) -> usize {
        u16::from_ne_bytes([bytes[at], bytes[at + 1]]).into()
    }

    /// The pages whose flags are these, those that are not used any more included.
    fn all(bytes: &[u8], flags: usize) -> Vec<Self> {
        let size = Self::size(bytes);
        let pages = (2 * size..bytes.len()).step_by(size).map(Self);
        pages.filter(|page| Self::number(bytes, page.0 + 10) == flags).collect()
    }

    /// Where its nodes begin in the file.
    fn nodes(self, bytes: &[u8]) -> Vec<usize> {
        let end = Self::number(bytes, self.0 + 12);
        (Self::HEAD..end).step_by(2).map(|at| self.0 + Self::number(bytes, self.0 + at)).collect()
    }
}

/// Stores many small entries of one size, changes the file, and opens it again: it must be refused for this reason.
fn refused_after(change: impl Fn(&mut [u8]), said: &str) {
    let dir = new_dir();
    let store = open(&url(dir.path(), "?sync=off"));
    let keys: Vec<_> = (0..2000_u32).map(u32::to_be_bytes).collect();
    let items: Vec<(&[u8], Item<'_>)> = keys.iter().map(|key| (&key[..], Item::new(b"value"))).collect();
    store.set_many(&items).expect("they can be set");
    drop(store);
    let mut bytes = fs::read(data(dir.path())).expect("it can be read");
    change(&mut bytes);
    fs::write(data(dir.path()), bytes).expect("it can be written");
    refused(dir.path(), Error::is_corrupt, said);
}

/// A tree in which two ways lead to one page, all numbers of pages and entries as they were.
#[test]
fn a_page_that_is_used_twice_is_refused() {
    const BRANCH: usize = 1;
    let one_for_another = |bytes: &mut [u8]| {
        for page in Page::all(bytes, BRANCH) {
            let nodes = page.nodes(bytes);
            let entries = |node: &usize| Page(Page::number(bytes, *node) * Page::size(bytes)).nodes(bytes).len();
            let alike = nodes.windows(2).find(|pair| entries(&pair[0]) == entries(&pair[1]));
            let (from, to) = alike.map(|pair| (pair[0], pair[1])).expect("some leaves are equally full");
            bytes.copy_within(from..from + 2, to);
        }
    };
    refused_after(one_for_another, "used twice");
}

/// An entry that is longer than its page, and another one shorter, so that together they seem to fill it.
#[test]
fn an_entry_that_reaches_beyond_its_page_is_refused() {
    const LEAF: usize = 2;
    let longer = |bytes: &mut [u8]| {
        for page in Page::all(bytes, LEAF) {
            let nodes = page.nodes(bytes);
            let last = nodes.iter().copied().max().expect("it has some");
            // The list of free pages may be one entry alone.
            if let Some(other) = nodes.into_iter().find(|node| *node != last) {
                bytes[last] += 2;
                bytes[other] -= 2;
            }
        }
    };
    refused_after(longer, "reaches beyond");
}

#[test]
fn a_large_file_that_was_cut_is_refused() {
    let dir = new_dir();
    let store = open(&url(dir.path(), "?sync=off"));
    for number in 0..40_u64 {
        store.set(&number.to_be_bytes(), Item::new(&vec![1; 1 << 20])).expect("it can be set");
    }
    drop(store);
    let whole = fs::metadata(data(dir.path())).expect("it is there").len();
    for missing in [4096, 10_000, 1 << 20, 30 << 20] {
        let file = fs::File::options().write(true).open(data(dir.path())).expect("it can be opened");
        file.set_len(whole - missing).expect("it can be cut");
        let error = try_open(&url(dir.path(), "?sync=off")).expect_err("something is missing");
        assert!(error.is_corrupt(), "{error}");
    }
}
