use memo::memoize;

#[memoize(exclude())]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
