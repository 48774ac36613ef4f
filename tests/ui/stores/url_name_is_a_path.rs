use memo::memoize;

#[memoize(backend = "shm://my/cache")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
