use memo::memoize;

#[memoize(exclude(pool), include(pool))]
fn find(pool: u8, id: u64) -> u64 {
    id + u64::from(pool)
}

fn main() {
    find(1, 1);
}
