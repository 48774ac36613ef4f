use memo::memoize;

#[memoize(err_ttl = "5s")]
fn find(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {
    find(1);
}
