use memo::memoize;

#[memoize(300)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
