use memo::memoize;

#[memoize(ttl = 60, stale_if_error = "1m")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
