use memo::memoize;

#[memoize(backend = ["memory", "lmdb://cache?sync=ful"])]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
