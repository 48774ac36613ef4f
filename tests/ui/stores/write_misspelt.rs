use memo::memoize;

#[memoize(backend = ["memory", "null://"], write = "behind")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
