use memo::memoize;

#[memoize]
fn find(id: u64) -> u64 {
    id.to_string()
}

fn main() {
    find(1);
}
