use memo::memoize;

#[memoize(backend = "sqlite://cache.db", codec = "json+zstd?levl=3")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
