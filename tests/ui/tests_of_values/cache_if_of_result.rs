use memo::memoize;

#[memoize(cache_if = |user| user.is_ok())]
fn find(id: u64) -> Result<String, String> {
    Ok(id.to_string())
}

fn main() {
    find(1).ok();
}
