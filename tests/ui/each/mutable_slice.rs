//! The keys are not to be changed.

use memo::memoize;

#[memoize(each = ids)]
fn names(ids: &mut [u64]) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(&mut [1]);
}
