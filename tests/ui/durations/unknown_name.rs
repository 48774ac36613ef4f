use memo::memoize;

#[memoize(ttl = lifetime)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
