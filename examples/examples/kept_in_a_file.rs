//! A cache in memory whose contents are kept in one file: hooks make and check them, and it saves itself.
//!
//! What to look at: `words`, which says where the contents come from and where they go. `main` only uses the cache, first
//! as the first run of a program would, then as later ones.

use std::{
    error::Error,
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use memo::{Autosync, Cache, Contents, Hooks, register_hooks};
use memo_examples::files;

/// How often the contents were made instead of loaded.
static BUILDS: AtomicU32 = AtomicU32::new(0);

/// How often each word occurs in the sources of the examples.
fn words(snapshot: &Path) -> Result<Cache<String, u64>, memo::Error> {
    let hooks = Hooks::new()
        // When there is nothing to load.
        .builder(|| Ok(count()?.into_iter().collect()))
        // Whatever stands in the file: without this word it is no Rust.
        .validator(|words: &Contents<String, u64>| words.iter().any(|(word, _)| word == "fn"))
        // What occurs once is not worth its place in the file.
        .pre_processor(|mut words| {
            words.retain(|_, entry| *entry.value() > 1);
            Ok(words)
        });
    // Nothing is read before the cache is used.
    Cache::builder("words").snapshot(snapshot).hooks(hooks).autosync(Autosync::default()).build()
}

/// Counts the words; imagine that it takes long.
fn count() -> Result<Vec<(String, u64)>, Box<dyn Error + Send + Sync>> {
    BUILDS.fetch_add(1, Ordering::Relaxed);
    let mut counts = std::collections::HashMap::new();
    for file in files::list(Path::new(env!("CARGO_MANIFEST_DIR")))? {
        let text = fs::read_to_string(&*file.path)?;
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            *counts.entry(word.to_owned()).or_insert(0) += 1;
        }
    }
    Ok(counts.into_iter().collect())
}

fn builds() -> u32 {
    BUILDS.load(Ordering::Relaxed)
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let snapshot = dir.path().join("words.snapshot");
    // Nobody is there to be told when a save in the background fails.
    memo::backend::on_error(|cache, error| eprintln!("{cache}: {error}"));

    // The first run.
    let first = words(&snapshot)?;
    assert_eq!(builds(), 0);
    println!("`fn` occurs {} times", first.get("fn")?.unwrap_or(0));
    assert_eq!(builds(), 1);
    first.set("learned".to_owned(), 42)?;
    // It would save itself after 15 minutes, or when it is dropped. `close` says whether that worked.
    first.close()?;

    // The next one loads what the first has made and learned.
    let second = words(&snapshot)?;
    assert_eq!(second.get("learned")?, Some(42));
    assert_eq!(builds(), 1);
    println!("{} words were loaded", second.len()?);
    for (word, count) in &second {
        assert!(count > 1, "`{word}` was not saved");
    }

    // Somebody else, who knows no more than the name, adds a hook. Hooks by name go first.
    let report = |words: &Contents<String, u64>| {
        println!("{} words would be saved somewhere else", words.len());
        Ok(())
    };
    register_hooks("words", Hooks::<String, u64>::new().saver(report))?;
    second.set("learned".to_owned(), 43)?;
    second.close()?;

    // A damaged file is told to `on_error`, and then as good as none.
    fs::write(&snapshot, "not even half a snapshot")?;
    let third = words(&snapshot)?;
    assert!(third.contains("fn")?);
    assert_eq!(builds(), 2);

    // For what is not dropped, such as a `static`: at the end of `main`.
    memo::flush_all()?;
    Ok(())
}
