use std::pin::Pin;

use memo::memoize;

#[memoize]
fn find<'a>(name: &'a str) -> Pin<Box<dyn Future<Output = &'a str> + 'a>> {
    Box::pin(async move { name })
}

fn main() {
    drop(find(""));
}
