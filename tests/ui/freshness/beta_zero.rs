use memo::memoize;

#[memoize(ttl = 60, early_refresh = 0.0)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
