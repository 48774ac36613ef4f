//! Errors are those of a whole run.

use memo::memoize;

#[memoize(each = ids)]
fn parsed(ids: &[String]) -> Vec<Result<u64, String>> {
    ids.iter().map(|id| id.parse().map_err(|_| id.clone())).collect()
}

fn main() {
    parsed(&[]);
}
