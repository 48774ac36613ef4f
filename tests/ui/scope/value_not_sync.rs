use std::cell::Cell;

use memo::memoize;

#[memoize]
fn find(id: u64) -> Cell<u64> {
    Cell::new(id)
}

fn main() {
    find(1);
}
