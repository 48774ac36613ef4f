//! Finds passages that stand, almost the same, in several files of a folder; then looks again, and compares.
//!
//! ```text
//! cargo run --release --example quickstart            # this repository's own sources
//! cargo run --release --example quickstart -- FOLDER
//! ```
//!
//! What to look at:
//!
//! 1. The four functions with `#[memoize]`, first thing below. The attribute is all that makes them remember: their
//!    bodies, their signatures and the code that calls them (`search`) know nothing of a cache.
//! 2. `main`: the same search cold and warm; what `clear_tag` and `skip_cache!` do; and the table of `memo::report`.
//! 3. The output: the second search gives the same answer more than twenty times faster, or the program fails.

use std::{
    env, fmt, io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use memo::{memoize, skip_cache};
use memo_examples::{
    align::{self, Alignment},
    block_on,
    files::{self, SourceFile},
    minhash::{self, Band, Permutation},
    tokens::{self, Token},
    unblock,
};

/// A plain function: the first call with a `count` computes, all later ones get that value. A hit clones what is
/// stored, so large values stand in an `Arc`.
#[memoize]
fn permutations(count: usize) -> Arc<[Permutation]> {
    minhash::permutations(count).into()
}

/// An async function; `None` if the file is no text. Of a `Result` only `Ok` is stored: what failed is tried again.
/// The tag groups all that is known about one file, for clearing.
#[memoize(tag = file_tag(file))]
async fn read(file: &SourceFile) -> io::Result<Option<Arc<str>>> {
    let path = Arc::clone(&file.path);
    let bytes = unblock(move || std::fs::read(&*path)).await?;
    Ok(String::from_utf8(bytes).ok().map(Arc::from))
}

/// How thoroughly to search.
struct Finder {
    permutations: usize,
}

impl Finder {
    /// A method. Its key is `file`, which changes with the time of modification, and one field of the receiver. The
    /// text follows from the file, so it needs not be hashed and kept as well.
    #[memoize(include(self.permutations), exclude(text), tag = file_tag(file))]
    fn document(&self, file: &SourceFile, text: &str) -> Arc<Document> {
        let tokens = tokens::tokenize(text);
        let bands = minhash::bands(&tokens, &permutations(self.permutations));
        Arc::new(Document { file: file.clone(), tokens, bands })
    }

    /// A key of its own: two documents are known by their files. The entry goes when either file is cleared.
    #[memoize(
        key = (self.permutations, &left.file, &right.file),
        tags = [file_tag(&left.file), file_tag(&right.file)]
    )]
    fn shared(&self, left: &Document, right: &Document) -> Arc<[Alignment]> {
        let places = minhash::candidates(&left.bands, &right.bands);
        let is_enough = |a: &Alignment| a.equal >= 40 && a.percent() >= 80;
        align::shared(&left.tokens, &right.tokens, &places, is_enough).into()
    }
}

fn file_tag(file: &SourceFile) -> String {
    format!("file:{}", file.name())
}

/// A file, taken apart.
struct Document {
    file: SourceFile,
    tokens: Vec<Token>,
    bands: Vec<Band>,
}

/// Passages of two files that are nearly the same.
#[derive(Debug, PartialEq, Eq)]
struct Duplicate {
    left: String,
    right: String,
    tokens: usize,
    percent: usize,
}

/// Compares every file with every other. Nothing here says what was computed and what was remembered.
async fn search(finder: &Finder, files: &[SourceFile]) -> io::Result<Vec<Duplicate>> {
    let mut documents = Vec::new();
    for file in files {
        if let Some(text) = read(file).await? {
            documents.push(finder.document(file, &text));
        }
    }
    let mut duplicates = Vec::new();
    for (at, left) in documents.iter().enumerate() {
        for right in &documents[at + 1..] {
            for alignment in finder.shared(left, right).iter() {
                duplicates.push(Duplicate {
                    left: place(left, &alignment.left),
                    right: place(right, &alignment.right),
                    tokens: alignment.equal,
                    percent: alignment.percent(),
                });
            }
        }
    }
    duplicates.sort_by_key(|duplicate| std::cmp::Reverse(duplicate.tokens));
    Ok(duplicates)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::args_os().nth(1).map_or_else(own_sources, PathBuf::from);
    let files = files::list(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let file = files.first().ok_or("there is no file to search in")?;
    let finder = Finder::for_files(&files);
    println!("Near-duplicates in {}: {} files, {} permutations", folder.display(), files.len(), finder.permutations);

    // The same search twice.
    let (cold_time, cold) = timed(|| block_on(search(&finder, &files)))?;
    let (warm_time, warm) = timed(|| block_on(search(&finder, &files)))?;
    let times_faster = cold_time.as_secs_f64() / warm_time.as_secs_f64();
    println!("\ncold {cold_time:>9.2?}   {} near-duplicates", cold.len());
    println!("warm {warm_time:>9.2?}   {} near-duplicates, {times_faster:.0} times faster", warm.len());

    // Clearing a tag: what is known about one file goes, and only that is computed again.
    let (documents, pairs) = (misses(Finder::document), misses(Finder::shared));
    let removed = memo::clear_tag(file_tag(file))?.removed();
    let (again_time, again) = timed(|| block_on(search(&finder, &files)))?;
    println!(
        "\nclear_tag(\"{}\") removed {removed} entries; then {again_time:.2?}: {} document and {} pairs done again",
        file_tag(file),
        misses(Finder::document) - documents,
        misses(Finder::shared) - pairs,
    );

    // Skipping: this one call runs the body, past the cache. Wrap the call as it stands.
    if let Some(text) = block_on(read(file))? {
        let (time, fresh) = timed(|| Ok(skip_cache!(finder.document(file, &text))))?;
        let same = fresh.tokens == finder.document(file, &text).tokens;
        println!(
            "skip_cache!(finder.document(…)) took {time:.2?}, {} skipped",
            memo::cache_info(Finder::document).skipped
        );
        if !same {
            return Err("the body gives other tokens than the cache".into());
        }
    }

    println!("\nThe longest of {}:", cold.len());
    cold.iter().take(5).for_each(|duplicate| println!("  {duplicate}"));
    println!("\n{}", memo::report());

    if cold != warm || cold != again {
        return Err("the searches disagree: a cache returned what its function would not".into());
    }
    if times_faster < 20.0 {
        return Err(format!("warm is only {times_faster:.1} times faster than cold; 20 are promised").into());
    }
    if cold_time < Duration::from_secs(2) {
        println!("The cold search took less than 2 s: a larger folder shows more.");
    }
    println!("Same answers, and warm is {times_faster:.0} times faster (20 are promised).");
    Ok(())
}

impl Finder {
    /// The less there is to search, the more thorough the search can be.
    fn for_files(files: &[SourceFile]) -> Self {
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let affordable = usize::try_from(400_000_000 / bytes.max(1)).unwrap_or(usize::MAX);
        Self { permutations: affordable.clamp(128, 2048) / 64 * 64 }
    }
}

/// The folder that holds this crate and the library.
fn own_sources() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    workspace.canonicalize().unwrap_or_else(|_| PathBuf::from("."))
}

fn timed<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<(Duration, T)> {
    let start = Instant::now();
    let value = work()?;
    Ok((start.elapsed(), value))
}

fn misses<F>(function: F) -> u64 {
    memo::cache_info(function).misses
}

fn place(document: &Document, range: &std::ops::Range<usize>) -> String {
    let lines = document.tokens[range.clone()].iter().map(|token| token.line);
    let (first, last) = (lines.clone().min().unwrap_or(0), lines.max().unwrap_or(0));
    format!("{}:{first}-{last}", document.file.name())
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left, right, tokens, percent } = self;
        write!(f, "{tokens:>4} tokens, {percent:>3} % alike: {left}  {right}")
    }
}
