//! A key of one's own has to tell the elements apart.

use memo::memoize;

#[memoize(each = ids, key = tenant)]
fn names(ids: &[u64], tenant: u64) -> Vec<String> {
    ids.iter().map(|id| format!("{id} {tenant}")).collect()
}

fn main() {
    names(&[1], 1);
}
