use memo::memoize;

#[memoize(ttl = 60, early_refresh = "often")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
