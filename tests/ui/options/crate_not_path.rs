use memo::memoize;

#[memoize(crate = "my memo")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
