use memo::memoize;

#[memoize(ttl = "-5m")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
