//! `each` names a parameter.

use memo::memoize;

#[memoize(each = id)]
fn names(ids: &[u64]) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(&[1]);
}
