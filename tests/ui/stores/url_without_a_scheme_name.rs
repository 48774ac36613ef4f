use memo::memoize;

#[memoize(backend = "://cache.db")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
