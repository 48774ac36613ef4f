use memo::memoize;

const CAPACITY: usize = 0;

#[memoize(max_entries = CAPACITY)]
fn find(id: u64) -> u64 {
    id
}

fn main() {}
