use memo::memoize;

#[memoize(max_entires = 100)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
