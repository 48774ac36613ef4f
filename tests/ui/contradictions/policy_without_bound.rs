use memo::memoize;

#[memoize(policy = "lru")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
