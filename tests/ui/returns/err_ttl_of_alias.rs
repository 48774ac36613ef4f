use memo::memoize;

type Found = Option<u64>;

#[memoize(err_ttl = "5s")]
fn find(id: u64) -> Found {
    Some(id)
}

fn main() {
    find(1);
}
