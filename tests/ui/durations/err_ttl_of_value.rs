use memo::memoize;

#[memoize(err_ttl = |error| 5)]
fn find(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {
    find(1).ok();
}
