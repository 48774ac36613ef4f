use memo::memoize;

#[memoize(backend = "sqlite://cache.db", max_entries = 10)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
