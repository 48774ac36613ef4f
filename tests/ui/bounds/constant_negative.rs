use memo::memoize;

const CAPACITY: i32 = -3;

#[memoize(max_entries = CAPACITY)]
fn find(id: u64) -> u64 {
    id
}

fn main() {}
