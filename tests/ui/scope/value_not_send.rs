use std::rc::Rc;

use memo::memoize;

#[memoize]
fn find(id: u64) -> Rc<u64> {
    Rc::new(id)
}

fn main() {
    find(1);
}
