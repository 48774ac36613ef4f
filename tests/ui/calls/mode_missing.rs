use memo::{call_with, memoize};

#[memoize]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    call_with!(find(1));
}
