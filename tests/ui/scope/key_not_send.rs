use std::rc::Rc;

use memo::memoize;

#[memoize]
fn find(id: Rc<u64>) -> u64 {
    *id
}

fn main() {
    find(Rc::new(1));
}
