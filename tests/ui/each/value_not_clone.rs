//! A value that can't be cloned.

use memo::memoize;

struct Page;

#[memoize(each = ids)]
fn pages(ids: &[u64]) -> Vec<Page> {
    ids.iter().map(|_| Page).collect()
}

fn main() {
    pages(&[1]);
}
