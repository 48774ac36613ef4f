use memo::{memoize, skip_cache};

#[memoize(exclude(tenant))]
fn find(tenant: u32, id: u64) -> u64 {
    id + u64::from(tenant)
}

fn main() {
    skip_cache!(find(_, 1));
}
