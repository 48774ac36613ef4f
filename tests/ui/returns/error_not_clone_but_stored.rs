use memo::memoize;

#[memoize(cache_err)]
fn find(id: u64) -> Result<u64, std::io::Error> {
    Ok(id)
}

fn main() {
    find(1).ok();
}
