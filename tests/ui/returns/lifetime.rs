use std::borrow::Cow;

use memo::memoize;

#[memoize]
fn find<'a>(name: &'a str) -> Cow<'a, str> {
    Cow::Borrowed(name)
}

fn main() {
    find("");
}
