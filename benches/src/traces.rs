//! Hit ratios of bounded caches on recorded accesses.
//!
//! The files are not part of the project; the README says which they are and where they come from.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead as _, Read},
    path::Path,
};

use crate::contenders::Column;

/// How often the peers are replayed: they hash with random seeds, and what they keep depends on the hashes.
const REPLAYS: u64 = 5;

/// The shares of the unique keys that the capacities are, as divisors.
const SHARES: [(usize, &str); 3] = [(1000, "0.1 %"), (100, "1 %"), (10, "10 %")];

/// A cell of the traces' part of the table.
pub struct Ratios {
    pub name: String,
    /// Hits in percent.
    pub cells: Vec<(Column, f64)>,
}

/// The memoized functions for one trace and size. The bound is part of the attribute, so each has its own.
struct Memoized {
    capacity: usize,
    /// Hits of the bounded store alone: values with a destructor are never copied to a front.
    store: fn(&[u64]) -> u64,
    /// Hits as a caller sees them, those on copies that a thread still has of evicted entries included.
    front: fn(&[u64]) -> u64,
}

macro_rules! memoized {
    ($($module:ident = $capacity:tt),*) => {
        [$({
            mod $module {
                #[memo::memoize(max_entries = $capacity)]
                fn boxed(key: u64) -> Box<u64> {
                    Box::new(key)
                }

                #[memo::memoize(max_entries = $capacity)]
                fn plain(key: u64) -> u64 {
                    key
                }

                pub fn store(keys: &[u64]) -> u64 {
                    keys.iter().for_each(|key| drop(boxed(*key)));
                    memo::cache_info(boxed).hits
                }

                pub fn front(keys: &[u64]) -> u64 {
                    for key in keys {
                        plain(*key);
                    }
                    memo::cache_info(plain).hits
                }
            }
            Memoized { capacity: $capacity, store: $module::store, front: $module::front }
        }),*]
    };
}

/// Replays all traces of a folder through all contenders.
pub fn replay(folder: &Path) -> Result<Vec<Ratios>, String> {
    let mut all = Vec::new();
    all.extend(ratios(folder, "OLTP.lis.zst", ranges, memoized!(oltp_s = 186, oltp_m = 1868, oltp_l = 18688))?);
    all.extend(ratios(folder, "web12.trace.xz", words::<4>, memoized!(web12_s = 13, web12_m = 137, web12_l = 1375))?);
    all.extend(ratios(folder, "corda.trace.gz", words::<8>, memoized!(corda_s = 90, corda_m = 904, corda_l = 9046))?);
    all.extend(ratios(folder, "loop.trace.gz", lines, memoized!(loops_s = 1, loops_m = 10, loops_l = 101))?);
    all.extend(ratios(folder, "2_pools.trace.gz", lines, memoized!(pools_s = 9, pools_m = 99, pools_l = 993))?);
    Ok(all)
}

type Parse = fn(Box<dyn Read>) -> io::Result<Vec<u64>>;

fn ratios(folder: &Path, file: &str, parse: Parse, memoized: [Memoized; 3]) -> Result<Vec<Ratios>, String> {
    let path = folder.join(file);
    let keys = open(&path).and_then(parse).map_err(|error| format!("{}: {error}", path.display()))?;
    let unique = keys.iter().collect::<HashSet<_>>().len();
    let name = file.split('.').next().unwrap_or(file);
    let mut all = Vec::new();
    for ((share, percent), memoized) in SHARES.into_iter().zip(memoized) {
        let capacity = (unique / share).max(1);
        if capacity != memoized.capacity {
            return Err(format!("{file} has {unique} unique keys: not the file that this was written for"));
        }
        let percent_of = |hits: u64| 100.0 * hits as f64 / keys.len() as f64;
        let cells = vec![
            (Column::Memo, percent_of((memoized.store)(&keys))),
            (Column::MemoFront, percent_of((memoized.front)(&keys))),
            (Column::Moka, percent_of(mean(|| moka(&keys, capacity)))),
            (Column::QuickCache, percent_of(mean(|| quick_cache(&keys, capacity)))),
        ];
        all.push(Ratios { name: format!("hits on {name}, {capacity} entries ({percent})"), cells });
    }
    Ok(all)
}

fn mean(replay: impl Fn() -> u64) -> u64 {
    (0..REPLAYS).map(|_| replay()).sum::<u64>() / REPLAYS
}

fn moka(keys: &[u64], capacity: usize) -> u64 {
    let cache = moka::sync::Cache::builder().max_capacity(capacity as u64).build();
    let mut hits = 0;
    for key in keys {
        if cache.get(key).is_some() {
            hits += 1;
        } else {
            cache.insert(*key, *key);
            // Otherwise it would hold more than it may, for a while.
            cache.run_pending_tasks();
        }
    }
    hits
}

fn quick_cache(keys: &[u64], capacity: usize) -> u64 {
    let cache = quick_cache::sync::Cache::new(capacity);
    let mut hits = 0;
    for key in keys {
        if cache.get(key).is_some() {
            hits += 1;
        } else {
            cache.insert(*key, *key);
        }
    }
    hits
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let file = File::open(path)?;
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        Some("xz") => Box::new(xz2::read::XzDecoder::new(file)),
        _ => Box::new(flate2::read::MultiGzDecoder::new(file)),
    })
}

/// Lines of `start count …`: so many keys from the first on.
fn ranges(file: Box<dyn Read>) -> io::Result<Vec<u64>> {
    let mut keys = Vec::new();
    for line in io::BufReader::new(file).lines() {
        let line = line?;
        let mut numbers = line.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok());
        if let (Some(start), Some(count)) = (numbers.next(), numbers.next()) {
            keys.extend(start..start + count);
        }
    }
    Ok(keys)
}

/// Big-endian numbers of so many bytes.
fn words<const BYTES: usize>(mut file: Box<dyn Read>) -> io::Result<Vec<u64>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let number = |word: &[u8]| word.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Ok(bytes.chunks_exact(BYTES).map(number).collect())
}

/// One number per line; other lines don't count.
fn lines(mut file: Box<dyn Read>) -> io::Result<Vec<u64>> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text.split_ascii_whitespace().filter_map(|line| line.parse().ok()).collect())
}
