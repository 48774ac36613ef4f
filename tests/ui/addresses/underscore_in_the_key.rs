use memo::{cache_get, memoize};

#[memoize]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    cache_get!(find(_));
}
