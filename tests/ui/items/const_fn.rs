use memo::memoize;

#[memoize]
const fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
