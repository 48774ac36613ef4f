//! Rows 2, 34, 41; promise 7: `explain_cache!` on functions with stores says what a call would find, as far as the stores can
//! tell, and changes and counts nothing.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use memo::{
    Error, Explanation,
    backend::{Backend, Capabilities, Item, Memory, backend, register_backend},
    cache_info, cache_set,
    clock::TestClock,
    explain_cache, memoize,
    wire::Frame,
};
use memo_tests::{counts, fresh, moody::moody, until};
use tempfile::tempdir;
use xxhash_rust::xxh3::xxh3_64;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Puts other bytes in the place of all entries of a store.
fn change(url: &str, change: impl Fn(&[u8]) -> Vec<u8> + Sync) {
    let store = backend(url).expect("a store in memory");
    let mut entries = Vec::new();
    let scanned = store.scan(b"", &mut |key, bytes| {
        entries.push((key.to_vec(), change(bytes)));
        ControlFlow::Continue(())
    });
    scanned.expect("memory enumerates");
    assert!(!entries.is_empty(), "nothing is changed");
    for (key, bytes) in entries {
        store.set(&key, Item::new(&bytes)).expect("memory");
    }
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[20] ^= 1;
    changed
}

/// The frame with another value.
fn with_value(bytes: &[u8], value: &[u8]) -> Vec<u8> {
    let mut changed = Vec::new();
    Frame { value, ..Frame::read(bytes).expect("it is whole") }.write(&mut changed).expect("it can be written");
    changed
}

/// What a later version of the library might write.
fn newer(bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes[..bytes.len() - 8].to_vec();
    changed[4] = 9;
    let checksum = xxh3_64(&changed);
    changed.extend_from_slice(&checksum.to_le_bytes());
    changed
}

#[test]
fn a_hit_says_in_which_tier() {
    #[memoize(backend = ["memory", "memory://explains-upper", "explains-lower://"], ttl = 100)]
    fn number(n: u64) -> u64 {
        n
    }
    let dir = tempdir().expect("a directory");
    let url = format!("sqlite://{}/cache.db", dir.path().display());
    register_backend("explains-lower", move |_| backend(&url)).expect("this test's own");
    let clock = TestClock::install();
    assert_eq!(explain_cache!(number(1)), Explanation::Absent);
    number(1);
    clock.advance(seconds(30));
    assert_eq!(explain_cache!(number(1)).to_string(), "hit in memory, stored 30s ago, expires in 70s");
    let (mut bytes, upper) = (Vec::new(), backend("memory://explains-upper").expect("the same store"));
    let scanned = upper.scan(b"", &mut |key, found| {
        bytes.push((key.to_vec(), found.to_vec()));
        ControlFlow::Break(())
    });
    scanned.expect("memory enumerates");
    // Out of all, and back into the last one, as another process would put it there.
    memo::cache_clear(number).expect("reachable");
    assert_eq!(explain_cache!(number(1)), Explanation::Absent);
    let lower = backend(&format!("sqlite://{}/cache.db", dir.path().display())).expect("the same store");
    lower.set(&bytes[0].0, Item::new(&bytes[0].1)).expect("sets");
    for _ in 0..2 {
        let text = explain_cache!(number(1)).to_string();
        assert_eq!(text, "hit in sqlite, stored 30s ago, expires in 70s", "nothing is carried up");
    }
    assert_eq!(counts(number), (0, 1, 1));
    assert_eq!(cache_info(number).errors, 0);
}

#[test]
fn what_has_expired_is_said_to_have() {
    #[memoize(backend = ["memory", "memory://explains-expired"], ttl = 100)]
    fn number(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    number(1);
    clock.advance(seconds(100));
    assert_eq!(explain_cache!(number(1)), Explanation::Expired);
    assert_eq!(explain_cache!(number(2)), Explanation::Absent);
}

#[test]
fn an_entry_of_another_version_is_told_from_none() {
    mod before {
        #[memo::memoize(backend = "memory://explains-versions", name = "explained", version = 1)]
        pub(crate) fn number(n: u64) -> u64 {
            n
        }
    }
    mod after {
        #[memo::memoize(backend = "memory://explains-versions", name = "explained", version = 2, ttl = 100)]
        pub(crate) fn number(n: u64) -> u64 {
            n + 1
        }
    }
    let clock = TestClock::install();
    before::number(1);
    clock.advance(seconds(7));
    let found = explain_cache!(after::number(1));
    assert!(matches!(found, Explanation::OtherVersion { tier: "memory", age, .. } if age == seconds(7)), "{found}");
    assert_eq!(explain_cache!(after::number(2)), Explanation::Absent, "of another key there is none");
    assert!(explain_cache!(before::number(1)).is_hit());
    after::number(2);
    clock.advance(seconds(100));
    assert_eq!(explain_cache!(after::number(2)), Explanation::Expired);
    assert_eq!(explain_cache!(before::number(2)), Explanation::Absent, "what has expired would not help either");
}

#[test]
fn damage_is_told_from_absence() {
    #[memoize(backend = "memory://explains-damage")]
    fn text(n: u64) -> String {
        n.to_string()
    }
    let url = "memory://explains-damage";
    text(7);
    change(url, |bytes| with_value(bytes, &[200, 1, 2]));
    let found = explain_cache!(text(7));
    assert!(matches!(&found, Explanation::Undecodable { tier: "memory", .. }), "{found}");
    assert!(found.to_string().starts_with("miss: the entry in memory can't be decoded: "), "{found}");
    change(url, newer);
    let found = explain_cache!(text(7));
    assert!(matches!(&found, Explanation::Newer { reason, .. } if reason.contains("format 9")), "{found}");
    change(url, flipped);
    for _ in 0..2 {
        let found = explain_cache!(text(7));
        assert!(matches!(&found, Explanation::Corrupt { reason, .. } if reason.contains("checksum")), "{found}");
    }
    assert_eq!((counts(text), cache_info(text).errors), ((0, 1, 1), 0), "it is looked at, not counted or removed");
    assert_eq!((text(7), cache_info(text).errors), ("7".to_owned(), 1));
    assert!(explain_cache!(text(7)).is_hit());
}

#[test]
fn the_next_tier_counts_where_one_has_nothing() {
    #[memoize(backend = ["memory://explains-first", "memory://explains-second"])]
    fn number(n: u64) -> u64 {
        n
    }
    number(1);
    change("memory://explains-first", flipped);
    assert!(explain_cache!(number(1)).is_hit());
    change("memory://explains-second", newer);
    let found = explain_cache!(number(1));
    assert!(matches!(found, Explanation::Corrupt { .. }), "of several reasons that of the first tier: {found}");
}

/// A store that can be told to fail.
#[derive(Default)]
struct Failing {
    inner: Memory,
    fails: AtomicBool,
}

impl Failing {
    fn ask(&self) -> Result<(), Error> {
        if self.fails.load(Ordering::SeqCst) { Err(Error::unavailable("it is out")) } else { Ok(()) }
    }
}

impl Backend for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    memo_tests::as_inside!(self.inner: set remove remove_prefix);

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.ask().and_then(|()| self.inner.get(key))
    }
}

#[test]
fn a_store_that_is_down_is_named() {
    #[memoize(backend = ["explains-failing://", "memory://explains-behind"])]
    fn number(n: u64) -> u64 {
        n
    }
    let store = Arc::new(Failing::default());
    let opened = store.clone();
    register_backend("explains-failing", move |_| Ok(opened.clone())).expect("this test's own");
    number(1);
    assert_eq!(explain_cache!(number(2)), Explanation::Absent, "a store need not enumerate");
    store.fails.store(true, Ordering::SeqCst);
    assert!(explain_cache!(number(1)).is_hit(), "the other one has it");
    assert_eq!(explain_cache!(number(2)).to_string(), "miss: failing can't be asked: it is out");
    assert_eq!(cache_info(number).errors, 0);
}

#[test]
fn a_store_that_does_not_open_is_named() {
    #[memoize(backend = ["memory", "explains-nowhere://"])]
    fn number(n: u64) -> u64 {
        n
    }
    assert_eq!(number(1), 1);
    assert!(explain_cache!(number(1)).is_hit(), "memory has it");
    let found = explain_cache!(number(2));
    let Explanation::Unavailable { tier, reason, .. } = &found else { panic!("{found}") };
    assert!(tier == "explains-nowhere" && reason.contains("explains-nowhere"), "{found}");
    let errors = || cache_info(number).tiers[1].errors;
    let before = errors();
    assert!(!explain_cache!(number(2)).is_hit());
    assert_eq!(errors(), before + 1, "of the second question for the size");
}

#[test]
fn a_value_that_waits_to_be_written_is_a_hit() {
    #[memoize(backend = ["memory", "explains-queued://"], write = "back", max_entries = 1, policy = "fifo", ttl = 100)]
    fn number(n: u64) -> u64 {
        n + fresh()
    }
    let clock = TestClock::install();
    let first = number(1);
    // Only this one fits into memory, and the store was never there.
    number(2);
    clock.advance(seconds(30));
    assert_eq!(explain_cache!(number(1)).to_string(), "hit in queue, stored 30s ago, expires in 70s");
    assert_eq!(number(1), first);
    let found = explain_cache!(number(3));
    assert!(matches!(found, Explanation::Unavailable { .. }), "{found}");
    clock.advance(seconds(70));
    assert_eq!(explain_cache!(number(1)), Explanation::Expired);
}

#[test]
fn what_waits_to_be_written_counts_before_what_it_replaces() {
    #[memoize(backend = ["memory", "explains-replaced://"], write = "back", max_entries = 1, policy = "fifo", ttl = 100)]
    fn number(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    let store = moody("explains-replaced");
    number(1);
    until(|| cache_info(number).queued == 0);
    store.fails.store(true, Ordering::SeqCst);
    clock.advance(seconds(30));
    cache_set!(number(1), 7).expect("queued");
    cache_set!(number(2), 2).expect("queued");
    clock.advance(seconds(1));
    assert_eq!(explain_cache!(number(1)).to_string(), "hit in queue, stored 1s ago, expires in 99s");
}

#[test]
fn a_cleared_tag_is_named() {
    #[memoize(backend = "memory://explains-tags", tags = ["explained", format!("explained:{n}")])]
    fn in_a_store(n: u64) -> u64 {
        n
    }
    #[memoize(tags = ["explained", format!("explained:{n}")])]
    fn in_memory(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    assert_eq!((in_a_store(1), in_memory(1)), (1, 1));
    memo::clear_tag("explained:1").expect("memory");
    clock.advance(seconds(5));
    for found in [explain_cache!(in_a_store(1)), explain_cache!(in_memory(1))] {
        assert_eq!(found.to_string(), "miss: there is no entry; `explained:1` was cleared 5s ago");
    }
    assert_eq!(
        (explain_cache!(in_a_store(2)), explain_cache!(in_memory(2))),
        (Explanation::Absent, Explanation::Absent)
    );
    memo::Clear::new().tag("explained").tag("explained:2").run().expect("memory");
    let found = explain_cache!(in_a_store(2));
    assert!(matches!(&found, Explanation::Cleared { tags, .. } if tags.len() == 2), "{found}");
    in_a_store(1);
    assert!(explain_cache!(in_a_store(1)).is_hit());
}

#[tokio::test]
async fn async_functions_are_explained() {
    #[memoize(
        backend = ["memory", "memory://explains-tasks"],
        ttl = 100,
        tag = "explained in tasks",
        validate = |entry| *entry.value() != 3,
    )]
    async fn number(n: u64) -> u64 {
        n
    }
    let clock = TestClock::install();
    assert_eq!(explain_cache!(number(1)).await, Explanation::Absent);
    assert_eq!((number(1).await, number(3).await), (1, 3));
    assert!(explain_cache!(number(1)).await.is_hit());
    assert_eq!(explain_cache!(number(3)).await, Explanation::Invalid);
    clock.advance(seconds(100));
    assert_eq!(explain_cache!(number(1)).await, Explanation::Expired);
    change("memory://explains-tasks", flipped);
    let found = explain_cache!(number(1)).await;
    assert!(matches!(found, Explanation::Corrupt { .. }), "{found}");
    memo::aio::clear_tag("explained in tasks").await.expect("memory");
    let found = explain_cache!(number(1)).await;
    assert!(matches!(found, Explanation::Cleared { .. }), "{found}");
    cache_set!(number(1), 3).await.expect("memory");
    assert_eq!(explain_cache!(number(1)).await, Explanation::Invalid);
}
