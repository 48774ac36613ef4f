use memo::memoize;

#[memoize(backend = ["file://cache", "file://cache"])]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
