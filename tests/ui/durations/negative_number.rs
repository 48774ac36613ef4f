use memo::memoize;

#[memoize(ttl = -1)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
