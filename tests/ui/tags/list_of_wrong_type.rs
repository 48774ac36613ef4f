use memo::memoize;

#[memoize(tags = id)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
