use memo::memoize;

type Found = Option<u64>;

#[memoize(wait_timeout = "1s", on_timeout = "fail")]
fn find(id: u64) -> Found {
    Some(id)
}

fn main() {
    find(1);
}
