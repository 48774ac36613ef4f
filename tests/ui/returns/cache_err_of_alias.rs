use memo::memoize;

type Found = Option<u64>;

#[memoize(cache_err)]
fn find(id: u64) -> Found {
    Some(id)
}

fn main() {
    find(1);
}
