use memo::memoize;

#[memoize(backend = "sqlite://cache.db?readers=0")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
