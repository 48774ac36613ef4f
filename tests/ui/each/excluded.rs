//! The keys can't be left out of the key.

use memo::memoize;

#[memoize(each = ids, exclude(ids))]
fn names(ids: &[u64]) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(&[1]);
}
