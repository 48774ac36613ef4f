//! Elements that can't be keys.

use memo::memoize;

#[derive(Clone)]
struct Id(u64);

#[memoize(each = ids)]
fn names(ids: &[Id]) -> Vec<String> {
    ids.iter().map(|id| id.0.to_string()).collect()
}

fn main() {
    names(&[Id(1)]);
}
