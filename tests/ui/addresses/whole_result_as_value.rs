use memo::{cache_set, memoize};

#[memoize]
fn find(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {
    cache_set!(find(1), Ok(1)).ok();
}
