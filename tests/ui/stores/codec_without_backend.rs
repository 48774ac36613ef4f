use memo::memoize;

#[memoize(codec = "json")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
