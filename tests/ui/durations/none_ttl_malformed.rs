use memo::memoize;

#[memoize(none_ttl = "5 mins ago")]
fn find(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {
    find(1);
}
