use memo::memoize;

#[memoize(sliding)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
