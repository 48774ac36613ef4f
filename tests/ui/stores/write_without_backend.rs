use memo::memoize;

#[memoize(write = "back")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
