use memo::memoize;

#[memoize(tag = id)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
