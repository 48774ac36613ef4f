use memo::{memoize, overwrite_cache};

#[memoize]
fn find(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() -> Result<(), String> {
    overwrite_cache!(find(1)?);
    Ok(())
}
