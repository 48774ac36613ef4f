use memo::memoize;

#[memoize(handle = "UserCache")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
