use memo::memoize;

#[memoize(backend = "sqlite://cache.db", codec = "json+bincode")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
