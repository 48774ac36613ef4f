use memo::memoize;

#[memoize(backend = "null://cache")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
