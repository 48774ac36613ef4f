use memo::memoize;

#[memoize(wait_timeout = "soon")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
