//! The keys come in a slice.

use memo::memoize;

#[memoize(each = ids)]
fn names(ids: Vec<u64>) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(vec![1]);
}
