use memo::memoize;

#[memoize(crate = memory)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
