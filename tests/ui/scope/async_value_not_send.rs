use std::rc::Rc;

use memo::memoize;

#[memoize]
async fn find(id: u64) -> Rc<u64> {
    Rc::new(id)
}

fn main() {
    drop(find(1));
}
