use memo::memoize;

#[memoize(tag = 7)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
