use memo::memoize;

#[memoize(none_ttl = "5s")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
