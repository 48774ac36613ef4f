use memo::{invalidates, memoize};

#[memoize]
fn find(id: u64) -> u64 {
    id
}

#[invalidates(find(_))]
fn save(id: u64) -> u64 {
    id
}

fn main() {
    find(save(1));
}
