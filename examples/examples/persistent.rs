//! Finds the files of a folder that are most alike, and remembers what it computed of each file for the next run.
//!
//! ```text
//! cargo run --release --example persistent                # this repository's own sources
//! cargo run --release --example persistent -- FOLDER
//! cargo run --release --example persistent -- FOLDER --store file:///tmp/sketches
//! ```
//!
//! Run it twice: the second run computes nothing. Then change a file and run it again: that one is computed, and no other.
//!
//! What to look at:
//!
//! 1. `sketch`, the one function with `#[memoize]`. What its result depends on is in its key, so that a changed file
//!    is another call, and an outdated entry is never asked for again.
//! 2. `main`: nothing there knows what was computed and what came from the store, except the last lines.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use memo::memoize;
use memo_examples::{
    files::{self, SourceFile},
    minhash::{self, Permutation},
    tokens,
};

/// How many numbers stand for a file: the more, the slower and the more exact.
const PLACES: usize = 1024;

/// What stands for a file when it is compared; `None` if it is no text. After a month it is computed anew, and entries of files
/// as they once were leave the store.
///
/// Mostly the URL would be that of a store, such as `sqlite://cache.db`. Here the command line says where, so `run`
/// registers a scheme. A changed body would be noticed, what it calls is not: whoever changes `minhash` or `tokens`
/// raises the version.
#[memoize(backend = "sketches://", version = 1, key = (&*file.path, file.modified, file.bytes, PLACES), ttl = "30d")]
fn sketch(file: &SourceFile, permutations: &[Permutation]) -> io::Result<Option<Vec<u64>>> {
    let text = String::from_utf8(fs::read(&*file.path)?).ok();
    Ok(text.map(|text| minhash::signature_of(&tokens::tokenize(&text), permutations)))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("persistent failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let Arguments { folder, store } = Arguments::read()?;
    println!("Files that are alike in {}; sketches are kept in {store}", folder.display());
    memo::register_backend("sketches", move |_| memo::backend(&store))?;
    // A broken store breaks no call: the body runs. Somebody should know, though.
    memo::backend::on_error(|_, error| eprintln!("{error}"));

    let start = Instant::now();
    let files = files::list(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let permutations = minhash::permutations(PLACES);
    let mut sketches = Vec::new();
    for file in &files {
        if let Some(sketch) = sketch(file, &permutations)? {
            sketches.push((file, sketch));
        }
    }
    for (percent, left, right) in most_alike(&sketches).iter().take(5) {
        println!("  {percent:>3} %  {}  {}", left.name(), right.name());
    }

    let info = memo::cache_info(sketch);
    println!(
        "{} files in {:.2?}: {} computed, {} from the store",
        files.len(),
        start.elapsed(),
        info.misses,
        info.hits
    );
    Ok(())
}

/// All pairs of files with the share of what they have in common, the largest first.
fn most_alike<'f>(sketches: &[(&'f SourceFile, Vec<u64>)]) -> Vec<(usize, &'f SourceFile, &'f SourceFile)> {
    let mut pairs = Vec::new();
    for (at, (left, one)) in sketches.iter().enumerate() {
        for (right, other) in &sketches[at + 1..] {
            pairs.push((minhash::resemblance(one, other), *left, *right));
        }
    }
    pairs.sort_by_key(|(percent, ..)| std::cmp::Reverse(*percent));
    pairs
}

struct Arguments {
    folder: PathBuf,
    /// The URL of the store.
    store: String,
}

impl Arguments {
    fn read() -> Result<Self, Box<dyn Error>> {
        const USAGE: &str = "expected: [FOLDER] [--store URL]";
        let (mut folder, mut store) = (None, None);
        let mut arguments = env::args_os().skip(1);
        while let Some(argument) = arguments.next() {
            if argument == "--store" {
                store = Some(arguments.next().and_then(|url| url.into_string().ok()).ok_or(USAGE)?);
            } else if folder.replace(PathBuf::from(argument)).is_some() {
                return Err(USAGE.into());
            }
        }
        let folder = folder.unwrap_or_else(own_sources);
        // The store serves all folders, so paths in keys are whole.
        let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
        // Without a path: in the user's cache directory.
        Ok(Self { folder, store: store.unwrap_or_else(|| "sqlite://".to_owned()) })
    }
}

/// The folder that holds this crate and the library.
fn own_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
