use std::pin::Pin;

use memo::memoize;

type Found = Pin<Box<dyn Future<Output = u64>>>;

#[memoize]
fn find(id: u64) -> Found {
    Box::pin(async move { id })
}

fn main() {
    drop(find(1));
}
