use memo::memoize;

#[memoize(on_timeout = "run")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
