use memo::memoize;

#[memoize(name = users)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
