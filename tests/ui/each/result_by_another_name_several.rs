//! Errors are those of a whole run, whatever they are called.

use memo::memoize;

type Parsed = Result<u64, String>;

#[memoize(each = ids)]
fn parsed(ids: &[String]) -> Vec<Parsed> {
    ids.iter().map(|id| id.parse().map_err(|_| id.clone())).collect()
}

fn main() {
    parsed(&[]);
}
