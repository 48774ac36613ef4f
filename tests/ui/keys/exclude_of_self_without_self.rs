use memo::memoize;

#[memoize(exclude(self))]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
