use memo::memoize;

#[memoize(backend = "sqlite://cache.db?codec=zstd+json")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
