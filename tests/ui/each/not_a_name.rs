//! `each` takes a name, no expression.

use memo::memoize;

#[memoize(each = ids.iter())]
fn names(ids: &[u64]) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(&[1]);
}
