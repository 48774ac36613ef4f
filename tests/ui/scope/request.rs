use memo::memoize;

#[memoize(scope = "request")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
