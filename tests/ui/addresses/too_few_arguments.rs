use memo::{cache_get, memoize};

#[memoize]
fn find(tenant: u32, id: u64) -> u64 {
    id + u64::from(tenant)
}

fn main() {
    cache_get!(find(1));
}
