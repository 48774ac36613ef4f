use memo::memoize;

#[memoize(exclude(id))]
fn find() -> u64 {
    1
}

fn main() {
    find();
}
