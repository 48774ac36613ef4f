use memo::memoize;

#[memoize(ttl = 300, jitter = 1.5)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
