use memo::memoize;

type Found = Result<u64, String>;

#[memoize(none_ttl = "5s")]
fn find(id: u64) -> Found {
    Ok(id)
}

fn main() {
    find(1).ok();
}
