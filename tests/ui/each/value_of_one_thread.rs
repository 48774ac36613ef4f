//! A value that threads can't share.

use std::rc::Rc;

use memo::memoize;

#[memoize(each = ids)]
fn pages(ids: &[u64]) -> Vec<Rc<u64>> {
    ids.iter().map(|id| Rc::new(*id)).collect()
}

fn main() {
    pages(&[1]);
}
