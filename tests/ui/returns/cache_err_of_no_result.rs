use memo::memoize;

#[memoize(cache_err)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
