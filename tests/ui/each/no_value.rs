//! `each` needs a value.

use memo::memoize;

#[memoize(each)]
fn names(ids: &[u64]) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(&[1]);
}
