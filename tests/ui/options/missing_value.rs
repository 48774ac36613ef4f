use memo::memoize;

#[memoize(max_entries = )]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
