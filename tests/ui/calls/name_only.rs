use memo::{cache_get, memoize};

#[memoize]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
    cache_get!(find);
}
