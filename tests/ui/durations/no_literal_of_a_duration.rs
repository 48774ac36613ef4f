use memo::memoize;

#[memoize(ttl = true)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
