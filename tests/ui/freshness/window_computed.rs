use memo::memoize;

#[memoize(ttl = 60, stale_while_revalidate = WINDOW)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
