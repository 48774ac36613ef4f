//! What is stored for a key is no `Option`.

use memo::memoize;

#[memoize(each = ids, none_ttl = 10)]
fn names(ids: &[u64]) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(&[1]);
}
