use memo::memoize;

#[memoize(ttl = 99999999999999999999)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
