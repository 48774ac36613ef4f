use memo::memoize;

#[memoize(backend = "memory://sessions?codec")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
