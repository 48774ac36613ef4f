use memo::memoize;

#[memoize(backend = ["memory", "sqlite://cache.db"], ttl = "5m", sliding)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
