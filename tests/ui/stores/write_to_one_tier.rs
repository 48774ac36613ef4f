use memo::memoize;

#[memoize(backend = "sqlite://cache.db", write = "back")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
