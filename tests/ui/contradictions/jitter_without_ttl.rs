use memo::memoize;

#[memoize(jitter = "30s")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
