use memo::memoize;

#[memoize(ttl = "5 fortnights")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
