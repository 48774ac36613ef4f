//! Rows 1, 2: a first look.
#![allow(missing_docs, clippy::unwrap_used)]
use memo::memoize;
use std::sync::atomic::{AtomicU64, Ordering};

static RUNS: AtomicU64 = AtomicU64::new(0);

#[memoize(ttl = 300, max_entries = 1000, tag = "squares")]
fn square(n: u64) -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    n * n
}

#[memoize(tags = [format!("user:{id}")], exclude(log), cache_if = |u| u.is_some())]
fn user(log: &str, id: u64) -> Option<String> {
    (id > 0).then(|| format!("{id}"))
}

#[memoize]
async fn fetch(url: &str) -> Result<String, std::fmt::Error> {
    Ok(url.to_owned())
}

struct Repo<T>(T);
impl<T: Clone + Send + Sync + 'static> Repo<T> {
    #[memoize(include(self.0))]
    fn get(&self, n: u32) -> (u32, T) where T: std::hash::Hash + Eq { (n, self.0.clone()) }
    #[memoize]
    fn size(n: usize) -> usize { n * size_of::<T>() }
}

#[test]
fn works() {
    for _ in 0..3 { assert_eq!(square(4), 16); }
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    let info = memo::cache_info(square);
    assert_eq!((info.hits, info.misses, info.size), (2, 1, 1));
    user("a", 0); user("a", 0); user("b", 1); user("c", 1);
    let info = memo::cache_info(user);
    assert_eq!((info.hits, info.misses, info.size), (1, 3, 1));
    assert_eq!(memo::cache_get!(user(_, 1)), Some(Some("1".into())));
    assert!(memo::clear_tag("user:1").unwrap().removed() == 1);
    assert_eq!(Repo(1u8).get(3), (3, 1));
    assert_eq!(Repo("x".to_string()).get(3), (3, "x".to_string()));
    assert_eq!(Repo::<u8>::size(3), 3);
    assert_eq!(Repo::<u32>::size(3), 12);
    assert_eq!(memo::cache_get!(Repo::<u32>::size(3)), Some(12));
    assert_eq!(memo::cache_info(Repo::<u8>::size).instantiations().len(), 2);
    println!("{}", memo::report());
}
