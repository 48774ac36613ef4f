use memo::memoize;

#[memoize]
fn find(_tenant: u32, id: u64) -> u64 {
    id + u64::from(_tenant)
}

fn main() {
    find(1, 1);
}
