//! Keys: what makes two calls the same call.
//!
//! The key is the tuple of the arguments, compared by equality. Borrowed arguments are looked up as they are; an owned
//! copy is made only when a value is stored.

use std::{borrow::Cow, path::Path};

use memo::{cache_get, memoize};

/// Borrowed parameters of many kinds. A hit allocates nothing for the key.
#[memoize]
fn summary(title: &str, path: &Path, words: &[&str], note: Option<&str>) -> String {
    let note = note.unwrap_or("no note");
    format!("{title} in {}: {} words, {note}", path.display(), words.len())
}

/// `Cow` is compared by what it holds, not by how.
#[memoize]
fn shout(text: Cow<'_, str>) -> String {
    text.to_uppercase()
}

/// Floats can be keys: `-0.0` is `0.0`, and NaN is one value that equals itself.
#[memoize]
fn root(x: f64) -> f64 {
    x.sqrt()
}

struct Logger;

/// What does not change the result is left out. A parameter whose name starts with `_` is left out by itself.
#[memoize(exclude(logger))]
fn area(logger: &Logger, width: u32, height: u32, _request: u64) -> u32 {
    logger.log("computing an area");
    width * height
}

impl Logger {
    #[expect(clippy::unused_self, reason = "a real one writes somewhere")]
    fn log(&self, text: &str) {
        println!("  {text}");
    }
}

/// A key of one's own: any expression over the arguments. Here a search does not care for case or order.
#[memoize(key = sorted(query))]
fn search(query: &str) -> usize {
    println!("  searching for {query}");
    query.len()
}

fn sorted(query: &str) -> Vec<String> {
    let mut words: Vec<_> = query.split_whitespace().map(str::to_lowercase).collect();
    words.sort();
    words
}

fn main() {
    let title = String::from("Report");
    let first = summary(&title, Path::new("a/b"), &["x", "y"], None);
    assert_eq!(summary("Report", Path::new("a/b"), &["x", "y"], None), first);
    assert_eq!(memo::cache_info(summary).hits, 1);
    println!("{first}");

    shout(Cow::Borrowed("hello"));
    shout(Cow::Owned("hello".to_owned()));
    assert_eq!(memo::cache_info(shout).hits, 1);

    for x in [0.0, -0.0, f64::NAN, -f64::NAN, 2.0] {
        root(x);
    }
    assert_eq!((memo::cache_info(root).misses, memo::cache_info(root).hits), (3, 2));

    area(&Logger, 2, 3, 1);
    area(&Logger, 2, 3, 2);
    assert_eq!(memo::cache_info(area).hits, 1);
    // To name an entry, `_` stands for what is not in the key.
    assert_eq!(cache_get!(area(_, 2, 3, _)), Some(6));
    assert_eq!(cache_get!(area(_, 3, 2, _)), None);

    search("Rust memoization");
    search("memoization  rust");
    assert_eq!(memo::cache_info(search).hits, 1);
    println!("\n{}", memo::report());
}
