use memo::memoize;

#[memoize(ttl = 300 tag = "users")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
