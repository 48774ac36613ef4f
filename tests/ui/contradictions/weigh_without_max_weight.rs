use memo::memoize;

#[memoize(max_entries = 10, weigh = |_, value| *value)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
