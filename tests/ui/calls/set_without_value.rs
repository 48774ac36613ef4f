use memo::{cache_set, memoize};

#[memoize]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    cache_set!(find(1)).ok();
}
