//! There is no value for each key.

use memo::memoize;

#[memoize(each = ids)]
fn sum(ids: &[u64]) -> u64 {
    ids.iter().sum()
}

fn main() {
    sum(&[1]);
}
