use memo::memoize;

#[memoize(backend = "file://cache?max_bytes=64XB")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
