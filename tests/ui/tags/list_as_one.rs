use memo::memoize;

#[memoize(tag = ["users", "eu"])]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
