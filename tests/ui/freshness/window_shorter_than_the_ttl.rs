use memo::memoize;

#[memoize(ttl = "5m", stale_while_revalidate = "1m")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
