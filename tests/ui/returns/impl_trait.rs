use memo::memoize;

#[memoize]
fn find(id: u64) -> impl Iterator<Item = u64> {
    0..id
}

fn main() {
    find(1).count();
}
